"""What every stage may rely on, checked: `verify` runs after every pass.

In each definition

1. a node comes after the nodes it reads, so that the graph has no cycle;
2. the inputs are its input nodes, and the outputs are values that exist;
3. an op's slots are its inputs and fed weights, what must be there is there, and inferring again
   gives the types, and the weights, that the node holds;
4. a call fits its definition: inputs, arguments, outputs and their types; what is fed back to the
   next copy or position has the type it began with;
5. parameters that attributes and arguments pass on are the definition's;
6. ties and reads name a weight that exists, of the same type;
7. names that must differ do: of definitions, inputs, weights, copies.

A broken rule is a defect of archc, never of a spec: InternalError E901 says all of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from archc.errors import Diagnostic, InternalError
from archc.ir.graph import Graph, Value
from archc.ir.lookup import Instance, Lookup, instances, references
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, ScanNode, Weight, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.sites import place, spread
from archc.ir.types import TensorType
from archc.ops.site import Site, TypingError
from archc.spec.values import Argument

HELP = "this is a defect of archc, not of the spec: please report it with the spec"
Problems = list[Diagnostic]


def verify(program: Program) -> None:
    """Raises InternalError E901 if the program breaks a rule; its work is linear in the nodes."""
    checks = _Checks(program)
    if program.main not in program.models:
        checks.report(f"the main model '{program.main}' does not exist")
    definitions = program.definitions()
    for name, count in Counter(definition.name for definition in definitions).items():
        if count > 1:
            checks.report(f"{count} definitions are called '{name}'")
    for definition in definitions:
        checks.definition(definition)
    if not checks.problems:
        checks.references(definitions)
    if checks.problems:
        raise InternalError(checks.problems)


@dataclass(eq=False)
class _Checks:
    program: Program
    problems: Problems = field(default_factory=list)
    weighty: dict[Definition, bool] = field(default_factory=dict)
    inferred: dict[tuple[object, ...], tuple[Site, tuple[TensorType, ...]] | TypingError] = field(
        default_factory=dict
    )

    def report(
        self, message: str, definition: Definition | None = None, node: Node | None = None
    ) -> None:
        where = [part for part in (definition and definition.name, node and node.path) if part]
        place = node.place if node is not None else definition.place if definition else None
        self.problems.append(
            Diagnostic("E901", f"{'.'.join(where)}: {message}" if where else message, place,
                       help=HELP)
        )  # fmt: skip

    def definition(self, definition: Definition) -> None:
        graph = definition.graph
        inputs = [id for id, node in graph.nodes() if isinstance(node, InputNode)]
        if sorted(definition.inputs) != sorted(inputs):
            self.report("its inputs are not its input nodes", definition)
            return
        if len(set(definition.input_names())) != len(inputs):
            self.report("two inputs have one name", definition)
        before = len(self.problems)
        self.order(definition)
        if len(self.problems) > before:
            return  # nothing else can be asked
        if not definition.outputs:
            self.report("it has no outputs", definition)
        for name, value in definition.outputs.items():
            if not _exists(graph, value):
                self.report(f"the output '{name}' is no value", definition)
        if definition.grouped.keys() - definition.outputs.keys():
            self.report("a list has outputs that are none", definition)
        for id, node in graph.nodes():
            self.node(definition, id, node)
        self.names(definition)

    def order(self, definition: Definition) -> None:
        """Rule 1, and that every slot's value exists."""
        graph, last, edges = definition.graph, -1, 0
        for id, node in graph.nodes():
            if id <= last:
                self.report("it is out of order", definition, node)
            last = id
            for value in graph.present(id):
                edges += 1
                if value.node >= id:
                    self.report("it reads a node that comes after it", definition, node)
                elif not _exists(graph, value):
                    self.report(f"it reads an output that '{graph.node(value.node).path}' has not",
                                definition, node)  # fmt: skip
        if edges != graph.edges:
            self.report("values stand in slots that their nodes do not have", definition)

    def node(self, definition: Definition, id: int, node: Node) -> None:
        graph = definition.graph
        given = [None if value is None else graph.type(value) for value in graph.inputs(id)]
        if isinstance(node, OpNode):
            self.op(definition, node, given)
        elif isinstance(node, CallNode):
            self.call(definition, node, given)
        elif given or len(node.types) != 1:
            self.report("it has inputs, or other than one output", definition, node)

    def op(self, definition: Definition, node: OpNode, given: list[TensorType | None]) -> None:
        """Rule 3; equal ops on equal types are inferred once."""
        problem = _slots(node, given)
        if problem:
            self.report(problem, definition, node)
            return
        key = (id(node.op), node.slots, *map(id, given))  # all of them live as long as `self`
        if key not in self.inferred:
            site = place(node.op, node.slots, given)
            try:
                types = node.op.infer(site)
                self.inferred[key] = site, types if isinstance(types, tuple) else (types,)
            except TypingError as error:
                self.inferred[key] = error
        found = self.inferred[key]
        if isinstance(found, TypingError):
            self.report(f"its op says: {found.message}", definition, node)
            return
        site, types = found
        if types != node.types:
            self.report(f"it holds {_text(node.types)}, inferred is {_text(types)}",
                        definition, node)  # fmt: skip
        for problem in _weights(node, site):
            self.report(problem, definition, node)
        for value in node.op.values.values():
            if isinstance(value, Argument) and value.name not in definition.parameters:
                self.report(f"there is no parameter '{value.name}'", definition, node)

    def call(self, definition: Definition, node: CallNode, given: list[TensorType | None]) -> None:
        """Rules 4 and 5."""
        for problem in _call(node, given):
            self.report(problem, definition, node)
        for value in node.arguments.values():
            if isinstance(value, Argument) and value.name not in definition.parameters:
                self.report(f"there is no parameter '{value.name}'", definition, node)
        if node.model is not None and node.model not in self.program.models:
            self.report(f"there is no model '{node.model}'", definition, node)

    def names(self, definition: Definition) -> None:
        """Rule 7 within a definition: weights and copies that have weights."""
        taken: dict[str, Node] = {}
        for _, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                paths = [w.path for w in node.weights if w.tie is None or w.tie.path != w.path]
            elif isinstance(node, CallNode) and self.brings_weights(node):
                paths = [path for k in range(node.count) if (path := node.copies.path(k))]
            else:
                continue
            for path in paths:
                if path in taken:
                    self.report(f"'{taken[path].path}' has weights of that name: {path}",
                                definition, node)  # fmt: skip
                taken[path] = node

    def brings_weights(self, call: CallNode) -> bool:
        """Whether the call's copies have weights; a scan has them below a scope it may share."""
        if call.model is not None or isinstance(call, ScanNode):
            return False
        return self.has_weights(call.definition)

    def has_weights(self, definition: Definition) -> bool:
        if definition not in self.weighty:
            self.weighty[definition] = any(
                bool(node.weights)
                if isinstance(node, OpNode)
                else isinstance(node, CallNode)
                and node.model is None
                and self.has_weights(node.definition)
                for _, node in definition.graph.nodes()
            )
        return self.weighty[definition]

    def references(self, definitions: list[Definition]) -> None:
        """Rule 6."""
        lookup, places = Lookup(self.program), instances(self.program)
        for definition in definitions:
            if not any(references(definition)):
                continue
            for _, node in definition.graph.nodes():
                if isinstance(node, WeightNode):
                    self.reference(definition, node, None, lookup, places[definition])
                elif isinstance(node, OpNode):
                    for weight in node.weights:
                        if weight.tie is not None:
                            self.reference(definition, node, weight, lookup, places[definition])

    def reference(
        self, definition: Definition, node: Node, weight: Weight | None, lookup: Lookup,
        at: Instance,
    ) -> None:  # fmt: skip
        ref = node.ref if isinstance(node, WeightNode) else weight.tie if weight else None
        assert ref is not None
        type = weight.type if weight is not None else node.types[0]
        found = lookup.refer(ref, at.root, at.prefix)
        if found is None:
            self.report(f"there is no weight '{ref.path}' to refer to", definition, node)
        elif found.weight.type != type:
            self.report(f"'{ref.path}' is {found.weight.type}, not {type}", definition, node)
        elif found.weight is weight or (weight is None and found.weight.tie == ref):
            self.report(f"'{ref.path}' is tied to itself alone", definition, node)


