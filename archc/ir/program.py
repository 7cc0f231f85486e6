"""Programs: models and the definitions they call.

A definition is a block, a model or a repeated `do` with its arguments and input types bound. It is
elaborated once and called as often as it is used; its weights' names are relative to the caller's
path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from archc.ir.dims import Size
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, OpNode, Weight, WeightRef
from archc.ir.types import TensorType
from archc.place import Place
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.errors import Diagnostic
    from archc.spec.ast import File

Kind = Literal["model", "block", "body"]
Arguments = Mapping[str, float]


@dataclass(eq=False)
class Definition:
    """A typed graph with named inputs and outputs.

    `parameters` are the numbers that a call passes in because they change no type; `bound` the
    arguments that are part of what this definition is, kept for naming and printing.
    """

    name: str
    kind: Kind
    graph: Graph
    place: Place | None = None
    doc: str = ""
    inputs: tuple[int, ...] = ()  # the ids of its InputNodes, in order
    outputs: dict[str, Value] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    bound: dict[str, object] = field(default_factory=dict)
    source: str = ""  # the block's or model's own name in the spec
    grouped: dict[str, str] = field(
        default_factory=dict
    )  # an output that is part of a list → the list
    symbol_values: dict[str, Size] = field(
        default_factory=dict
    )  # what its declared symbols stand for

    def input_names(self) -> tuple[str, ...]:
        return tuple([self.input(id).name for id in self.inputs])

    def input(self, id: int) -> InputNode:
        node = self.graph.node(id)
        assert isinstance(node, InputNode)
        return node

    def input_types(self) -> dict[str, TensorType]:
        return {self.input(id).name: self.input(id).types[0] for id in self.inputs}

    def output_types(self) -> dict[str, TensorType]:
        return {name: self.graph.type(value) for name, value in self.outputs.items()}

    def symbols(self) -> tuple[str, ...]:
        """The symbols in its input types, in order of appearance."""
        found: dict[str, None] = {}
        for type in self.input_types().values():
            for dim in type.dims:
                found.update(dict.fromkeys(sorted(TensorType("bool", (dim,)).symbols)))
        return tuple(found)

    def calls(self) -> Iterator[CallNode]:
        for _, node in self.graph.nodes():
            if isinstance(node, CallNode):
                yield node


@dataclass(frozen=True, slots=True)
class WeightEntry:
    """A weight of a program under its full name. `owner` is the full name it is tied to, if any."""

    name: str
    weight: Weight
    owner: str | None
    arguments: Arguments

    @property
    def type(self) -> TensorType:
        return self.weight.type


@dataclass(eq=False)
class Program:
    """What a spec means. `models` in the spec's order.

    `main` is the one that is run if none is named.

    `prefixed` tells that the spec has `models`, so that a weight's name begins with its model's.
    """

    name: str
    models: dict[str, Definition]
    main: str
    prefixed: bool
    task: str = ""
    doc: str = ""
    file: File | None = None
    variant: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)  # the spec's own, as they are bound
    warnings: tuple[Diagnostic, ...] = ()
    metadata: dict[str, object] = field(default_factory=dict)

    @property
    def model(self) -> Definition:
        """The main model."""
        return self.models[self.main]

    def prefix(self, model: str) -> str:
        """What the full names of a model's weights begin with."""
        return f"{model}." if self.prefixed else ""

    def definitions(self) -> list[Definition]:
        """All definitions, each once, callees before callers."""
        done: dict[int, Definition] = {}
        for model in self.models.values():
            _collect(model, done)
        return list(done.values())

    def weights(self, model: str | None = None) -> Iterator[WeightEntry]:
        """The weights of all models, or of one and those it calls; each full name once."""
        seen: set[str] = set()
        names = list(self.models) if model is None else self.called(model)
        for name in names:
            for version in self.versions(name):
                for entry in entries(version, self.prefix(name), {}, self):
                    if entry.name not in seen:
                        seen.add(entry.name)
                        yield entry

    def versions(self, model: str) -> list[Definition]:
        """The model as declared and as it is called: with other input types, or optional inputs."""
        return [self.models[model], *self._called_versions.get(model, ())]

    @cached_property
    def _called_versions(self) -> dict[str, list[Definition]]:
        found: dict[str, dict[int, Definition]] = {}
        for definition in self.definitions():
            for call in definition.calls():
                if call.model is not None and call.definition is not self.models.get(call.model):
                    found.setdefault(call.model, {})[id(call.definition)] = call.definition
        return {model: list(versions.values()) for model, versions in found.items()}

    def called(self, model: str) -> list[str]:
        """The model and the models it calls, directly or not, in the spec's order."""
        found = {model}
        for definition in _reach(self.models[model]):
            found.update(call.model for call in definition.calls() if call.model is not None)
            found.update(_read_models(definition))
        return [name for name in self.models if name in found]

    @cached_property
    def params(self) -> int:
        """Learnable numbers of all models; a tied weight counts once."""
        return self.count_params()

    def count_params(self, model: str | None = None) -> int:
        """Learnable numbers of all models, or of one with those it calls.

        O(definitions), unless models are called with other input types than they declare.
        """
        names = list(self.models) if model is None else self.called(model)
        if len(self.models) > 1 and any(len(self.versions(name)) > 1 for name in names):
            return sum(
                size
                for entry in self.weights(model)
                if is_learnable(entry.weight) and isinstance(size := entry.type.elements, int)
            )
        counted: dict[int, int] = {}
        return sum(count(self.models[name], is_learnable, counted) for name in names)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the main model for one input, each symbolic dimension at 1."""
        from archc.cost import macs

        return macs(self.model, {})

    @cached_property
    def digest(self) -> str:
        """The structural hash of the main model and what it calls."""
        from archc.ir.digest import digest

        return digest(self)


def is_learnable(weight: Weight) -> bool:
    """Whether the weight is trained, and not another one under a second name."""
    return weight.tie is None and not weight.buffer and weight.trained


def count(definition: Definition, counts: Callable[[Weight], bool], done: dict[int, int]) -> int:
    """How many numbers one instance's weights hold; `done` keeps the totals of definitions."""
    if id(definition) not in done:
        total = 0
        for _, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                for weight in node.weights:
                    if counts(weight):
                        size = weight.type.elements
                        assert isinstance(size, int)
                        total += size
            elif isinstance(node, CallNode) and node.model is None:
                total += node.count * count(node.definition, counts, done)
        done[id(definition)] = total
    return done[id(definition)]


