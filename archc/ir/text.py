"""The text form of programs: what every stage prints, and what `archc.ir.parse` reads back.

    archc-ir 1
    program tiny
    main tiny

    block basic(%x: float32[N, 8, T], %y: float32[N, 8, T]; $rate) -> (output: %drop) {
      %sum: float32[N, 8, T] = add(%x, %y)
      %drop: float32[N, 8, T] = dropout(%sum) {rate: $rate}
    }

    model tiny(%image: float32[N, 3, T]) -> (scores: %body) {
      %conv1: float32[N, 8, T] = conv1d(%image) {out: 8, kernel: [3], padding: [1]}
        weight: float32[8, 3, 3] uniform(-0.3333333333333333, 0.3333333333333333)
        bias: float32[8] uniform(-0.3333333333333333, 0.3333333333333333)
      %body: float32[N, 8, T] = call basic(%conv1, %conv1) {rate: 0.1}
    }

A value goes by the path of its node, an output beyond the first by `%path#output`; of nodes with
equal paths the second is `%path!2`. Inputs stand in the op's order, optional ones and fed weights
by name. Attributes at their defaults are left out; `$name` is a parameter that passes through, and
sizes are written as in Python. Floats are exact.

    call NAME(…) {…} x12 (output -> x) in h.[0..11] of MODEL     copies in a row, a model's weights
    scan NAME(…) {…} over (token) (h -> h) in ""                 the places of axis 1
    read wte.weight of MODEL                                     a weight as a value
    weight: TYPE INITIALISER as PATH buffer frozen tie PATH of MODEL
    weight: TYPE INITIALISER as PATH derived RULE {…} (…)        the weights it is made of

`in` and `as` are left out where they follow from the path, as every other part is that says
nothing; `@ file:line:column+length` is printed with `places`. Steps of the spec are not kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

from archc.init import Init
from archc.ir.dims import Dim, Size, symbol
from archc.ir.graph import Value
from archc.ir.nodes import (
    CallNode,
    InputNode,
    Node,
    OpNode,
    ScanNode,
    Weight,
    WeightNode,
    WeightRef,
)
from archc.ir.program import Definition, Program
from archc.ops.list_kinds import NamedSizes
from archc.place import Place
from archc.spec.values import Argument

VERSION = "archc-ir 1"
RESERVED = frozenset({"true", "false", "null"})  # words that are no symbols among attributes
WORD = re.compile(r"[A-Za-z0-9_.]+")
_FILE = re.compile(r"[A-Za-z0-9_./-]+")
_WIDTH = 100


def text(program: Program, *, places: bool = False) -> str:
    """The whole program."""
    header = [VERSION, f"program {word(program.name)}"]
    header += [f"task {quote(program.task)}"] if program.task else []
    header += [f"doc {quote(program.doc)}"] if program.doc else []
    header += [f"variant {word(program.variant)}"] if program.variant is not None else []
    header += [f"settings {value(program.settings)}"] if program.settings else []
    header += [f"metadata {value(program.metadata)}"] if program.metadata else []
    header += [f"main {word(program.main)}"]
    named = {name: d.name for name, d in program.models.items()}
    if list(named) != [program.main] or named[program.main] != program.main:
        header.append("models " + ", ".join(
            word(name) if name == own else f"{word(name)}: {word(own)}"
            for name, own in named.items()
        ))  # fmt: skip
    header += ["prefixed"] if program.prefixed else []
    bodies = [definition_text(d, places=places) for d in program.definitions()]
    return "\n\n".join(["\n".join(header), *bodies]) + "\n"


def definition_text(definition: Definition, *, places: bool = False) -> str:
    """One definition, without what it calls."""
    return "\n".join(_Printer(definition, places).lines())


@dataclass(eq=False)
class _Printer:
    definition: Definition
    places: bool
    names: dict[int, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        graph = self.definition.graph
        self.names = node_names(graph.nodes())
        yield from self.header()
        yield from self.facts()
        for id, node in graph.nodes():
            if not isinstance(node, InputNode):
                yield from self.node(id, node)
        yield "}"

    def header(self) -> list[str]:
        definition = self.definition
        inputs = [
            f"{self.names[id]}: {node.types[0]}{self.at(node.place)}"
            for id, node in zip(
                definition.inputs, map(definition.input, definition.inputs), strict=True
            )
        ]
        parameters = [f"${word(name)}" for name in definition.parameters]
        outputs = [
            f"{word(name)}{self.group(name)}: {self.value(given)}"
            for name, given in definition.outputs.items()
        ]
        head = f"{definition.kind} {word(definition.name)}"
        tail = f"{self.at(definition.place)} {{"
        taken = ", ".join(inputs) + (f"; {', '.join(parameters)}" if parameters else "")
        line = f"{head}({taken}) -> ({', '.join(outputs)}){tail}"
        if len(line) <= _WIDTH:
            return [line]
        rows = [f"  {part}," for part in inputs[:-1]] + [f"  {part}" for part in inputs[-1:]]
        rows += [f"  ; {', '.join(parameters)}"] if parameters else []
        given = [f"  {part}," for part in outputs[:-1]] + [f"  {part}" for part in outputs[-1:]]
        return [f"{head}(", *rows, ") -> (", *given, f"){tail}"]

    def group(self, output: str) -> str:
        grouped = self.definition.grouped
        return f" of {word(grouped[output])}" if output in grouped else ""

    def facts(self) -> Iterator[str]:
        definition = self.definition
        if definition.doc:
            yield f"  doc {quote(definition.doc)}"
        if definition.source != definition.name:
            yield f"  source {word(definition.source)}"
        if definition.bound:
            yield f"  bound {value(definition.bound)}"
        own = {name: symbol(name) for name in definition.symbols()}
        values = sorted(definition.symbol_values.items())
        standing = {name: size for name, size in values if own.get(name) != size}
        if standing:
            yield f"  symbols {value(standing)}"

    def node(self, id: int, node: Node) -> Iterator[str]:
        types = ", ".join(map(str, node.types))
        shown = types if len(node.types) == 1 else f"({types})"
        yield f"  {self.names[id]}: {shown} = {self.source(id, node)}{self.at(node.place)}"
        if isinstance(node, OpNode):
            for weight in node.weights:
                own = node.path if node.op.own_path else f"{node.path}.{weight.slot}"
                yield from weight_lines(weight, weight.slot, own, "    ")

    def source(self, id: int, node: Node) -> str:
        match node:
            case OpNode():
                return f"{word(node.op.name)}({self.op_inputs(id, node)}){attributes(node)}"
            case WeightNode():
                return f"read {reference(node.ref)}"
            case CallNode():
                return self.call(id, node)
        raise TypeError(f"a {type(node).__name__} has no text")

    def op_inputs(self, id: int, node: OpNode) -> str:
        positional = {port.name for port in node.op.inputs if not port.optional or port.variadic}
        shown = []
        for slot, given in zip(node.slots, self.definition.graph.inputs(id), strict=True):
            if given is not None:
                bare = slot in positional or slot.rpartition(".")[0] in positional
                shown.append(self.value(given) if bare else f"{word(slot)}={self.value(given)}")
        return ", ".join(shown)

    def call(self, id: int, node: CallNode) -> str:
        kind = "scan" if isinstance(node, ScanNode) else "call"
        given = ", ".join(self.value(v) for v in self.definition.graph.present(id))
        parts = [f"{kind} {word(node.definition.name)}({given})"]
        parts += [value(node.arguments)] if node.arguments else []
        parts += [f"x{node.count}"] if node.count != 1 else []
        if isinstance(node, ScanNode):
            parts.append(f"over ({', '.join(word(node.slots[slot]) for slot in node.scanned)})")
        if node.feedback:
            pairs = [f"{word(node.outputs[p])} -> {word(node.slots[s])}" for p, s in node.feedback]
            parts.append(f"({', '.join(pairs)})")
        prefix, start = node.copies.prefix, node.copies.start
        if start is not None:
            parts.append(f"in {word(prefix)}[{start}..{start + node.count - 1}]")
        elif prefix != node.path:
            parts.append(f"in {word(prefix)}")
        parts += [f"of {word(node.model)}"] if node.model is not None else []
        return " ".join(parts)

    def value(self, given: Value) -> str:
        node = self.definition.graph.node(given.node)
        name = self.names[given.node]
        return name if given.port == 0 else f"{name}#{word(output_names(node)[given.port])}"

    def at(self, place: Place | None) -> str:
        return f" @ {place_text(place)}" if self.places and place is not None else ""


def node_names(nodes: Iterable[tuple[int, Node]]) -> dict[int, str]:
    """`%path` of each node, with `!2` and so on where paths are equal."""
    seen: dict[str, int] = {}
    names = {}
    for id, node in nodes:
        count = seen[node.path] = seen.get(node.path, 0) + 1
        names[id] = f"%{word(node.path)}" + (f"!{count}" if count > 1 else "")
    return names


def output_names(node: Node) -> tuple[str, ...]:
    """The names of a node's outputs."""
    if isinstance(node, OpNode):
        return node.op.outputs
    return node.outputs if isinstance(node, CallNode) else ("y",)