def _exists(graph: Graph, value: Value) -> bool:
    return value.node in graph and 0 <= value.port < len(graph.node(value.node).types)


def _text(types: tuple[TensorType, ...]) -> str:
    return ", ".join(map(str, types))


def _slots(node: OpNode, given: list[TensorType | None]) -> str:
    """What is wrong with an op's slots; empty if nothing is."""
    where = spread(node.op, node.slots)
    if where is None:
        return f"{node.op.name} has no slots {', '.join(node.slots)}"
    for port in node.op.inputs:
        slots = where.pop(port.name)
        if not slots and not port.optional:
            return f"{node.op.name} has no '{port.name}'"
        if any(given[slot] is None for slot in slots) and (port.variadic or not port.optional):
            return f"the slot '{port.name}' is empty"
    if any(given[slot] is None for slots in where.values() for slot in slots):
        return "a weight that should be fed is not"
    return ""


def _weights(node: OpNode, site: Site) -> list[str]:
    """What is wrong with an op's weights."""
    declared = site.weights
    if tuple(weight.slot for weight in node.weights) != tuple(declared):
        return [f"its weights are not {', '.join(declared) or 'none'}"]
    if site.used != site.fed.keys():
        return ["a weight is fed that the op does not have"]
    problems = []
    for weight in node.weights:
        wanted = declared[weight.slot]
        if weight.type != wanted.type:
            problems.append(f"the weight '{weight.slot}' is {weight.type}, not {wanted.type}")
        if (wanted.buffer and not weight.buffer) or (weight.buffer and weight.trained):
            problems.append(f"the weight '{weight.slot}' is trained and must not be")
        if weight.value is not wanted.value and weight.value != wanted.value:
            problems.append(f"the weight '{weight.slot}' begins otherwise than its op says")
    return problems