def entries(
    definition: Definition, prefix: str, arguments: Arguments, program: Program
) -> Iterator[WeightEntry]:
    """The weights of one instance of a definition whose names begin with `prefix`.

    Not those of called models.
    """
    for _, node in definition.graph.nodes():
        if isinstance(node, OpNode):
            for weight in node.weights:
                owner = None if weight.tie is None else full_name(weight.tie, prefix, program)
                yield WeightEntry(prefix + weight.path, weight, owner, arguments)
        elif isinstance(node, CallNode) and node.model is None:
            inner = bind(node, arguments)
            for k in range(node.count):
                path = node.copies.path(k)
                yield from entries(
                    node.definition, f"{prefix}{path}." if path else prefix, inner, program
                )


def full_name(ref: WeightRef, prefix: str, program: Program) -> str:
    """A reference's full name, as seen from an instance whose names begin with `prefix`."""
    return prefix + ref.path if ref.model is None else program.prefix(ref.model) + ref.path


def bind(call: CallNode, arguments: Arguments) -> dict[str, float]:
    """The callee's arguments in the caller's instance."""
    return {
        name: arguments[value.name] if isinstance(value, Argument) else value
        for name, value in call.arguments.items()
    }


def _collect(definition: Definition, done: dict[int, Definition]) -> None:
    if id(definition) in done:
        return
    for call in definition.calls():
        _collect(call.definition, done)
    done[id(definition)] = definition


def _reach(definition: Definition) -> list[Definition]:
    done: dict[int, Definition] = {}
    _collect(definition, done)
    return list(done.values())


def _read_models(definition: Definition) -> set[str]:
    from archc.ir.nodes import WeightNode

    found: set[str] = set()
    for _, node in definition.graph.nodes():
        if isinstance(node, WeightNode) and node.ref.model is not None:
            found.add(node.ref.model)
        if isinstance(node, OpNode):
            found.update(
                w.tie.model for w in node.weights if w.tie is not None and w.tie.model is not None
            )
    return found
