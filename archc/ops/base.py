"""What an op is: attributes, inputs, inference, weights, cost, decomposition and examples.

An op is declared by subclassing `Op`. Its class docstring is its documentation and names the source
of its formula. `infer` is its typing rule: it checks the inputs, declares the weights, and gives
the output types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import Attribute, freeze
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ir.prepared import Meaning
    from archc.ops.build import Build, Term
    from archc.ops.site import Site


@dataclass(frozen=True, slots=True)
class Input:
    """An input of an op.

    A `matched` one shares its element type with the others, and literals adopt it.
    """

    name: str
    optional: bool = False
    variadic: bool = False
    matched: bool = True


@dataclass(frozen=True)
class Example:
    """One use of an op, which documents it and generates its tests.

    `step` is the step as YAML without its inputs; `feeds` gives each input's type as text:
    `[N, 3]`, `int64[N, T] 0..9` (inclusive bounds) or `float32[2] 0..1`; those of a variadic input
    are separated by `;`, and a weight's name feeds that weight. Symbols take small distinct sizes
    when run. `archc.ops.examples` reads both.
    """

    step: str
    feeds: Mapping[str, str] = field(default_factory=dict)


def example(step: str, **feeds: str) -> Example:
    return Example(step, feeds)


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Op:
    """The base of all ops. Instances are immutable and compare by name and attributes."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[Input, ...]] = (Input("x"),)
    weights: ClassVar[tuple[str, ...]] = ()
    commutative: ClassVar[bool] = False  # the order of a variadic input's values means nothing
    keeps_zero: ClassVar[bool] = False  # of zeros it makes zeros, exactly, whatever its weights
    zero_is_neutral: ClassVar[bool] = False  # as for sums: f(x, 0, …) is f(x, …), and f(x) is x
    random: ClassVar[bool] = False  # draws while training; the identity at inference
    training: ClassVar[bool] = False  # computes something else while training
    training_only: ClassVar[bool] = False  # only a training's graphs have it, no model
    own_path: ClassVar[bool] = False  # its one weight goes by the step's own path
    examples: ClassVar[tuple[Example, ...]] = ()
    attributes: ClassVar[dict[str, Attribute[Any]]] = {}
    main: ClassVar[str | None] = None
    rest: ClassVar[str | None] = None  # the attribute that collects all keys naming no other
    open_attributes: ClassVar[dict[str, Any] | None] = None  # the schema of one such key's value

    values: Mapping[str, Any]
    origin: tuple[Op, tuple[str, ...]] | None = None  # which of whose attributes are others here

    def __init_subclass__(cls, abstract: bool = False, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        found: dict[str, Attribute[Any]] = {}
        for base in reversed(cls.__mro__):
            found.update(
                {key: value for key, value in vars(base).items() if isinstance(value, Attribute)}
            )
        cls.attributes = found
        cls.main = next((key for key, value in found.items() if value.main), None)
        if cls.rest is not None:
            cls.open_attributes = found[cls.rest].kind.schema()["additionalProperties"]
        if "name" not in vars(cls):
            cls.name = _CAMEL.sub("_", cls.__name__).lower()

    def __init__(self, values: Mapping[str, Any]) -> None:
        """`values` holds every attribute, converted. Use `make` to fill in defaults."""
        self.__dict__.update(values)  # read as they are, without asking their declarations
        self.values = values

    def but(self, changes: Mapping[str, Any]) -> Op:
        """The op with other values for some attributes; it knows what it was made from."""
        made = type(self)({**self.values, **changes})
        made.origin = self, tuple(sorted(changes))
        return made

    @cached_property
    def meanings(self) -> dict[tuple[tuple[str, ...], ...], Meaning]:
        """What it computes with these slots filled and weights of its own, as digests see it."""
        return {}

    @cached_property
    def forms(self) -> dict[tuple[str, ...], str]:
        """Its attributes as digests write them, with gaps where others made from it differ."""
        return {}

    @cached_property
    def _key(self) -> tuple[str, Any]:
        return self.name, freeze(self.values)

    @classmethod
    def make(cls, **values: Any) -> Op:
        """An op from Python values; raises AttributeProblem or TypeError."""
        values = cls.collect(values)
        unknown = values.keys() - cls.attributes.keys()
        if unknown:
            raise TypeError(f"{cls.name} has no attribute {', '.join(sorted(unknown))}")
        return cls({
            name: attribute.kind.convert(values[name]) if name in values else attribute.default
            for name, attribute in cls.attributes.items()
        })  # fmt: skip

    @classmethod
    def collect(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes as written, with freely named keys put where they belong."""
        if cls.rest is None:
            return dict(values)
        known = cls.attributes.keys() - {cls.rest}
        extra = {key: value for key, value in values.items() if key not in known}
        return {**{key: value for key, value in values.items() if key in known}, cls.rest: extra}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Op) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.values.items())
        return f"{self.name}({shown})"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names; the first is what a plain reference means."""
        return ("y",)

    @property
    def weight_names(self) -> tuple[str, ...]:
        """The names its weights can have; `weights` unless they depend on attributes."""
        return self.weights

    def infer(self, at: Site) -> TensorType | tuple[TensorType, ...]:
        """The output types. Raises TypingError."""
        raise TypeError(f"the op {self.name} has no typing rule")

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        """Multiply-accumulates of one application: those of convolutions and matrix products."""
        return 0

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        """Whether every output is zero, where `zero` tells which of the given inputs are.

        Exactly, while training too, whatever finite numbers its weights and its other inputs are,
        and with finite derivatives there; 0 and -0 are one. Weights that are fed are no inputs.
        Attributes hold values, not arguments passed through.
        """
        return self.keeps_zero and len(zero) > 0 and all(zero)

    def expand(self, build: Build, *terms: Term) -> Term | tuple[Term, ...] | None:
        """The op in terms of others, for backends without a line for it; None of a primitive.

        Absent optional inputs at the end have no term. Attributes hold values, not arguments
        passed through.
        """
        return None

    def evaluate(self, *arrays: Array) -> Array | tuple[Array, ...] | None:
        """The value on constant arrays, for folding; None where the op does not fold.

        Absent optional inputs at the end have no array; an op of several outputs gives a tuple.
        bfloat16, which NumPy has not, never comes here; warnings about what is not finite are the
        caller's to silence.
        """
        return None


def values_of(op: Op, arguments: Mapping[str, float]) -> dict[str, Any]:
    """The op's attributes with passed-through parameters replaced by their values."""
    return {
        key: arguments[value.name] if isinstance(value, Argument) else value
        for key, value in op.values.items()
    }
