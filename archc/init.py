"""What a weight holds before it is trained: the initialisers that a spec can name.

`INITIALISERS` is all there is to know about them; the schema, the documentation and `parse` derive
from it. Names, defaults, fans and gains are those of `torch.nn.init`. The numbers themselves are
made by `archc.random`: this module is read by verbs that make none, so it does not import numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, isnan, prod, sqrt

from archc.errors import did_you_mean
from archc.ir.types import DTYPES, FLOATING
from archc.records import record

Argument = float | str
Shape = Sequence[int]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an initialiser: a number, or a word where `choices` lists them."""

    name: str
    doc: str
    default: Argument | None = None  # None: it must be given
    choices: tuple[str, ...] = ()
    least: float = -inf
    infinite: bool = False  # whether it may be infinite


@dataclass(frozen=True)
class Initialiser:
    """One kind of initial values.

    A lone number sets the parameter named `main`, a lone word the one that has it as a choice.
    """

    doc: str
    parameters: tuple[Parameter, ...] = ()
    main: str = ""
    ranks: tuple[int, float] = (0, inf)  # the fewest and the most dimensions it is defined for
    any_dtype: bool = False  # whether integers and booleans can hold what it gives

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def lone(self, value: object) -> str:
        """The name of the parameter that a single unnamed argument sets; empty if none."""
        words = (p.name for p in self.parameters if value in p.choices)
        return next(words, self.main)


_STD = Parameter("std", "standard deviation", 1.0, least=0.0)
_MEAN = Parameter("mean", "mean", 0.0)
_GAIN = Parameter("gain", "factor on the values", 1.0)
_SLOPE = Parameter("a", "negative slope of the rectifier that follows; 1 gives a gain of 1", 0.0)
_MODE = Parameter("mode", "the fan that divides the variance", "fan_in", ("fan_in", "fan_out"))
_MATRIX, _ANY = (2, inf), (0, inf)

INITIALISERS: dict[str, Initialiser] = {
    "zeros": Initialiser("0 everywhere", any_dtype=True),
    "ones": Initialiser("1 everywhere", any_dtype=True),
    "constant": Initialiser(
        "One number everywhere",
        (Parameter("value", "the number", infinite=True),),
        main="value",
        any_dtype=True,
    ),
    "uniform": Initialiser(
        "Uniform between two bounds",
        (Parameter("low", "lower bound", 0.0), Parameter("high", "upper bound", 1.0)),
    ),
    "normal": Initialiser("Normal distribution", (_MEAN, _STD), main="std"),
    "trunc_normal": Initialiser(
        "Normal distribution without what lies outside two bounds, which are absolute values and "
        "not multiples of std",
        (
            _MEAN,
            _STD,
            Parameter("low", "lower bound", -2.0),
            Parameter("high", "upper bound", 2.0),
        ),
        main="std",
    ),
    "kaiming_uniform": Initialiser(
        "Uniform within ±sqrt(3)·gain/sqrt(fan), gain = sqrt(2/(1+a²)) (He et al., 2015)",
        (_SLOPE, _MODE),
        main="a",
        ranks=_MATRIX,
    ),
    "kaiming_normal": Initialiser(
        "Normal with std gain/sqrt(fan), gain = sqrt(2/(1+a²)) (He et al., 2015)",
        (_SLOPE, _MODE),
        main="a",
        ranks=_MATRIX,
    ),
    "xavier_uniform": Initialiser(
        "Uniform within ±gain·sqrt(6/(fan_in+fan_out)) (Glorot and Bengio, 2010)",
        (_GAIN,),
        main="gain",
        ranks=_MATRIX,
    ),
    "xavier_normal": Initialiser(
        "Normal with std gain·sqrt(2/(fan_in+fan_out)) (Glorot and Bengio, 2010)",
        (_GAIN,),
        main="gain",
        ranks=_MATRIX,
    ),
    "orthogonal": Initialiser(
        "Orthonormal rows or columns, whichever are fewer, of the weight as a matrix "
        "[shape[0], rest] (Saxe et al., 2013)",
        (_GAIN,),
        main="gain",
        ranks=_MATRIX,
    ),
    "eye": Initialiser("The identity matrix", ranks=(2, 2), any_dtype=True),
    "dirac": Initialiser(
        "The convolution that passes each channel through",
        (Parameter("groups", "the convolution's groups", 1.0, least=1.0),),
        main="groups",
        ranks=(3, 5),
        any_dtype=True,
    ),
}


