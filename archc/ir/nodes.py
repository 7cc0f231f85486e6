"""The kinds of nodes in a definition's graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archc.init import Init
from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.place import Place
from archc.records import record
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc.spec.ast import Step


@record
class WeightRef:
    """A weight by name.

    Of the same definition, or of a model, whose name does not depend on who calls it.
    """

    path: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a weight's values follow from other weights of the same instance.

    `rule` is a name in `archc.ir.derive.RULES`, `sources` are the weights it reads by their roles,
    and `values` the numbers it takes. The sources belong to no node any more: their stored or
    initial values are asked for under their own full names.
    """

    rule: str
    sources: tuple[tuple[str, Weight], ...]
    values: tuple[tuple[str, float | Argument], ...] = ()


@record
class Weight:
    """A weight that a node owns, or shares where it is tied.

    `slot` is the op's own word for it (`weight`, `bias`); `path` its name within the definition.
    """

    slot: str
    path: str
    type: TensorType
    init: Init
    buffer: bool = False
    trained: bool = True
    tie: WeightRef | None = None
    value: object = None  # nested tuples of numbers where the spec gives the values
    derive: Derivation | None = None


@dataclass(eq=False, kw_only=True)
class Node:
    """What all nodes have. `path` is the dotted path within the definition.

    `slots` name the inputs.
    """

    path: str
    types: tuple[TensorType, ...]
    slots: tuple[str, ...] = ()
    place: Place | None = None
    step: Step | None = None


@dataclass(eq=False, kw_only=True)
class InputNode(Node):
    """An input of the definition. A list input is as many nodes: `past.0`, `past.1` …"""

    name: str


@dataclass(eq=False, kw_only=True)
class OpNode(Node):
    """An op with its weights.

    Slots after the op's own inputs are weights that are fed, by their names.
    """

    op: Op
    weights: tuple[Weight, ...] = ()


@dataclass(eq=False, kw_only=True)
class WeightNode(Node):
    """A weight read as a value."""

    ref: WeightRef


@record
class Copies:
    """Where a call's weights live.

    Copy k below `prefix + str(start + k)`, or just below `prefix` if alone.
    """

    prefix: str
    start: int | None = None

    def path(self, k: int = 0) -> str:
        return self.prefix if self.start is None else f"{self.prefix}{self.start + k}"

    def inside(self, path: str, count: int) -> str | None:
        """What of a weight's path lies inside one of so many copies; None if nothing does."""
        if not path.startswith(self.prefix):
            return None
        head, dot, rest = path[len(self.prefix) :].partition(".")
        if self.start is None:
            return path if not self.prefix else rest if dot and not head else None
        number = head.isdecimal() and head.isascii() and str(int(head[:9])) == head
        return rest if dot and number and 0 <= int(head) - self.start < count else None


HERE = Copies("")  # one instance, whose weights are the caller's own


@dataclass(eq=False, kw_only=True)
class CallNode(Node):
    """A call of another definition, `count` times in a row with a set of weights each.

    `feedback` tells which output becomes which input slot of the next copy. A call of a model
    (`model` is its name) uses that model's weights, whoever calls it.
    """

    definition: Definition
    arguments: Mapping[str, float | Argument] = field(default_factory=dict)
    copies: Copies = HERE
    count: int = 1
    feedback: tuple[tuple[int, int], ...] = ()
    model: str | None = None
    outputs: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True)
class ScanNode(CallNode):
    """A call at each position of axis 1 of the `scanned` slots, with one set of weights.

    Carried outputs go into the slots that `feedback` tells and leave as their last value; the
    others are stacked along axis 1.
    """

    scanned: tuple[int, ...] = ()