def _call(node: CallNode, given: list[TensorType | None]) -> list[str]:
    """What is wrong between a call and what it calls."""
    callee = node.definition
    inputs, outputs = list(callee.input_types().values()), list(callee.output_types().values())
    if node.slots != callee.input_names() or node.outputs != tuple(callee.outputs):
        return [f"its inputs and outputs are not those of '{callee.name}'"]
    if tuple(sorted(node.arguments)) != tuple(sorted(callee.parameters)):
        return [f"its arguments are not those of '{callee.name}'"]
    if not all(port < len(outputs) and slot < len(inputs) for port, slot in node.feedback):
        return ["it feeds back what does not exist"]
    problems = []
    if node.count < 1 or (node.count > 1 and node.copies.start is None):
        problems.append(f"it has {node.count} copies, which are not numbered")
    for port, slot in node.feedback:
        if outputs[port] != inputs[slot]:
            problems.append(f"'{node.outputs[port]}' is fed back as {outputs[port]} "
                            f"where {inputs[slot]} is expected")  # fmt: skip
    if isinstance(node, ScanNode):
        return problems + _scan(node, given, inputs, outputs)
    if given != inputs:
        problems.append(f"'{callee.name}' takes {_text(tuple(inputs))}")
    if node.types != tuple(outputs):
        problems.append(f"it holds {_text(node.types)}, '{callee.name}' gives "
                        f"{_text(tuple(outputs))}")  # fmt: skip
    return problems


def _scan(
    node: ScanNode,
    given: list[TensorType | None],
    inputs: list[TensorType],
    outputs: list[TensorType],
) -> list[str]:
    if node.count != 1 or not node.scanned:
        return ["a scan is one copy and walks along something"]
    lengths = {type.dims[1] for slot in node.scanned if (type := given[slot]) and type.rank > 1}
    if len(lengths) != 1:
        return ["what it walks along has no single length"]
    (length,) = lengths
    wanted = [
        type.with_dims((*type.dims[:1], length, *type.dims[1:])) if slot in node.scanned else type
        for slot, type in enumerate(inputs)
    ]
    carried = {port for port, _ in node.feedback}
    stacked = tuple(
        type if port in carried else type.with_dims((*type.dims[:1], length, *type.dims[1:]))
        for port, type in enumerate(outputs)
    )
    if given != wanted:
        return [f"'{node.definition.name}' takes {_text(tuple(wanted))} in all"]
    return [] if node.types == stacked else [f"it holds {_text(node.types)}, not {_text(stacked)}"]
