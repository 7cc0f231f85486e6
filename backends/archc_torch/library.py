"""All sketches of one program, and which of them share a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archc.errors import UnsupportedError
from archc.ir.nodes import CallNode
from archc.ir.program import Definition, Program
from archc.spec.values import Argument
from archc_torch import layout
from archc_torch.code import Axis, Build, Callee, Code, Hole, Numbers, Part
from archc_torch.sketch import Assign, Branch, Do, For, Leaf, Sketch, Stmt, leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = int


class Library:
    """The definitions that one model needs, each written once."""

    def __init__(self, program: Program, model: str) -> None:
        self.program, self.name = program, model
        self.main = program.models[model]
        self.sketches: dict[int, Sketch] = {}
        self.order: list[Sketch] = []  # callees before callers
        self._keys: dict[Any, Key] = {}
        self._key_of: dict[int, Key] = {}
        self._rates: dict[tuple[str, str], set[float]] | None = None

    def sketch(self, definition: Definition) -> Sketch:
        """The definition's sketch, made when it is asked for first."""
        from archc_torch.planner import Planner

        known = self.sketches.get(id(definition))
        if known is None:
            known = Planner(definition, self, top=definition is self.main).plan()
            self.sketches[id(definition)] = known
            self.order.append(known)
        return known

    def key(self, definition: Definition) -> Key:
        """A number that definitions have in common if they are one class."""
        if id(definition) not in self._key_of:
            sketch = self.sketch(definition)
            structure = (definition.source, definition.kind, self._structure(sketch))
            self._key_of[id(definition)] = self._keys.setdefault(structure, len(self._keys))
        return self._key_of[id(definition)]

    def pure(self, sketch: Sketch) -> bool:
        """Whether the definition has neither weights nor state, so that a function can say it."""
        return not sketch.top and sketch.definition.kind != "model" and not sketch.trains and all(
            leaf.callee is not None and self.pure(self.sketch(leaf.callee)) for leaf in leaves(sketch.modules)
        )  # fmt: skip

    # ---- models

    def model(self, name: str) -> Sketch:
        """The sketch of a model: as it is called, or as it stands if only its weights are used."""
        called = {id(node.definition): node.definition for node in self._calls(self.main, set()) if node.model == name}
        if not called:
            return self.sketch(self.program.models[name])
        first, *others = called.values()
        for other in others:
            if self.key(other) != self.key(first):
                raise UnsupportedError.of(
                    "E601", f"the model '{name}' is called with inputs for which its code differs", first.place,
                    help="a model is one module in PyTorch: call it in one way, or make it two models",
                )  # fmt: skip
        return self.sketch(first)

    def _calls(self, definition: Definition, seen: set[int]) -> Iterator[CallNode]:
        if id(definition) in seen:
            return
        seen.add(id(definition))
        for call in definition.calls():
            yield call
            yield from self._calls(call.definition, seen)

    # ---- what is passed through

    def rate(self, definition: Definition, argument: Argument) -> object:
        """The value that every call passes for a parameter, or the parameter itself if they differ."""
        if self._rates is None:
            self._rates = {}
            self._gather(self.main, {}, set())
        values = self._rates.get((definition.source, argument.name), set())
        return next(iter(values)) if len(values) == 1 else argument

    def _gather(self, definition: Definition, arguments: Mapping[str, float], seen: set[Any]) -> None:
        assert self._rates is not None
        mark = (id(definition), *sorted(arguments.items()))
        if mark in seen:
            return
        seen.add(mark)
        for name, value in arguments.items():
            self._rates.setdefault((definition.source, name), set()).add(value)
        for call in definition.calls():
            inner = {
                name: arguments[value.name] if isinstance(value, Argument) else value
                for name, value in call.arguments.items()
            }
            self._gather(call.definition, inner, seen)

    def full(self, top: Sketch, name: str) -> str:
        """How the outermost class writes a weight by its full name."""
        return self.access(top.modules, name, "self")

    # ---- paths

    def access(self, modules: Branch, path: str, owner: str) -> str:
        """How a path is written, through the classes of what is called on the way."""
        text, leaf, rest = layout.access(modules, path, owner)
        if leaf is None or not rest:
            return text
        if leaf.callee is not None:
            return self.access(self.sketch(leaf.callee).modules, rest, text)
        return f"{text}.{rest}"

    def leaf(self, modules: Branch, path: str) -> Leaf:
        """The leaf in which a path ends, as seen from one class."""
        _, leaf, _ = layout.access(modules, path)
        assert leaf is not None
        return leaf

    # ---- structure

    def _structure(self, sketch: Sketch) -> Any:
        return (
            tuple((parameter.name, parameter.variable, parameter.listed, len(parameter.types) if parameter.listed else 1)
                  for parameter in sketch.parameters),
            tuple(sketch.models), tuple(sketch.sizes), sketch.device, sketch.definition.parameters,
            self._branch(sketch.modules), self._statements(sketch.setup), self._statements(sketch.body),
            tuple((output.name, output.listed, len(output.types), self._code(output.code)) for output in sketch.outputs),
        )  # fmt: skip

    def _branch(self, branch: Branch) -> Any:
        return branch.chain, tuple(
            (name, self._branch(child) if isinstance(child, Branch) else (child.kind, child.count, self._code(child.code)))
            for name, child in branch.children.items()
        )

    def _statements(self, statements: list[Stmt]) -> Any:
        found: list[Any] = []
        for statement in statements:
            match statement:
                case Assign():
                    found.append((statement.names, statement.pattern, self._code(statement.code)))
                case For():
                    found.append((statement.names, self._code(statement.code), self._statements(statement.body)))
                case Do():
                    found.append(self._code(statement.code))
        return tuple(found)

    def _code(self, code: Code) -> Any:
        return tuple(self._part(part) for part in code)

    def _part(self, part: Part) -> Any:
        match part:
            case str():
                return part
            case Hole(value=Argument(name=name)):
                return ("argument", name, part.keyword)
            case Hole():
                return ("hole", part.keyword, part.comma)
            case Axis(name, axis):
                return ("axis", name, axis)
            case Build(definition, arguments) | Numbers(definition, arguments):
                passed = tuple(
                    (name, value.name if isinstance(value, Argument) else None) for name, value in arguments.items()
                )
                return (type(part).__name__, self.key(definition), passed)
            case Callee(definition, path):
                return ("callee", self.key(definition), path)
        raise TypeError(f"no structure: {part!r}")