@record
class Init:
    """An initialiser with its arguments, in the order of the table.

    Arguments may be left out as in a spec: none, the main one alone, or the first few. They are
    completed with the defaults and checked (ValueError), so that equal initialisers are equal:
    `Init("normal", (0.02,)) == Init("normal", (0.0, 0.02))`.
    """

    kind: str
    args: tuple[Argument, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in INITIALISERS:
            raise ValueError(_unknown("initialiser", self.kind, INITIALISERS))
        if self.args or INITIALISERS[self.kind].parameters:
            object.__setattr__(self, "args", _complete(self.kind, self.args))

    @property
    def values(self) -> dict[str, Argument]:
        """Every argument by its name."""
        return dict(zip(INITIALISERS[self.kind].names, self.args, strict=True))

    def number(self, name: str) -> float:
        """The argument of that name, which is a number."""
        return float(self.values[name])

    def as_data(self) -> object:
        """The shortest form in which a spec says it; `parse` gives the same initialiser back."""
        initialiser = INITIALISERS[self.kind]
        given = {
            parameter.name: value
            for parameter, value in zip(initialiser.parameters, self.args, strict=True)
            if value != parameter.default
        }
        if not given:
            return self.kind
        if len(given) == 1:
            [(name, value)] = given.items()
            if initialiser.lone(value) == name:
                return {self.kind: value}
        return {self.kind: given}

    def __str__(self) -> str:
        if not self.args:
            return self.kind
        return f"{self.kind}({', '.join(f'{n}={_text(v)}' for n, v in self.values.items())})"


def parse(value: object) -> Init:
    """The initialiser that a spec's value says; ValueError with the reason if it says none.

    `zeros`, `{normal: 0.02}` (the main argument), `{uniform: [-1, 1]}` (the first arguments in
    order) and `{normal: {mean: 0, std: 0.02}}` (arguments by name) are the forms.
    """
    if isinstance(value, Init):
        return value
    if isinstance(value, str):
        return Init(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"an initialiser is a name or one name with arguments, not {value!r:.80}")
    [(kind, given)] = value.items()
    if not isinstance(kind, str):
        raise ValueError(f"an initialiser has a name, not {kind!r:.80}")
    if given is None:
        return Init(kind)
    if isinstance(given, Mapping):
        if kind not in INITIALISERS:
            return Init(kind)  # which says so
        return Init(kind, _named(kind, INITIALISERS[kind], given))
    return Init(kind, tuple(given) if isinstance(given, list | tuple) else (given,))


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight [out, in, *window], as torch.nn.init reckons them.

    A weight stored [in, out] has its two fans exchanged: use the other mode.
    """
    window = prod(shape[2:])
    return shape[1] * window, shape[0] * window


def resolve(init: Init, shape: Shape) -> Init:
    """The initialiser with its scale worked out for a shape: Kaiming and Xavier become plain."""
    if init.kind.startswith("kaiming"):
        fan_in, fan_out = fans(shape)
        fan = fan_out if init.values["mode"] == "fan_out" else fan_in
        std = sqrt(2.0 / (1.0 + init.number("a") ** 2)) / sqrt(max(fan, 1))
    elif init.kind.startswith("xavier"):
        std = init.number("gain") * sqrt(2.0 / max(sum(fans(shape)), 1))
    else:
        return init
    if init.kind.endswith("_normal"):
        return Init("normal", (0.0, abs(std)))
    bound = sqrt(3.0) * abs(std)
    return Init("uniform", (-bound, bound))


def problem(init: Init, shape: Sequence[object], dtype: str) -> str | None:
    """Why a weight of this shape and element type cannot begin so, or None if it can."""
    if dtype not in DTYPES:
        return _unknown("dtype", dtype, DTYPES)
    initialiser = INITIALISERS[init.kind]
    if initialiser.ranks == _ANY and dtype in FLOATING:
        return None
    fewest, most = initialiser.ranks
    if not fewest <= len(shape) <= most:
        wanted = f"{fewest} or more" if most == inf else f"{fewest} to {most}"
        wanted = f"{fewest}" if fewest == most else wanted
        return f"{init.kind} needs {wanted} dimensions, and {list(shape)} has {len(shape)}"
    groups = init.values["groups"] if "groups" in initialiser.names else None
    if groups is not None and float(groups) % 1:
        return f"{init.kind} takes a whole number of groups, not {_text(groups)}"
    if groups is not None and isinstance(shape[0], int) and shape[0] % float(groups):
        return f"{shape[0]} channels do not fall into {_text(groups)} groups"
    if dtype in FLOATING:
        return None
    if not initialiser.any_dtype:
        return f"{init.kind} gives fractions, which {dtype} cannot hold"
    if init.kind == "constant":
        low, high = integer_range(dtype)
        value = init.number("value")
        if not (low <= value <= high and value == int(value)):
            return f"{dtype} cannot hold {_text(value)}"
    return None


def integer_range(dtype: str) -> tuple[int, int]:
    """The least and the greatest value of an integer type or bool."""
    if dtype == "bool":
        return 0, 1
    bits = int(dtype.lstrip("uint"))
    return (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _complete(kind: str, args: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """The arguments completed and checked."""
    initialiser = INITIALISERS[kind]
    names = initialiser.names
    if len(args) == len(names) and all(map(_is_in_range, initialiser.parameters, args)):
        if "low" in names:
            _check_bounds(kind, dict(zip(names, args, strict=True)))
        return args
    if len(args) > len(names):
        takes = f"takes {', '.join(names)}" if names else "takes no arguments"
        raise ValueError(f"{kind} {takes}, and {len(args)} were given")
    given = dict(zip(names, args, strict=False))
    if len(args) == 1:
        lone = initialiser.lone(args[0])
        if not lone:
            raise ValueError(f"{kind} takes {' and '.join(names)}, and only one was given")
        given = {lone: args[0]}
    return _named(kind, initialiser, given)


def _named(
    kind: str, initialiser: Initialiser, given: Mapping[str, object]
) -> tuple[Argument, ...]:
    """The arguments given by name, in the order of the table and with its defaults."""
    for name in given:
        if name not in initialiser.names:
            raise ValueError(f"{kind}: {_unknown('argument', str(name), initialiser.names)}")
    parameters = initialiser.parameters
    complete = tuple(_checked(kind, p, given.get(p.name, p.default)) for p in parameters)
    if "low" in initialiser.names:
        _check_bounds(kind, dict(zip(initialiser.names, complete, strict=True)))
    return complete


def _is_in_range(parameter: Parameter, value: Argument) -> bool:
    """Whether the value is a number as it is kept, and one that the parameter may have."""
    return (
        type(value) is float
        and not parameter.choices
        and parameter.least <= value
        and isfinite(value)
    )


def _check_bounds(kind: str, values: Mapping[str, Argument]) -> None:
    low, high = float(values["low"]), float(values["high"])
    if low > high:
        raise ValueError(f"{kind}: low={_text(low)} is above high={_text(high)}")
    if not isfinite(high - low):
        raise ValueError(f"{kind}: high - low is too large for a number")


def _checked(kind: str, parameter: Parameter, value: object) -> Argument:
    what = f"{kind}: {parameter.name}"
    if value is None:
        raise ValueError(f"{what} is missing ({parameter.doc})")
    if parameter.choices:
        if not isinstance(value, str) or value not in parameter.choices:
            raise ValueError(f"{what} is {' or '.join(parameter.choices)}, not {value!r:.80}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is a number, not {value!r:.80}")
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if isnan(number) or not (parameter.infinite or isfinite(number)):
        raise ValueError(f"{what} is a finite number, not {number}")
    if number < parameter.least:
        raise ValueError(f"{what} is at least {_text(parameter.least)}, not {_text(number)}")
    return number


def _unknown(what: str, name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    hint = did_you_mean(name, known)
    return f"unknown {what} '{name[:80]}'" + (f"; {hint}" if hint else "")


def _text(value: Argument) -> str:
    return value if isinstance(value, str) else f"{value:g}"
