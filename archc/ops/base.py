"""What an op is.

Attributes, inputs, inference, weights, cost, decomposition and examples, in one class.

An op is declared by subclassing `Op`. Its class docstring is its documentation and names the
source of its
formula. `infer` is its typing rule: it checks the inputs, declares the weights, and gives the
output types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar

from archc.init import Init
from archc.ir.dims import Size, differ, largest, lower_bound
from archc.ir.types import FLOATING, DType, TensorType
from archc.ops.attributes import Attribute, freeze
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


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


@dataclass(frozen=True, slots=True)
class Input:
    """An input of an op.

    A `matched` one shares its element type with the others, and literals adopt it.
    """

    name: str
    optional: bool = False
    variadic: bool = False
    matched: bool = True


@dataclass(frozen=True, slots=True)
class WeightType:
    """A weight that an op asks for. A buffer is stored but never trained.

    `value` holds nested tuples of numbers where the initial values are written out.
    """

    name: str
    type: TensorType
    init: Init
    buffer: bool = False
    value: object = None


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
    random: ClassVar[bool] = False  # draws while training; the identity at inference
    training: ClassVar[bool] = False  # computes something else while training
    own_path: ClassVar[bool] = False  # its one weight goes by the step's own path
    examples: ClassVar[tuple[Example, ...]] = ()
    attributes: ClassVar[dict[str, Attribute[Any]]] = {}
    main: ClassVar[str | None] = None
    rest: ClassVar[str | None] = None  # the attribute that collects all keys naming no other
    open_attributes: ClassVar[dict[str, Any] | None] = None  # the schema of one such key's value

    values: Mapping[str, Any]

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
        self.values = values
        self._key = (self.name, freeze(values))

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

    def expand(self, build: Build, *terms: Term) -> Term | tuple[Term, ...] | None:
        """The op in terms of others, for backends that have no line for it.

        None where it is a primitive.

        Absent optional inputs at the end have no term. Attributes hold values, not arguments
        passed through.
        """
        return None

    def evaluate(self, *arrays: Array) -> Array | tuple[Array, ...] | None:
        """The value on constant arrays, for folding; None where the op does not fold.

        Absent optional inputs at the end have no array; an op of several outputs gives a tuple.
        bfloat16, which
        NumPy has not, never comes here; warnings about what is not finite are the caller's to
        silence.
        """
        return None


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
        for name, dtype in found[1:]:
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
        wanted = TensorType(dtype, tuple(dims))
        if name in self.fed:
            self.used.add(name)
            self._check_fed(name, wanted)
        elif wanted.symbols:
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


def same(a: Size, b: Size) -> bool:
    """Whether two sizes are equal, exactly and for every value of their symbols."""
    return a == b


def divide(size: Size, by: Size, what: str, about: str) -> Size:
    """`size / by`, which must come out even. Raises TypingError E306."""
    rest = 1 if by == 0 else size % by
    if rest != 0 and not isinstance(rest, int):
        raise TypingError(
            "E306",
            f"{what}: {size} is not known to be divisible by {by}",
            about=about,
            help=f"declare the size as a multiple, such as ={by}*n",
        )
    if rest != 0:
        raise TypingError("E306", f"{what}: {size} is not divisible by {by}", about=about)
    return size // by


def around(fan: Size) -> Init:
    """Uniform in ±1/√fan, where PyTorch's layers begin unless said otherwise."""
    bound = 1 / sqrt(fan) if isinstance(fan, int) and fan > 0 else 0.0
    return Init("uniform", (-bound, bound))


def whole(sizes: Sequence[Size]) -> list[int] | None:
    """The sizes where all of them are numbers."""
    found = [size for size in sizes if isinstance(size, int)]
    return found if len(found) == len(sizes) else None


def impossible(size: Size) -> bool:
    """Whether the size is below 0 for every value of its symbols."""
    most = lower_bound(-size)
    return most is not None and most > 0


def broadcast(types: Sequence[TensorType], names: Sequence[str], op: str) -> tuple[Size, ...]:
    """The common shape of values that broadcast as in NumPy. Raises TypingError E301."""
    rank = max((t.rank for t in types), default=0)
    result: list[Size] = []
    for axis in range(-rank, 0):
        sizes = [t.dims[axis] for t in types if t.rank >= -axis]
        wide = [size for size in sizes if size != 1]
        if any(size != wide[0] for size in wide[1:]):
            raise TypingError(
                "E301", f"{op}: shapes do not match", label="inputs must broadcast", about="inputs"
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)


def values_of(op: Op, arguments: Mapping[str, float]) -> dict[str, Any]:
    """The op's attributes with passed-through parameters replaced by their values."""
    return {
        key: arguments[value.name] if isinstance(value, Argument) else value
        for key, value in op.values.items()
    }


__all__ = [
    "Example", "Input", "Op", "Site", "TypingError", "WeightType", "around", "broadcast", "differ",
    "divide", "example", "impossible", "largest", "lower_bound", "same", "values_of", "whole",
]  # fmt: skip  # fmt: skip
