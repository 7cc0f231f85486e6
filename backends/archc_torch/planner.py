"""A definition's graph to statements: which value is written where, and which is given a variable.

Nodes are taken in their order. A value with one use is written into the expression that uses it as
long as that
reads well; all others become variables. Modules go into the tree under their weights' names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from archc.errors import UnsupportedError
from archc.ir.dims import Size, symbol
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
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.spec.ast import Step, Template
from archc.spec.data import Mapping as Entries
from archc.spec.data import Scalar
from archc.spec.data import Sequence as Items
from archc.spec.formula import Formula
from archc.spec.values import Argument
from archc_torch import initial, layout, names, naming
from archc_torch.code import (
    Axis,
    Build,
    Callee,
    Code,
    Expr,
    Hole,
    Numbers,
    Raw,
    Ref,
    Val,
    ghost,
    joined,
    length,
    literal,
)
from archc_torch.lines import Line, Writer, table
from archc_torch.sizes import Anchor, express, unknown
from archc_torch.sketch import Assign, Branch, Gap, If, Leaf, Output, Parameter, Sketch, Stmt
from archc_torch.use import NeedsVariable, Use
from archc_torch.variants import Variant, bypass

if TYPE_CHECKING:
    from archc_torch.library import Library
    from archc_torch.loops import Roll

# Ops that always give a new tensor, which their gradients do not need.
FRESH = frozenset(
    [
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "linear",
        "batch_norm",
        "group_norm",
        "layer_norm",
        "add",
        "sub",
    ]
)
Make = Callable[[Mapping[str, Expr]], Expr]  # an expression from its operands by slot

DEEPEST = 3  # calls nested in one expression
MOST_INSIDE = 3  # operands that are written in place in an expression that is too long
WIDEST = 80  # characters of one expression


@dataclass(eq=False, slots=True)
class Frame:
    """A graph whose nodes are being written.

    The definition's own, or that of a loop's body within it.
    """

    number: int
    definition: Definition
    prefix: str
    chains: dict[int, layout.Chain] = field(default_factory=dict)  # by their last node
    inside: set[int] = field(default_factory=set)  # nodes that are parts of chains
    paths: dict[int, str] = field(default_factory=dict)  # where a node's module or weights are
    live: set[int] = field(default_factory=set)

    def val(self, value: Value) -> Val:
        return (self.number, value.node, value.port)

    def path(self, path: str) -> str:
        return ".".join(part for part in (self.prefix, path) if part)


@dataclass(frozen=True, eq=False, slots=True)
class Made:
    """How an expression was made: of which values, and what was written for them."""

    vals: dict[str, Val]
    make: Make
    operands: dict[str, Expr]


class Planner:
    """Writes one definition; a `Host` of its ops' uses."""

    def __init__(
        self,
        definition: Definition,
        library: Library,
        top: bool = False,
        variant: Variant | None = None,
        gaps: Mapping[int, tuple[bool, ...]] | None = None,
    ) -> None:
        self.definition, self.library = definition, library
        self.phantoms = variant.phantoms if variant is not None else frozenset()
        self.gaps = gaps or {}
        self.sketch = Sketch(definition, top=top)
        self.frames: list[Frame] = []
        self.bodies: dict[tuple[int, int], Frame] = {}  # of loops, by the frame and the node
        self.exprs: dict[Val, Expr] = {}  # what can be written any number of times
        self.pending: dict[Val, Expr] = {}  # what is to be written once
        self.types: dict[Val, TensorType] = {}
        self.uses: dict[Val, int] = {}
        self.hints: dict[Val, str] = {}  # what a variable is called
        self.words: dict[Val, str] = {}  # the path of the block that gives a value
        self.paths: dict[Val, str] = {}  # the path of the module that does
        self.statements: list[Stmt] = self.sketch.body
        self.anchors: list[Anchor] = []
        self.lists: dict[Val, int] = {}  # values that are lists, and how long they are
        self.fresh = -1
        self.made: Made | None = None  # how the last expression was made
        self.parts: dict[Val, Made] = {}  # how each that waits was made
        self.light: set[Val] = set()  # values of functions without weights

    # ---- the whole

    def plan(self) -> Sketch:
        prefix = (
            self.library.program.prefix(self.definition.source).removesuffix(".")
            if self.sketch.top
            else ""
        )
        frame = self.enter(self.definition, prefix, 0)
        self._parameters(frame)
        if not self.whole(frame):
            self.lay(frame)
            self.walk(frame)
            self._outputs(frame)
        initial.setup(self, self.frames)
        if self.sketch.top:
            initial.ties(self)
        graph_inputs = [self.parameter(k) for k in range(len(self.sketch.parameters))]
        words = self.words if self.definition.kind == "model" else {}
        naming.name(self.sketch, self.hints, words, self.paths, graph_inputs)
        return self.sketch

    def parameter(self, place: int) -> Val:
        """The value of a parameter of forward."""
        parameter = self.sketch.parameters[place]
        if parameter.listed:
            return parameter_list(place)
        ids = self.definition.inputs
        return (0, next(id for id in ids if self.definition.input(id).name == parameter.name), 0)

    def enter(self, definition: Definition, prefix: str, number: int) -> Frame:
        frame = Frame(number, definition, prefix)
        self.frames.append(frame)
        frame.live = live(definition)
        for id in frame.live:
            for value in definition.graph.present(id):
                self.uses[frame.val(value)] = self.uses.get(frame.val(value), 0) + 1
            node = definition.graph.node(id)
            for port, type in enumerate(node.types):
                self.types[frame.val(Value(id, port))] = type
        for value in definition.outputs.values():
            self.uses[frame.val(value)] = self.uses.get(frame.val(value), 0) + 1
        return frame

    def _parameters(self, frame: Frame) -> None:
        graph = frame.definition.graph
        for id in frame.definition.inputs:
            node = graph.node(id)
            assert isinstance(node, InputNode)
            name, _, index = node.name.partition(".")
            val = frame.val(Value(id))
            for axis, dim in enumerate(node.types[0].dims):
                self.anchors.append(Anchor((Axis(node.name, axis),), dim))
            if not index:
                self.sketch.parameters.append(Parameter(name, node.types))
                self.exprs[val] = Expr((Ref(val),))
                self.hints[val] = name
                continue
            if index == "0":
                self.sketch.parameters.append(Parameter(name, (), listed=True))
            last, group = (
                self.sketch.parameters[-1],
                parameter_list(len(self.sketch.parameters) - 1),
            )
            last.types = (*last.types, *node.types)
            self.hints[group] = name
            self.lists[group] = len(last.types)
            self.exprs[val] = Expr((Ref(group), f"[{index}]"))

    def whole(self, frame: Frame) -> bool:
        """Writes the definition as an nn.Sequential.

        If it is nothing else and its modules have no better names.
        """
        definition = frame.definition
        if (
            len(definition.inputs) != 1
            or len(definition.outputs) != 1
            or frame.prefix
            or "." in definition.input_names()[0]
        ):
            return False
        scope = layout.scopes(definition.graph, "")
        exits = frozenset(definition.outputs.values())
        found = layout.chain(definition.graph, scope, lambda id: self.element(frame, id), exits)
        if found is None or not found.weighted or found.entry.node != definition.inputs[0]:
            return False
        if exits != {Value(found.last, 0)}:
            return False
        children = found.branch.children.items()
        if not any(
            name.isdigit() and (isinstance(child, Branch) or child.weighted)
            for name, child in children
        ):
            return False
        self.sketch.modules = found.branch
        for type in definition.output_types().values():
            name = next(iter(definition.outputs))
            self.sketch.outputs.append(Output(name, (type,), False, ()))
        return True

    def _outputs(self, frame: Frame) -> None:
        found: dict[str, list[tuple[str, Value]]] = {}
        grouped = frame.definition.grouped
        for name, value in frame.definition.outputs.items():
            found.setdefault(grouped.get(name, name), []).append((name, value))
        for name, values in found.items():
            types = tuple(self.given_type(frame, value) for _, value in values)
            listed = values[0][0] in grouped
            exprs = [self.take(frame.val(value)) for _, value in values]
            exprs = [self.as_tensor(expr, type) for expr, type in zip(exprs, types, strict=True)]
            code = self.listed(exprs).code if listed else exprs[0].code
            self.sketch.outputs.append(Output(name, types, listed, code))

    def given_type(self, frame: Frame, value: Value) -> TensorType:
        """A value's type, that of what stands for it where its step is left out."""
        graph = frame.definition.graph
        while value.node in self.phantoms:
            before = bypass(graph, value)
            assert before is not None
            value = before
        return graph.type(value)

    # ---- modules

    def lay(self, frame: Frame) -> None:
        """Finds the chains and puts every module and weight of the frame into the tree."""
        graph = frame.definition.graph
        exits = frozenset(frame.definition.outputs.values())
        stack = list(layout.nested(layout.scopes(graph, frame.prefix)))
        starts: dict[int, layout.Chain] = {}
        while stack:
            scope = stack.pop()
            # What lies around a loop is not its body's alone.
            shared = frame.number > 0 and len(scope.path) <= len(frame.prefix)
            found = (
                None
                if shared
                else layout.chain(graph, scope, lambda id: self.element(frame, id), exits)
            )
            if found is None or not found.weighted or not frame.live.issuperset(nodes_of(scope)):
                stack += layout.nested(scope)
                continue
            starts[found.first] = frame.chains[found.last] = found
            frame.inside |= nodes_of(scope)
        for id, node in graph.nodes():
            if id in starts:
                close_gaps(starts[id].branch)
                layout.put(self.sketch.modules, starts[id].path, starts[id].branch, node.place)
            elif id not in frame.inside:
                self._leaf(frame, id, node)
        for id, node in graph.nodes():  # before anything says where a module is
            if isinstance(node, ScanNode) and id in frame.live:
                inner = self.enter(
                    node.definition, frame.path(node.copies.prefix), len(self.frames)
                )
                self.bodies[frame.number, id] = inner
                self.lay(inner)

    def _leaf(self, frame: Frame, id: int, node: Node) -> None:
        path = frame.path(node.path)
        if isinstance(node, OpNode) and node.op.own_path:
            (weight,) = node.weights
            leaf = initial.leaf(
                weight,
                self.formula(node, "value"),
                self.written_shape(node),
                self.begun_by(node, weight),
            )
            self.put(frame.path(weight.path), self.marked(frame, id, leaf), node)
        elif isinstance(node, OpNode) and node.weights:
            made = self.module(frame, id)
            frame.paths[id] = path
            if made is not None and not self.fed(frame, id):
                self.put(path, self.leaf(frame, id, made.code, True), node)
                return
            for weight in node.weights:
                self.put(
                    frame.path(weight.path), self.marked(frame, id, initial.leaf(weight)), node
                )
        elif isinstance(node, OpNode) and self.line(node).call is None:
            made = self.module(frame, id)
            assert made is not None
            self.put(path, self.leaf(frame, id, made.code, True), node)
        elif (
            isinstance(node, OpNode)
            and node.op.name == "constant"
            and node.types[0].rank
            and id in frame.live
        ):
            frame.paths[id] = self.constant_path(node)
            self.put(frame.paths[id], initial.constant(node), node)
        elif isinstance(node, CallNode) and not isinstance(node, ScanNode) and node.model is None:
            self.library.sketch(node.definition)
            self.put(frame.path(node.copies.path(0)), self.call_leaf(frame, id, node), node)

    def leaf(self, frame: Frame, id: int, code: Code, weighted: bool) -> Leaf:
        """An op's module."""
        node = frame.definition.graph.node(id)
        assert isinstance(node, OpNode)
        return self.marked(
            frame, id, Leaf("module", code, node.types, weighted=weighted, word=node.op.name)
        )

    def call_leaf(self, frame: Frame, id: int, node: CallNode) -> Leaf:
        build = Build(node.definition, node.arguments)
        leaf = Leaf(
            "module", (build,), node.types, node.count, weighted=True, callee=node.definition
        )
        return self.marked(frame, id, leaf)

    def marked(self, frame: Frame, id: int, leaf: Leaf) -> Leaf:
        """The leaf with the node that it is for, and which instances have it."""
        leaf.node = id
        leaf.gap = self.gap(frame, id)
        leaf.absent = frame.number == 0 and id in self.phantoms
        if leaf.absent:
            leaf.code = ghost(leaf.code)
        return leaf

    def gap(self, frame: Frame, id: int) -> Gap | None:
        """Which instances have the node, where some have not."""
        if frame.number or id not in self.gaps:
            return None
        node = frame.definition.graph.node(id)
        template = self.library.template(self.definition)
        when, word = (
            conditions(template, node.step)
            if template is not None and node.step is not None
            else ((), "")
        )
        own = (
            node.op.name
            if isinstance(node, OpNode)
            else node.definition.source
            if isinstance(node, CallNode)
            else ""
        )
        return Gap(self.gaps[id], when, word or own)

    def put(self, path: str, leaf: Leaf, node: Node) -> None:
        layout.put(self.sketch.modules, path, leaf, node.place)

    def constant_path(self, node: OpNode) -> str:
        name = names.safe(node.path.rpartition(".")[2], names.TAKEN)
        return names.unique(name, self.sketch.modules.children)

    def module(self, frame: Frame, id: int) -> Expr | None:
        """The constructor of the op's module, if it has one here."""
        node = frame.definition.graph.node(id)
        assert isinstance(node, OpNode)
        line = self.line(node)
        if line.module is None:
            return None
        absent = frame.number == 0 and id in self.phantoms
        types = self.slot_types(frame, id)
        use = Use(self, node, types, {}, "", self.fresh_input(frame, id), absent, constructing=True)
        return written(use, line.module)

    def element(self, frame: Frame, id: int) -> tuple[Leaf, bool] | None:
        """The node as an element of a chain, and whether it has weights."""
        node = frame.definition.graph.node(id)
        if isinstance(node, CallNode):
            if (
                isinstance(node, ScanNode)
                or node.model is not None
                or len(node.slots) != 1
                or len(node.types) != 1
            ):
                return None
            if node.definition.grouped or "." in node.slots[0]:
                return None
            callee = self.library.sketch(node.definition)
            if callee.models or callee.sizes or callee.device:
                return None
            return self.call_leaf(frame, id, node), True
        assert isinstance(node, OpNode)
        if self.fed(frame, id) or len(node.types) != 1 or not node.op.inputs or node.op.own_path:
            return None
        line = self.line(node)
        if line.applied is not None:
            use = Use(self, node, self.slot_types(frame, id), {"x": Expr(("x",))}, "self.m")
            try:
                if isinstance(line.applied, str) or written(use, line.applied) is not None:
                    return None
            except NeedsVariable:  # more than the module is to be written
                return None
        made = self.module(frame, id)
        if made is None:
            return None
        weighted = bool(node.weights) or line.call is None
        code = made.code
        if not weighted and node.step is not None and isinstance(node.step.head, Formula):
            text = plain(code)
            code = (
                code if text is None else (Hole(Raw(text), node.step.head.text),)
            )  # an op that a parameter chooses
        return self.leaf(frame, id, code, weighted), weighted

    def fresh_input(self, frame: Frame, id: int) -> bool:
        """Whether the node's input is a new tensor that nothing else reads.

        Then it may be changed in place.
        """
        graph = frame.definition.graph
        given = graph.present(id)
        if len(given) != 1 or self.uses.get(frame.val(given[0])) != 1:
            return False
        maker = graph.node(given[0].node)
        gap = frame.number == 0 and given[0].node in self.gaps
        new = (
            isinstance(maker, OpNode)
            and maker.op.name in FRESH
            and len(graph.present(given[0].node)) + len(maker.weights) > 1
        )
        return new and not gap

    def line(self, node: OpNode) -> Line:
        found = table().lines.get(node.op.name)
        if found is None:
            raise unsupported(
                node, "PyTorch has no line for it here, and it is not made of other ops"
            )
        return found

    def fed(self, frame: Frame, id: int) -> bool:
        """Whether a value is fed in a weight's place."""
        node = frame.definition.graph.node(id)
        assert isinstance(node, OpNode)
        own = {port.name for port in node.op.inputs}
        return any(slot.partition(".")[0] not in own for slot in node.slots)

    def slot_types(self, frame: Frame, id: int) -> dict[str, TensorType]:
        graph = frame.definition.graph
        pairs = zip(graph.node(id).slots, graph.inputs(id), strict=True)
        return {slot: graph.type(value) for slot, value in pairs if value is not None}

    def access(self, path: str) -> str:
        """How a path within the definition is written, through the classes of what it calls."""
        return self.library.access(self.sketch.modules, path, "self")

    # ---- statements

    def walk(self, frame: Frame) -> None:
        from archc_torch import loops

        graph = frame.definition.graph
        rolled = loops.rolled(self, frame)
        guards = self.guards(frame) if frame.number == 0 else {}
        for id, node in graph.nodes():
            if id not in frame.live or isinstance(node, InputNode):
                continue
            if id in guards:
                if id == guards[id][-1]:
                    self._guard(frame, guards[id])
                continue
            self._node(frame, id, node, rolled)

    def _node(self, frame: Frame, id: int, node: Node, rolled: Mapping[int, Roll]) -> None:
        from archc_torch import loops

        if id in frame.chains:
            self._chain(frame, frame.chains[id])
        elif id in frame.inside:
            return
        elif id in rolled:
            if rolled[id].calls[0] == id:
                loops.roll(self, frame, rolled[id])
        elif isinstance(node, WeightNode):
            self.exprs[frame.val(Value(id))] = Expr((self.read(frame, node.ref),))
        elif isinstance(node, ScanNode):
            loops.scan(self, frame, id, node)
        elif isinstance(node, CallNode):
            if node.count > 1:
                loops.counted(self, frame, id, node)
            else:
                self._call(frame, id, node)
        elif isinstance(node, OpNode):
            self._op(frame, id, node)

    def guards(self, frame: Frame) -> dict[int, list[int]]:
        """Steps that only some instances have and that are no module of one input.

        Groups under one condition each.

        Raises UnsupportedError where something but the last of a group is used outside of it.
        """
        graph = frame.definition.graph
        groups: list[list[int]] = []
        before: int | None = None
        for id, node in graph.nodes():
            if isinstance(node, InputNode) or id not in frame.live:
                continue
            if id not in self.gaps or id in frame.inside or self.bypassable(frame, id):
                before = None
            elif before is not None and self.gaps[before] == self.gaps[id]:
                groups[-1].append(id)
                before = id
            else:
                groups.append([id])
                before = id
        for group in groups:
            inner = set(group[:-1])
            used = {use[0] for id in inner for use in graph.users(id)}
            outputs = {value.node for value in frame.definition.outputs.values()}
            if not used <= set(group) or inner & outputs or len(graph.node(group[-1]).types) != 1:
                raise UnsupportedError.of(
                    "E601", "steps that are left out together have several uses"
                )
        return {id: group for group in groups for id in group}

    def bypassable(self, frame: Frame, id: int) -> bool:
        """Whether the node is a module of one input, in whose place nn.Identity can stand."""
        node = frame.definition.graph.node(id)
        if len(frame.definition.graph.present(id)) != 1 or len(node.types) != 1:
            return False
        if isinstance(node, CallNode):
            callee = self.library.sketch(node.definition)
            given = callee.models or callee.sizes or callee.device or self.library.pure(callee)
            return not given and node.count == 1 and node.model is None
        return id in frame.paths and not self.fed(frame, id)

    def _guard(self, frame: Frame, group: list[int]) -> None:
        """Steps under a condition.

        The variable has what stands for them first, and their value if they are there.
        """
        graph = frame.definition.graph
        value = Value(group[-1])
        before = bypass(graph, value)
        while before is not None and before.node in group:
            before = bypass(graph, before)
        assert before is not None
        val, entry = frame.val(value), frame.val(before)
        self.hold_all()
        self.statements.append(Assign([val], self.exprs[entry].code))
        if self.uses.get(entry, 0) == 1:
            self.exprs[entry] = Expr((Ref(val),))
        outer, self.statements = self.statements, []
        for id in group:
            self._node(frame, id, graph.node(id), {})
        expr = self.pending.pop(val, None)
        if expr is not None:
            self.statements.append(
                Assign([val], expr.code, (self.types[val],), absent=self.ghostly(val))
            )
        body, self.statements = self.statements, outer
        gap = self.gap(frame, group[-1])
        assert gap is not None
        self.statements.append(If(gap, body))
        self.exprs[val] = Expr((Ref(val),))

    def read(self, frame: Frame, ref: WeightRef) -> str:
        """A weight by its reference."""
        if ref.model is None:
            return self.access(frame.path(ref.path))
        return self.library.access(
            self.library.model(ref.model).modules, ref.path, self.model(ref.model)
        )

    def model(self, name: str) -> str:
        """A model: an attribute of the outermost class, and in all others what forward is given."""
        if self.sketch.top:
            if name not in self.sketch.modules.children:
                callee = self.library.model(name).definition
                leaf = Leaf("module", (Build(callee, {}),), weighted=True, callee=callee)
                self.sketch.modules.children[name] = leaf
            return self.access(name)
        if name not in self.sketch.models:
            self.sketch.models.append(name)
        return names.safe(name, ())

    def model_of(self, name: str) -> None:
        """Makes sure that the model to which a weight's full name belongs is there."""
        model = name.partition(".")[0]
        if model != self.definition.source:
            self.model(model)

    def _chain(self, frame: Frame, chain: layout.Chain) -> None:
        def make(operands: Mapping[str, Expr]) -> Expr:
            (x,) = operands.values()
            return Expr((f"{path}(", *x.code, ")"), depth=x.depth + 1, composite=True)

        path = self.access(chain.path)
        node = frame.definition.graph.node(chain.last)
        self.words[frame.val(Value(chain.last))] = chain.path
        self.give(
            frame, Value(chain.last), self.fit({"x": frame.val(chain.entry)}, make), node.types[0]
        )

    def _op(self, frame: Frame, id: int, node: OpNode) -> None:
        line = self.line(node)
        value = Value(id)
        if node.op.own_path:
            self.exprs[frame.val(value)] = Expr((self.access(frame.path(node.weights[0].path)),))
            return
        if node.op.name == "constant":
            self._constant(frame, id, node)
            return
        path = self.access(frame.path(node.path)) if id in frame.paths or line.call is None else ""
        whole = (
            line.module is not None
            and not self.fed(frame, id)
            and (bool(node.weights) or line.call is None)
        )
        if whole and self.module(frame, id) is None:
            whole = False
        types = self.slot_types(frame, id)
        graph = frame.definition.graph
        vals = {
            s: frame.val(v)
            for s, v in zip(node.slots, graph.inputs(id), strict=True)
            if v is not None
        }

        spent: dict[str, int] = {}
        fresh = self.fresh_input(frame, id)

        def make(operands: Mapping[str, Expr]) -> Expr:
            absent = frame.number == 0 and id in self.phantoms
            use = Use(self, node, types, self.tensors(node, operands), path, fresh, absent)
            found: Expr | None = None
            if whole:
                found = written(use, line.applied) if line.applied is not None else None
                found = found or use.write("{self}({x})")
            elif line.call is not None:
                found = written(use, line.call)
            if found is None:
                raise unsupported(node, "with these inputs it has no form in PyTorch")
            spent.update(use.spent)
            return found

        if whole:
            self.paths[frame.val(value)] = frame.path(node.path)
        else:
            self.light.add(frame.val(value))
        expr = self.fit(vals, make, spent, light=not whole)
        self.give_op(frame, value.node, node, line.targets if whole else "", expr)

    def give_op(self, frame: Frame, id: int, node: OpNode, pattern: str, expr: Expr) -> None:
        if len(node.types) == 1:
            self.give(frame, Value(id), expr, node.types[0], self.name_of(node))
            return
        targets = [frame.val(Value(id, port)) for port in range(len(node.types))]
        for val, name in zip(targets, node.op.outputs, strict=True):
            self.hints[val] = name
        pattern = pattern or ", ".join(f"{{{name}}}" for name in node.op.outputs)
        self.unpack(targets, expr, node.types, pattern_of(pattern, node.op.outputs))

    def unpack(
        self, targets: Sequence[Val], expr: Expr, types: Sequence[TensorType], pattern: str = ""
    ) -> None:
        """Gives each of several values a variable; what nothing uses is called `_`."""
        used = [val if self.uses.get(val) else None for val in targets]
        kept = tuple(type for val, type in zip(used, types, strict=False) if val is not None)
        self.statements.append(Assign(used, expr.code, kept, pattern))
        self.exprs.update({val: Expr((Ref(val),)) for val in used if val is not None})

    def _constant(self, frame: Frame, id: int, node: OpNode) -> None:
        if node.types[0].rank:
            self.exprs[frame.val(Value(id))] = Expr((self.access(frame.paths[id]),))
            return
        value = node.op.values["value"]
        formula = self.literal_formula(frame, id)
        hole = Hole(
            self.argument(value) if isinstance(value, Argument) else value, "value", formula=formula
        )
        number = hole.value
        sign = isinstance(number, int | float) and number < 0
        self.exprs[frame.val(Value(id))] = Expr((hole,), names_binding(sign), literal=hole)

    def _call(self, frame: Frame, id: int, node: CallNode) -> None:
        graph = frame.definition.graph
        vals = {
            s: frame.val(v)
            for s, v in zip(node.slots, graph.inputs(id), strict=True)
            if v is not None
        }

        def make(operands: Mapping[str, Expr]) -> Expr:
            return self.called(frame, node, operands)

        self.give_call(frame, id, node, self.fit(vals, make))

    def give_call(
        self, frame: Frame, id: int, node: CallNode, expr: Expr, held: bool = False
    ) -> None:
        """Gives a call's values variables: one each, and one for each list.

        A lone one only if it is `held`.
        """
        callee = self.library.sketch(node.definition)
        if node.model is not None and node.step is not None and node.step.name is not None:
            self.hints[frame.val(Value(id))] = node.path.rpartition(".")[2]
        self.words[frame.val(Value(id))] = frame.path(node.path)
        if len(callee.outputs) == 1 and not callee.outputs[0].listed:
            if held:
                self.hold(frame.val(Value(id)), expr)
                return
            self.give(frame, Value(id), expr, node.types[0])
            return
        targets: list[Val] = []
        port = 0
        for k, output in enumerate(callee.outputs):
            ports = [frame.val(Value(id, port + i)) for i in range(len(output.types))]
            port += len(output.types)
            if not output.listed:
                targets.append(ports[0])
                self.hints[ports[0]] = output.name
                continue
            group: Val = (frame.number, id, -1 - k)
            self.lists[group] = len(ports)
            self.hints[group] = output.name
            self.uses[group] = sum(self.uses.get(val, 0) for val in ports)
            self.exprs.update({val: Expr((Ref(group), f"[{i}]")) for i, val in enumerate(ports)})
            targets.append(group)
        shown = [output.types[0] for output in callee.outputs if not output.listed]
        if len(targets) == 1:
            self.statements.append(Assign([targets[0]], expr.code))
            return
        self.unpack(targets, expr, [])
        last = self.statements[-1]
        assert isinstance(last, Assign)
        types = [self.types.get(val) for val in last.targets if val is not None]
        last.types = tuple(type for type in types if type is not None) if shown else ()

    def called(
        self, frame: Frame, node: CallNode, operands: Mapping[str, Expr], module: Code = ()
    ) -> Expr:
        """A call with its arguments: tensors and lists, then sizes, the device, and models."""
        callee = self.library.sketch(node.definition)
        types = node.definition.input_types()
        codes: list[Code] = []
        for parameter in callee.parameters:
            if not parameter.listed:
                codes.append(self.as_tensor(operands[parameter.name], types[parameter.name]).code)
                continue
            parts = [operands[f"{parameter.name}.{k}"] for k in range(len(parameter.types))]
            codes.append(self.listed(parts).code)
        for name in callee.sizes:
            found = self.size(symbol(name), [], last=True)
            assert found is not None
            codes.append(found.code)
        if callee.device:
            codes.append(self.device().code)
        if node.model is not None and not module:
            module = (self.model(node.model),)
        codes += [(self.model(name),) for name in callee.models]
        depth = max((operand.depth for operand in operands.values()), default=0)
        head: Code = module or (
            Callee(node.definition, self.access(frame.path(node.copies.path(0)))),
        )
        absent = frame.number == 0 and any(
            frame.definition.graph.node(id) is node for id in self.phantoms
        )
        tail: Code = () if module else (Numbers(node.definition, node.arguments, absent),)
        block = not self.library.pure(callee) or length(joined(codes)) > WIDEST // 2
        return Expr((*head, "(", *joined(codes), *tail, ")"), depth=depth + 1, composite=block)

    def in_module(self, path: str) -> bool:
        """Whether a weight belongs to a module of torch.nn, and is no tensor of its own."""
        return self.library.leaf(self.sketch.modules, path).kind == "module"

    # ---- values

    def fit(
        self,
        vals: Mapping[str, Val],
        make: Make,
        spent: Mapping[str, int] | None = None,
        light: bool = False,
    ) -> Expr:
        """The expression on these values, with as many of them written in place as reads well.

        `light` says that it is a function without weights, which is to stay with what it is
        applied to.
        """
        operands = {slot: self.take(val) for slot, val in vals.items()}
        while True:
            try:
                expr = make(operands)
            except NeedsVariable as needs:
                operands[needs.slot] = self.hold(vals[needs.slot], operands[needs.slot])
                continue
            inside = [slot for slot in vals if not simple(operands[slot])]
            again = [slot for slot in inside if spent and spent.get(slot, 0) > 1]
            if again:
                operands[again[0]] = self.hold(vals[again[0]], operands[again[0]])
                continue
            blocks = [slot for slot in inside if operands[slot].composite]
            if blocks and expr.composite:  # a block's input is no other block's call
                operands[blocks[0]] = self.hold(vals[blocks[0]], operands[blocks[0]])
                continue
            outside = [
                slot for slot in inside if expr.composite and self.definition.kind == "model"
            ]
            if outside:  # a model shows what each of its parts is given
                operands[outside[0]] = self.hold(vals[outside[0]], operands[outside[0]])
                continue
            if not inside or (expr.depth <= DEEPEST and length(expr.code) <= WIDEST):
                found = replace(expr, composite=expr.composite or bool(blocks))
                self.made = Made(dict(vals), make, operands)
                return found
            if len(inside) > MOST_INSIDE:
                for slot in inside:
                    operands[slot] = self.hold(vals[slot], operands[slot])
                continue
            worst = max(
                inside, key=lambda slot: (operands[slot].depth, length(operands[slot].code))
            )
            shorter = self.cut(vals[worst]) if light else None
            operands[worst] = shorter or self.hold(vals[worst], operands[worst])

    def cut(self, val: Val) -> Expr | None:
        """The value's expression after the function in it has a variable.

        So a function stays with its module.
        """
        made = self.parts.get(val)
        inner = (
            [slot for slot, other in made.vals.items() if other in self.light]
            if made is not None
            else []
        )
        if made is None or not inner or simple(made.operands[inner[0]]):
            return None
        slot = inner[0]
        operands = {**made.operands, slot: self.hold(made.vals[slot], made.operands[slot])}
        self.parts[val] = Made(made.vals, made.make, operands)
        return made.make(operands)

    def take(self, val: Val) -> Expr:
        """A value to be written: for the only time, if it has no variable."""
        return self.pending.pop(val) if val in self.pending else self.exprs[val]

    def hold(self, val: Val, expr: Expr) -> Expr:
        """Gives a value a variable before the statement that is being made."""
        self.statements.append(
            Assign([val], expr.code, (self.types[val],), absent=self.ghostly(val))
        )
        self.exprs[val] = Expr((Ref(val),))
        return self.exprs[val]

    def ghostly(self, val: Val) -> bool:
        """Whether the value is of a step that is left out here."""
        return val[0] == 0 and val[1] in self.phantoms

    def hold_all(self) -> None:
        """Gives all that waits to be written a variable.

        As before a loop that would write it again and again.
        """
        for val, expr in list(self.pending.items()):
            del self.pending[val]
            self.hold(val, expr)

    def give(
        self, frame: Frame, value: Value, expr: Expr, type: TensorType, name: str = ""
    ) -> None:
        """A node's value: written into its only user, or held in a variable.

        One with a name is always held.
        """
        val = frame.val(value)
        if name:
            self.hints[val] = name
        if simple(expr):
            self.exprs[val] = expr
        elif name or self.uses.get(val, 0) > 1 or (expr.composite and self.shown(frame, value)):
            self.hold(val, expr)
        else:
            self.pending[val] = expr
            if self.made is not None:
                self.parts[val] = self.made

    def shown(self, frame: Frame, value: Value) -> bool:
        """Whether a block's value has a line of its own.

        In a model, unless it is what the model gives.
        """
        return self.definition.kind == "model" and bool(frame.definition.graph.users(value.node))

    def name_of(self, node: OpNode) -> str:
        """The name that the spec gives the value of a step that has no module to carry it."""
        last = node.path.rpartition(".")[2]
        named = node.step is not None and node.step.name is not None
        return "" if node.weights or not named or last.isdigit() else last

    def tensors(self, node: OpNode, operands: Mapping[str, Expr]) -> Mapping[str, Expr]:
        """The operands, the first a tensor where all are plain numbers."""
        if operands and all(operand.literal is not None for operand in operands.values()):
            slot = next(iter(operands))
            own = operands[slot].literal
            assert own is not None
            dtype = "bool" if isinstance(own.value, bool) else node.types[0].dtype
            return {**operands, slot: self.tensor(own, TensorType(dtype, ()))}
        return operands

    def as_tensor(self, expr: Expr, type: TensorType) -> Expr:
        return expr if expr.literal is None else self.tensor(expr.literal, type)

    def listed(self, exprs: Sequence[Expr]) -> Expr:
        """The values as a list: the list itself, where they are all that is in it."""
        first = exprs[0].code
        if (
            len(first) == 2
            and isinstance(first[0], Ref)
            and self.lists.get(first[0].value) == len(exprs)
            and all(expr.code == (first[0], f"[{k}]") for k, expr in enumerate(exprs))
        ):
            return Expr((first[0],))
        return Expr(("[", *joined([expr.code for expr in exprs]), "]"))

    def new(self, hint: str) -> Val:
        """A value that no node has."""
        self.fresh -= 1
        val = (-1, self.fresh, 0)
        self.hints[val] = hint
        return val

    # ---- what an op's use asks for

    def size(self, size: Size, near: Sequence[Anchor], last: bool) -> Expr | None:
        """A size at run time; with `last`, what cannot be read becomes an argument of forward."""
        anchors = [*self.anchors, *near]
        found = express(size, anchors)
        if found is not None or not last:
            return found
        for name in unknown(size, anchors):
            if self.sketch.top:
                raise UnsupportedError.of(
                    "E601",
                    f"the size {size} cannot be told from the inputs' shapes",
                    self.definition.place,
                    help=f"declare an input with '{name}' as one of its sizes",
                )
            self.sketch.sizes.append(name)
            self.anchors.append(Anchor((names.safe(name, ()),), symbol(name)))
        return express(size, [*self.anchors, *near])

    def device(self) -> Expr:
        """The device of the first input, or one that forward is given."""
        if not self.sketch.parameters:
            if self.sketch.top:
                return Expr((Hole(None, "device"),))
            self.sketch.device = True
            return Expr(("device",))
        id = self.definition.inputs[0]
        return Expr((*self.exprs[(0, id, 0)].code, ".device"))

    def tensor(self, number: Hole, type: TensorType) -> Expr:
        """A plain number as a tensor."""
        dtype = Hole(
            None if type.dtype == "float32" else Raw(f"torch.{type.dtype}"),
            "dtype",
            "dtype=",
            None,
            "before",
        )
        return Expr(
            ("torch.tensor(", number, dtype, ", device=", *self.device().code, ")"), depth=1
        )

    def argument(self, argument: Argument) -> object:
        """A passed-through parameter: its value where all calls pass the same."""
        return self.library.rate(self.definition, argument)

    def formula(self, node: OpNode, attribute: str) -> str:
        """How the spec writes an attribute, where it is a formula."""
        data = node.step.value if node.step is not None else None
        if isinstance(data, Entries) and attribute in data.entries:
            data = data.entries[attribute].value
        elif not isinstance(data, Scalar) or node.op.main != attribute:
            return ""
        return formula_text(data)

    def written_shape(self, node: OpNode) -> list[str]:
        """How the spec writes each size of a weight's shape, where it is a formula."""
        data = node.step.value if node.step is not None else None
        entry = data.entries.get("shape") if isinstance(data, Entries) else None
        return (
            [formula_text(item) for item in entry.value.items]
            if entry and isinstance(entry.value, Items)
            else []
        )

    def begun_by(self, node: OpNode, weight: Weight) -> str:
        """How the spec writes the main number of a weight's initialiser, where it is a formula."""
        entry = (
            node.step.init.entries.get(weight.slot)
            if node.step is not None and node.step.init
            else None
        )
        data = entry.value if entry is not None else None
        if isinstance(data, Entries) and len(data.entries) == 1:
            return formula_text(next(iter(data.entries.values())).value)
        return ""

    def literal_formula(self, frame: Frame, id: int) -> str:
        """How the spec writes a number among inputs, where it is a formula: found by its place."""
        graph = frame.definition.graph
        place = graph.node(id).place
        for user, _, _ in graph.users(id):
            step = graph.node(user).step
            for scalar in scalars(step.data) if step is not None else ():
                if scalar.place == place and formula_text(scalar):
                    return formula_text(scalar)
        return ""

    def spatial(self, sizes: Sequence[Size]) -> Expr | None:
        """The spatial sizes of an input, where they are these."""
        for id in self.definition.inputs:
            node = self.definition.input(id)
            if node.types[0].dims[2:] == tuple(sizes) and "." not in node.name:
                return Expr((*self.exprs[(0, id, 0)].code, ".shape[2:]"))
        return None


