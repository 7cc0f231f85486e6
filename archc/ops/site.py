"""One use of an op while it is typed, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archc.init import Init
from archc.ir.dims import Size
from archc.ir.types import FLOATING, DType, TensorType
from archc.records import record

if TYPE_CHECKING:
    from archc.ops.base import Op


class TypingError(Exception):
    """Why inputs and attributes do not fit; `about` names the input or attribute to point at."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        about: str = "",
        label: str = "",
        help: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.about, self.label = code, message, about, label
        self.help, self.notes = help, tuple(notes)


@record
class WeightType:
    """A weight that an op asks for. A buffer is stored but never trained.

    `value` holds nested tuples of numbers where the initial values are written out.
    """

    name: str
    type: TensorType
    init: Init
    buffer: bool = False
    value: object = None


class Site:
    """One use of an op while it is typed: the input types, and the weights that it declares."""

    def __init__(
        self,
        op: Op,
        inputs: Mapping[str, TensorType | tuple[TensorType, ...] | None],
        fed: Mapping[str, TensorType] | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.fed: Mapping[str, TensorType] = fed or {}
        self.weights: dict[str, WeightType] = {}
        self.used: set[str] = set()  # the fed weights that the op asked for
        self._last: TensorType | None = None  # the type of the weight that was declared last

    def __getitem__(self, name: str) -> TensorType:
        """A required input's type."""
        value = self.inputs[name]
        assert isinstance(value, TensorType)
        return value

    def optional(self, name: str) -> TensorType | None:
        value = self.inputs.get(name)
        assert value is None or isinstance(value, TensorType)
        return value

    def all(self, name: str) -> tuple[TensorType, ...]:
        """A variadic input's types."""
        value = self.inputs[name]
        assert isinstance(value, tuple)
        if not value:
            raise TypingError("E307", f"{self.op.name} has no input", about=name)
        return value

    def matching(self, *names: str) -> DType:
        """The element type that the named inputs share; absent ones do not count."""
        found: list[tuple[str, DType]] = []
        for name in names:
            value = self.inputs.get(name)
            types = value if isinstance(value, tuple) else () if value is None else (value,)
            found += [(name, type.dtype) for type in types]
        for name, dtype in found:
            if dtype != found[0][1]:
                raise TypingError(
                    "E303",
                    f"{self.op.name}: the element types differ: {found[0][1]} and {dtype}",
                    about=name,
                    label=dtype,
                    help=f"convert one of them: cast: {found[0][1]}",
                )
        return found[0][1]

    def weight(
        self,
        name: str,
        dims: Sequence[Size],
        init: Init,
        dtype: DType = "float32",
        *,
        buffer: bool = False,
        value: object = None,
    ) -> TensorType:
        """Declares a weight, or checks the value that is fed in its place.

        Weights have no symbolic sizes.
        """
        wanted = self._last  # several weights of one type share it
        if wanted is None or wanted.dims != tuple(dims) or wanted.dtype != dtype:
            wanted = self._last = TensorType(dtype, tuple(dims))
        if self.fed and name in self.fed:
            self.used.add(name)
            self._check_fed(name, wanted)
        elif not wanted.fixed:
            raise TypingError(
                "E312",
                f"the weight '{name}' would have the symbolic shape {wanted.shape_text}",
                about=name,
                help="a weight's shape is fixed before training: give the dimension a number",
            )
        else:
            self.weights[name] = WeightType(name, wanted, init, buffer, value)
        return wanted

    def _check_fed(self, name: str, wanted: TensorType) -> None:
        found = self.fed[name]
        if found != wanted:
            raise TypingError(
                "E310",
                f"the weight '{name}' does not fit",
                about=name,
                label=f"expected {wanted}",
                notes=(f"found {found}",),
            )

    def rank(self, name: str, *ranks: int) -> TensorType:
        """The input's type, whose rank is one of `ranks`."""
        x = self[name]
        if x.rank not in ranks:
            wanted = " or ".join(map(str, ranks))
            raise TypingError(
                "E302",
                f"{self.op.name} takes an input of rank {wanted}, found {x.shape_text}",
                about=name,
                label=f"rank {x.rank}",
            )
        return x

    def least_rank(self, name: str, least: int) -> TensorType:
        x = self[name]
        if x.rank < least:
            raise TypingError(
                "E302",
                f"{self.op.name} takes an input of rank {least} or more, found {x.shape_text}",
                about=name,
                label=f"rank {x.rank}",
            )
        return x

    def dtype(self, name: str, allowed: frozenset[DType]) -> TensorType:
        """The input's type, whose element type is one of `allowed`."""
        x = self[name]
        if x.dtype not in allowed:
            raise TypingError(
                "E303",
                f"{self.op.name} takes {'/'.join(sorted(allowed))}, found {x}",
                about=name,
                label=x.dtype,
                help="convert first: cast: "
                + next((dtype for dtype in ("float32", "int64") if dtype in allowed), min(allowed)),
            )
        return x

    def floating(self, name: str = "x") -> TensorType:
        return self.dtype(name, FLOATING)

    def axis(self, axis: int, rank: int, about: str = "axis") -> int:
        """The axis counted from 0; negative ones count from the end."""
        if not -rank <= axis < rank:
            raise TypingError(
                "E308", f"there is no axis {axis} in a value of rank {rank}", about=about
            )
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int, about: str = "axes") -> tuple[int, ...]:
        result = tuple(self.axis(axis, rank, about) for axis in axes)
        if len(set(result)) != len(result):
            raise TypingError("E308", "an axis is named twice", about=about)
        return result
