"""A definition under construction: a graph that grows node by node, typed as it grows."""

from __future__ import annotations

from dataclasses import dataclass, field

from archc.elaborate.context import Context
from archc.elaborate.scope import Tensor
from archc.ir.dims import Size
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, OpNode, WeightNode, WeightRef
from archc.ir.program import Definition
from archc.ir.types import DType, TensorType
from archc.ops.registry import ops
from archc.place import Place
from archc.spec.ast import Step
from archc.spec.values import Argument

Uses = tuple[tuple[str, Place], ...]


@dataclass(eq=False)
class Builder:
    """A graph under construction.

    A `parent` is the builder whose values its steps can see and capture.
    """

    context: Context
    parent: Builder | None = None
    uses: Uses = ()  # the steps that use the definition, innermost first: path and place
    unrolls: Step | None = None  # of equal copies: the step to elaborate one by one if need be
    used_at: Place | None = None  # for the prelude's blocks: the step of the spec that uses them
    used_as: tuple[str, ...] = ()  # … and the block's name, what it is fed, and its parameters
    graph: Graph = field(default_factory=Graph)
    inputs: list[int] = field(default_factory=list)
    captured: dict[Value, Tensor] = field(default_factory=dict)  # own input → the parent's value
    symbols: dict[str, Size] = field(default_factory=dict)
    model_symbols: dict[str, Size] = field(default_factory=dict)  # what the model's stand for
    parameters: dict[str, Argument] = field(default_factory=dict)  # those that only pass through
    declared_symbols: frozenset[str] = frozenset()
    _constants: dict[tuple[object, DType], Value] = field(default_factory=dict)
    _brought: dict[tuple[int, Value], Value] = field(default_factory=dict)  # by builder and value
    _read: dict[WeightRef, int] = field(default_factory=dict)
    _weights: dict[str, TensorType] = field(default_factory=dict)  # of its own nodes by path …
    _looked_at: int = 0  # … of so many, the first ones

    @property
    def trace(self) -> tuple[str, ...]:
        """Where the definition is used, innermost first, for errors."""
        return tuple(f"in {path}, used at {place}" for path, place in self.uses)

    def tensor(self, id: int, port: int = 0) -> Tensor:
        return Tensor(Value(id, port), self.graph.node(id).types[port], self)

    def input(self, name: str, type: TensorType, place: Place | None) -> Tensor:
        id = self.graph.add(InputNode(path=name, types=(type,), name=name, place=place))
        self.inputs.append(id)
        return self.tensor(id)

    def bring(self, tensor: Tensor) -> Value:
        """The tensor as a value of this graph; one of an enclosing builder becomes an input."""
        if tensor.builder is self:
            return tensor.value
        key = (id(tensor.builder), tensor.value)
        if key not in self._brought:
            own = self.input(f"outer_{len(self.captured)}", tensor.type, None).value
            self.captured[own] = tensor
            self._brought[key] = own
        return self._brought[key]

    def constant(self, number: float | bool | Argument, dtype: DType, place: Place) -> Value:
        """A literal as a value without dimensions; equal ones are shared."""
        # By its text: 0.0 and -0.0 are equal numbers and different constants.
        key = (number if isinstance(number, Argument) else (type(number), repr(number)), dtype)
        if key not in self._constants:
            op = ops()["constant"]({"value": number, "dtype": dtype})
            node = OpNode(
                path=f"constant_{len(self._constants)}",
                types=(TensorType(dtype, ()),),
                op=op,
                place=place,
            )
            self._constants[key] = Value(self.graph.add(node))
        return self._constants[key]

    def read(self, ref: WeightRef, type: TensorType, place: Place) -> Tensor:
        """A weight as a value."""
        if ref not in self._read:
            path = f"read_{ref.path}" if ref.model is None else f"read_{ref.model}.{ref.path}"
            node = WeightNode(path=path, types=(type,), ref=ref, place=place)
            self._read[ref] = self.graph.add(node)
        return self.tensor(self._read[ref])

    def find_weight(self, path: str) -> TensorType | None:
        """The type of the weight with this path, in calls too."""
        for id in range(self._looked_at, len(self.graph)):
            node = self.graph.node(id)
            if isinstance(node, OpNode):
                self._weights.update((weight.path, weight.type) for weight in node.weights)
        self._looked_at = len(self.graph)
        return self._weights.get(path) or weight_in_calls(self.graph, path)


def find_weight(definition: Definition, path: str) -> TensorType | None:
    """The type of a definition's weight by its path within it."""
    for _, node in definition.graph.nodes():
        if isinstance(node, OpNode):
            for weight in node.weights:
                if weight.path == path:
                    return weight.type
    return weight_in_calls(definition.graph, path)


def weight_in_calls(graph: Graph, path: str) -> TensorType | None:
    for _, node in graph.nodes():
        if not isinstance(node, CallNode) or node.model is not None:
            continue
        inner = node.copies.inside(path, node.count)
        found = find_weight(node.definition, inner) if inner is not None else None
        if found is not None:
            return found
    return None
