"""The text form of programs read back; `archc.ir.text` says what it looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, cast

from archc.errors import InputError, InternalError, did_you_mean
from archc.ir.dims import Size, symbol
from archc.ir.graph import Graph, Value
from archc.ir.nodes import (
    CallNode,
    Copies,
    InputNode,
    Node,
    OpNode,
    ScanNode,
    Weight,
    WeightNode,
)
from archc.ir.notation import Reader
from archc.ir.program import Definition, Kind, Program
from archc.ir.sites import place
from archc.ir.text import VERSION, output_names
from archc.ir.types import TensorType
from archc.ir.verify import verify
from archc.ir.weight_notation import weight, weight_ref
from archc.ops.attributes import Required
from archc.ops.base import Op
from archc.ops.kinds import AttributeProblem
from archc.ops.registry import ops
from archc.ops.site import TypingError
from archc.spec.values import Argument

_CALL = re.compile(r"(call|scan|read)\s+(?=[\w\"])")
_COUNT = re.compile(r"x(\d{1,6})\b")
Reference = tuple[str, str | None, int]  # a node's name, an output's, and where they stand


def parse(text: str, name: str = "program.txt") -> Program:
    """The program that the text says, verified; steps and the spec's file are not in it.

    InputError E530 where it cannot be read, E531 where it makes no sense.
    """
    program = _Parser(Reader(text, name)).program()
    try:
        verify(program)
    except InternalError as error:
        found = error.diagnostics[0]
        raise InputError.of("E531", f"{name}: {found.message}", found.place) from error
    return program


@dataclass(eq=False)
class _Parser:
    reader: Reader
    definitions: dict[str, Definition] = field(default_factory=dict)

    def program(self) -> Program:
        reader = self.reader
        if not reader.take(VERSION):
            reader.fail(f"the text of a program begins with '{VERSION}'")
        reader.expect("program")
        facts: dict[str, Any] = {"name": reader.word()}
        models: dict[str, str] | None = None
        while kind := reader.keyword(
            "task", "doc", "variant", "settings", "metadata", "main", "models", "prefixed"
        ):
            if kind == "models":
                models = self.models()
            elif kind == "prefixed":
                facts[kind] = True
            elif kind in ("settings", "metadata"):
                facts[kind] = _lists(reader.record())
            else:
                facts[kind] = reader.word()
        while not reader.ended:
            at = reader.position
            definition = _Body(self).definition()
            if definition.name in self.definitions:
                reader.fail(f"'{definition.name}' is defined twice", at)
            self.definitions[definition.name] = definition
        main = facts.get("main", "")
        known = {name: self.called(own) for name, own in (models or {main: main}).items()}
        return Program(**{"prefixed": False, "main": main, **facts}, models=known)

    def models(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            name = self.reader.word()
            found[name] = self.reader.word() if self.reader.take(":") else name
            if not self.reader.take(","):
                return found

    def called(self, name: str) -> Definition:
        if name not in self.definitions:
            help = did_you_mean(name, self.definitions)
            self.reader.fail(f"no definition '{name}' is before this" + (help and f"; {help}"))
        return self.definitions[name]


@dataclass(eq=False)
class _Body:
    """One definition while it is read."""

    parser: _Parser
    graph: Graph = field(default_factory=Graph)
    known: dict[str, int] = field(default_factory=dict)  # `path` or `path!2` → node

    @property
    def reader(self) -> Reader:
        return self.parser.reader

    def definition(self) -> Definition:
        reader = self.reader
        kind = reader.keyword("model", "block", "body")
        if kind is None:
            reader.fail("expected 'model', 'block' or 'body'")
        name = reader.word()
        inputs, parameters = self.inputs()
        reader.expect("->")
        outputs, grouped = self.outputs()
        at = reader.place()
        reader.expect("{")
        facts: dict[str, Any] = {"source": name}
        symbols: dict[str, Size] = {}
        while fact := reader.keyword("doc", "source", "bound", "symbols"):
            if fact == "symbols":
                symbols = reader.record()
            else:
                facts[fact] = _lists(reader.record()) if fact == "bound" else reader.word()
        while not reader.take("}"):
            self.node()
        definition = Definition(
            name, cast(Kind, kind), self.graph, place=at, inputs=inputs, parameters=parameters,
            outputs={out: self.value(given) for out, given in outputs.items()}, grouped=grouped,
            **facts,
        )  # fmt: skip
        own = {name: cast(Size, symbol(name)) for name in definition.symbols()}
        definition.symbol_values = own | symbols
        return definition

    def inputs(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """`(%x: TYPE, …; $rate, …)`"""
        reader = self.reader
        inputs: list[int] = []
        parameters: list[str] = []
        reader.expect("(")
        while not reader.take(")"):  # a comma or `;` between its parts
            if reader.take(";") or parameters:
                reader.expect("$")
                parameters.append(reader.word())
            else:
                name, path = self.new()
                reader.expect(":")
                type = reader.type()
                node = InputNode(path=path, name=path, types=(type,), place=reader.place())
                inputs.append(self.add(name, node, []))
            if not reader.at(")", ";"):
                reader.expect(",")
        return tuple(inputs), tuple(parameters)

    def outputs(self) -> tuple[dict[str, Reference], dict[str, str]]:
        """`(name: %value, name.0 of list: %value, …)`, read before the values are known."""
        reader = self.reader
        outputs: dict[str, Reference] = {}
        grouped: dict[str, str] = {}
        reader.expect("(")
        for _ in reader.items(")"):
            name = reader.word()
            if reader.keyword("of"):
                grouped[name] = reader.word()
            reader.expect(":")
            outputs[name] = self.reference()
        return outputs, grouped

    # -- nodes ------------------------------------------------------------------------------------

    def name(self) -> tuple[str, str]:
        """`%path` or `%path!2`: the node's name in the text, and its path."""
        self.reader.expect("%")
        path = self.reader.word()
        if self.reader.take("!"):
            return f"{path}!{self.reader.whole()}", path
        return path, path

    def reference(self) -> Reference:
        at = self.reader.position
        name, _ = self.name()
        return name, self.reader.word() if self.reader.take("#") else None, at

    def value(self, reference: Reference) -> Value:
        name, output, at = reference
        if name not in self.known:
            self.reader.fail(f"there is no '%{name}'", at)
        id = self.known[name]
        if output is None:
            return Value(id)
        names = output_names(self.graph.node(id))
        if output not in names:
            self.reader.fail(f"'%{name}' has no output '{output}'", at)
        return Value(id, names.index(output))

    def new(self) -> tuple[str, str]:
        """The name and the path of a node that begins here."""
        at = self.reader.position
        name, path = self.name()
        if name in self.known:
            self.reader.fail(f"'%{name}' is there already", at)
        return name, path

    def add(self, name: str, node: Node, inputs: list[Value | None]) -> int:
        self.known[name] = id = self.graph.add(node, inputs)
        return id

    def node(self) -> None:
        reader = self.reader
        name, path = self.new()
        reader.expect(":")
        types = self.types()
        reader.expect("=")
        found = reader.match(_CALL)
        if found is None:
            self.op(name, path, types)
        elif found[1] == "read":
            ref = weight_ref(reader)
            self.add(name, WeightNode(path=path, types=types, ref=ref, place=reader.place()), [])
        else:
            self.call(name, path, types, found[1])

    def types(self) -> tuple[TensorType, ...]:
        reader = self.reader
        if not reader.take("("):
            return (reader.type(),)
        return tuple(reader.type() for _ in reader.items(")"))

    def given(self) -> list[tuple[str | None, Value]]:
        """`(%a, %b, mask=%c)`: values by position, and by the name of their slot."""
        reader = self.reader
        found: list[tuple[str | None, Value]] = []
        reader.expect("(")
        for _ in reader.items(")"):
            slot = None
            if not reader.at("%"):
                slot = reader.word()
                reader.expect("=")
            found.append((slot, self.value(self.reference())))
        return found

    def op(self, name: str, path: str, types: tuple[TensorType, ...]) -> None:
        reader, at = self.reader, self.reader.position
        op_name = reader.word()
        op_class = ops().get(op_name)
        if op_class is None:
            reader.fail(f"there is no op '{op_name}'", at)
        given = self.given()
        op = op_class(self.attributes(op_class))
        slots, inputs = self.slots(op, given, at)
        where = reader.place()
        weights = []
        while not reader.at("%", "}"):
            slot = reader.word()
            own = path if op.own_path else f"{path}.{slot}"
            weights.append(weight(reader, slot, own))
        weights = self.with_values(op, slots, inputs, weights)
        node = OpNode(
            path=path, types=types, slots=slots, place=where, op=op, weights=tuple(weights)
        )
        self.add(name, node, inputs)

    def attributes(self, op_class: type[Op]) -> dict[str, Any]:
        at = self.reader.position
        written = self.reader.mapping()
        values: dict[str, Any] = {}
        for name, attribute in op_class.attributes.items():
            if name in written:
                value = written.pop(name)
                try:
                    passed = isinstance(value, Argument)
                    values[name] = value if passed else attribute.kind.convert(value)
                except AttributeProblem as problem:
                    self.reader.fail(f"{op_class.name}: {name}: {problem.message}", at)
            elif isinstance(attribute.default, Required):
                self.reader.fail(f"{op_class.name} needs '{name}'", at)
            else:
                values[name] = attribute.default
        if written:
            self.reader.fail(f"{op_class.name} has no attribute '{next(iter(written))}'", at)
        return values

    def slots(
        self, op: Op, given: list[tuple[str | None, Value]], at: int
    ) -> tuple[tuple[str, ...], list[Value | None]]:
        """Which value stands in which slot, as `archc.ir.sites.spread` orders them."""
        positional = [value for slot, value in given if slot is None]
        named = {slot: value for slot, value in given if slot is not None}
        slots: list[str] = []
        inputs: list[Value | None] = []
        later = sum(not port.optional and not port.variadic for port in op.inputs)
        for port in op.inputs:
            if port.variadic:
                many = max(0, len(positional) - later)
                slots += [f"{port.name}.{k}" for k in range(many)]
                inputs += [positional.pop(0) for _ in range(many)]
            elif port.optional:
                slots.append(port.name)
                inputs.append(named.pop(port.name, None))
            elif positional:
                later -= 1
                slots.append(port.name)
                inputs.append(positional.pop(0))
        if positional or later:
            self.reader.fail(f"{op.name} takes another number of values", at)
        return (*slots, *named), [*inputs, *named.values()]

    def with_values(
        self, op: Op, slots: tuple[str, ...], inputs: list[Value | None], weights: list[Weight]
    ) -> list[Weight]:
        """The weights with the values that the op writes out, which are among its attributes."""
        if not weights:
            return weights
        types = [None if value is None else self.graph.type(value) for value in inputs]
        site = place(op, slots, types)
        try:
            op.infer(site)
        except TypingError:
            return weights  # which `verify` will say better
        declared = site.weights
        return [
            replace(w, value=declared[w.slot].value) if w.slot in declared else w for w in weights
        ]

    def call(self, name: str, path: str, types: tuple[TensorType, ...], kind: str) -> None:
        reader, at = self.reader, self.reader.position
        callee = self.parser.called(reader.word())
        inputs: list[Value | None] = [value for _, value in self.given()]
        arguments: dict[str, float | Argument] = reader.mapping()
        found = reader.match(_COUNT)
        count = 1 if found is None else int(found[1])
        scanned: list[str] = []
        if kind == "scan":
            if not reader.keyword("over"):
                reader.fail("expected 'over'")
            scanned = self.words()
        pairs = self.pairs()
        copies = self.copies(count) if reader.keyword("in") else Copies(path)
        model = reader.word() if reader.keyword("of") else None
        slots, outputs = callee.input_names(), tuple(callee.outputs)
        for slot in [*scanned, *(slot for _, slot in pairs)]:
            if slot not in slots:
                reader.fail(f"'{callee.name}' has no input '{slot}'", at)
        for output, _ in pairs:
            if output not in outputs:
                reader.fail(f"'{callee.name}' has no output '{output}'", at)
        facts: dict[str, Any] = {
            "path": path, "types": types, "slots": slots, "place": reader.place(),
            "definition": callee, "arguments": arguments, "copies": copies, "count": count,
            "feedback": tuple((outputs.index(o), slots.index(s)) for o, s in pairs),
            "model": model, "outputs": outputs,
        }  # fmt: skip
        if kind == "scan":
            node: CallNode = ScanNode(**facts, scanned=tuple(map(slots.index, scanned)))
        else:
            node = CallNode(**facts)
        self.add(name, node, inputs)

    def words(self) -> list[str]:
        self.reader.expect("(")
        return [self.reader.word() for _ in self.reader.items(")")]

    def pairs(self) -> list[tuple[str, str]]:
        """`(output -> input, …)`, where it stands."""
        reader = self.reader
        found: list[tuple[str, str]] = []
        for _ in reader.items(")") if reader.take("(") else ():
            output = reader.word()
            reader.expect("->")
            found.append((output, reader.word()))
        return found

    def copies(self, count: int) -> Copies:
        """`prefix`, or `prefix[first..last]`."""
        reader, at = self.reader, self.reader.position
        prefix = reader.word()
        if not reader.take("["):
            return Copies(prefix)
        first = reader.whole()
        reader.expect("..")
        if reader.whole() - first + 1 != count:
            reader.fail("the copies' numbers do not fit their count", at)
        reader.expect("]")
        return Copies(prefix, first)


def _lists(value: Any) -> Any:
    """Facts about the spec hold lists where attributes hold tuples."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return list(map(_lists, value)) if isinstance(value, tuple) else value
