"""What an op's decomposition is written with."""

from __future__ import annotations

from typing import Any, Protocol

from archc.ir.types import TensorType


class Term(Protocol):
    """A value while an op is taken apart."""

    @property
    def type(self) -> TensorType: ...


class Build(Protocol):
    """Adds ops in place of the one that is taken apart.

    Numbers become constants of the other matched operands' type; a variadic input is as many
    operands. A term among the attributes is fed as the weight of that name.
    """

    def op(self, name: str, *inputs: Term | float | None, **attributes: Any) -> Term:
        """The first output of a new op."""
        ...

    def outputs(
        self, name: str, *inputs: Term | float | None, **attributes: Any
    ) -> tuple[Term, ...]:
        """All outputs of a new op."""
        ...

    def weight(self, name: str) -> Term:
        """A weight that the op declares, by the name it declares it under."""
        ...