def close_gaps(branch: Branch) -> None:
    """Lets a chain of which no instance has but parts be there or not as a whole."""
    for child in branch.children.values():
        if isinstance(child, Branch):
            close_gaps(child)
    gaps = {child.gap and child.gap.has for child in branch.children.values()}
    if len(gaps) == 1 and None not in gaps:
        branch.gap = next(child.gap for child in branch.children.values())
        for child in branch.children.values():
            child.gap = None


def formula_text(data: object) -> str:
    return (
        data.formula.text if isinstance(data, Scalar) and isinstance(data.formula, Formula) else ""
    )


def scalars(data: object) -> Iterator[Scalar]:
    """All plain values in what a step says."""
    match data:
        case Scalar():
            yield data
        case Items():
            for item in data.items:
                yield from scalars(item)
        case Entries():
            for entry in data.entries.values():
                yield from scalars(entry.value)


def plain(code: Code) -> str | None:
    """The code as text, if nothing in it is passed through."""
    text = ""
    for part in code:
        if isinstance(part, Hole) and not isinstance(part.value, Argument):
            before, after = (", " if part.comma == which else "" for which in ("before", "after"))
            text += (
                ""
                if part.value == part.default
                else f"{before}{part.keyword}{literal(part.value)}{after}"
            )
        elif isinstance(part, str):
            text += part
        else:
            return None
    return text