def attributes(node: OpNode) -> str:
    """The attributes that are not at their defaults, in braces after a blank."""
    shown = []
    for name, given in node.op.values.items():
        attribute = node.op.attributes[name]
        if not identical(given, attribute.default):
            if isinstance(attribute.kind, NamedSizes):
                given = dict(given)
            shown.append(f"{word(name)}: {value(given)}")
    return f" {{{', '.join(shown)}}}" if shown else ""


def identical(a: object, b: object) -> bool:
    """Equality that tells 1, 1.0 and true apart, and 0.0 from -0.0."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    return type(a) is type(b) and a == b and (not isinstance(a, float) or repr(a) == repr(b))


def weight_lines(weight: Weight, name: str, own: str, margin: str) -> Iterator[str]:
    """A weight, and below it those it is derived from; `own` is the path that need not be said."""
    parts = [f"{word(name)}: {weight.type} {init_text(weight.init)}"]
    parts += [f"as {word(weight.path)}"] if weight.path != own else []
    parts += ["buffer"] if weight.buffer else []
    parts += ["frozen"] if not weight.trained and not weight.buffer else []
    parts += [f"tie {reference(weight.tie)}"] if weight.tie is not None else []
    derived = weight.derive
    if derived is not None:
        numbers = dict(derived.values)
        parts.append(f"derived {word(derived.rule)}" + (f" {value(numbers)}" if numbers else ""))
        parts.append("(")
    yield margin + " ".join(parts)
    if derived is not None:
        for role, source in derived.sources:
            yield from weight_lines(source, role, "", f"{margin}  ")
        yield f"{margin})"


def init_text(init: Init) -> str:
    if not init.args:
        return init.kind
    return f"{init.kind}({', '.join(map(value, init.args))})"


def reference(ref: WeightRef) -> str:
    return word(ref.path) + ("" if ref.model is None else f" of {word(ref.model)}")


def place_text(place: Place) -> str:
    name = place.source.name
    shown = name if _FILE.fullmatch(name) else quote(name)
    length = f"+{place.length}" if place.length != 1 else ""
    return f"{shown}:{place.line}:{place.column}{length}"


def value(given: Any) -> str:
    """An attribute's or an argument's value."""
    match given:
        case None:
            return "null"
        case bool():
            return "true" if given else "false"
        case float():
            return number(given)
        case int():
            return str(given)
        case Dim():
            return size(given)
        case Argument():
            return f"${word(given.name)}"
        case list() | tuple():
            return f"[{', '.join(map(value, given))}]"
        case Mapping():
            return f"{{{', '.join(f'{word(str(k))}: {value(v)}' for k, v in given.items())}}}"
    return quote(str(given))


def number(given: float) -> str:
    if isfinite(given):
        return repr(float(given))
    return ".nan" if isnan(given) else ".inf" if given > 0 else "-.inf"


def size(given: Size) -> str:
    """A size among attributes, where a symbol must not read as another word."""
    shown = str(given)
    return f"({shown})" if shown in RESERVED else shown


def word(given: str) -> str:
    """A name, quoted where it is not of letters, digits, `_` and dots."""
    return given if WORD.fullmatch(given) else quote(given)


def quote(given: str) -> str:
    """A JSON string without anything that could steer a terminal."""
    shown = json.dumps(given, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in shown)