def conditions(template: Template, step: Step) -> tuple[tuple[str, ...], str]:
    """The conditions that a step stands under in the spec, outermost first.

    And a name for what they decide.
    """

    def within(steps: Sequence[Step], above: tuple[Step, ...]) -> tuple[Step, ...] | None:
        for one in steps:
            chain = (*above, one)
            if one is step or (one.place, one.head_place) == (step.place, step.head_place):
                return chain
            found = within(one.body, chain) if one.body is not None else None
            if found is not None:
                return found
        return None

    asked = [one for one in within(template.steps, ()) or () if one.when is not None]
    texts = tuple(
        one.when.formula.text
        for one in asked
        if isinstance(one.when, Scalar) and isinstance(one.when.formula, Formula)
    )
    named = [
        str(one.name.value)
        for one in asked
        if isinstance(one.name, Scalar) and one.name.formula is None
    ]
    return texts, named[0] if named else ""


def parameter_list(place: int) -> Val:
    """The value of a parameter that is a list."""
    return (0, -1000 - place, 0)


def live(definition: Definition) -> set[int]:
    """The nodes that the outputs depend on."""
    stack = [value.node for value in definition.outputs.values()]
    found: set[int] = set()
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack += [value.node for value in definition.graph.present(id)]
    return found


def nodes_of(scope: layout.Scope) -> set[int]:
    found: set[int] = set()
    for child in scope.children.values():
        found |= nodes_of(child) if isinstance(child, layout.Scope) else {child}
    return found


def simple(expr: Expr) -> bool:
    """Whether the expression may be written any number of times.

    A variable, a weight, an item, a number.
    """
    return expr.literal is not None or (
        expr.depth == 0
        and length(expr.code) < 40
        and all(
            isinstance(part, Ref) or (isinstance(part, str) and not set(part) & set("(+*/ "))
            for part in expr.code
        )
    )


def written(use: Use, writer: Writer) -> Expr | None:
    found = use.write(writer) if isinstance(writer, str) else writer(use)
    return use.write(found) if isinstance(found, str) else found


def pattern_of(text: str, outputs: Sequence[str]) -> str:
    """The pattern with numbered holes."""
    for k, name in enumerate(outputs):
        text = text.replace(f"{{{name}}}", f"{{{k}}}")
    return text


def names_binding(signed: bool) -> int:
    from archc_torch.code import ATOM, SIGN

    return SIGN if signed else ATOM


def unsupported(node: OpNode, why: str) -> UnsupportedError:
    error = UnsupportedError.of(
        "E601", f"{node.op.name}: {why}", node.place, notes=(f"the step {node.path}",)
    )
    assert isinstance(error, UnsupportedError)
    return error
