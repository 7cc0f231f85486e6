"""All sketches of one program, and which of them share a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archc.errors import UnsupportedError
from archc.ir.nodes import CallNode
from archc.ir.program import Definition, Program
from archc.ops.base import TypingError
from archc.spec.ast import File, Template
from archc.spec.values import Argument
from archc_torch import layout
from archc_torch.code import Axis, Build, Callee, Code, Hole, Numbers, Part
from archc_torch.generic import stand_ins
from archc_torch.sketch import Assign, Branch, Do, For, If, Leaf, Sketch, Stmt, leaves
from archc_torch.variants import Family, Variant, families

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
        self._families: dict[int, Family] | None = None
        self._stand_ins: dict[int, Definition] = {}
        self._stand_ins = stand_ins(program, self._calls(self.main, set()))

    def sketch(self, definition: Definition) -> Sketch:
        """The definition's sketch, made when it is asked for first.

        Together with its whole family's.
        """
        definition = self._stand_ins.get(id(definition), definition)
        if id(definition) not in self.sketches:
            family = self._family(definition)
            if family is None or not self._together(family):
                self._keep(definition, self._planned(definition))
        return self.sketches[id(definition)]

    def _planned(self, definition: Definition) -> Sketch:
        from archc_torch.planner import Planner

        return Planner(definition, self, top=definition is self.main).plan()

    def _keep(self, definition: Definition, sketch: Sketch) -> None:
        self.sketches[id(definition)] = sketch
        self.order.append(sketch)

    def _family(self, definition: Definition) -> Family | None:
        """The definitions that may share a class with this one, where some leave steps out."""
        if self._families is None:
            blocks = {
                id(call.definition): call.definition for call in self._calls(self.main, set())
            }
            found = families(block for block in blocks.values() if block.kind == "block")
            self._families = {
                id(variant.original): family
                for family in found
                if family.gaps()
                for variant in family.variants
            }
        return self._families.get(id(definition))

    def _together(self, family: Family) -> bool:
        """Writes a family as one class.

        False where that does not work out, and each is written alone.
        """
        from archc_torch.planner import Planner

        gaps = family.gaps()
        try:
            made = [
                Planner(v.definition, self, variant=v, gaps=gaps).plan() for v in family.variants
            ]
        except (
            TypingError,
            UnsupportedError,
        ):  # a step that is left out does not even have a form there
            return False
        first, *others = map(self._structure, made)
        if any(other != first for other in others) or not all(
            map(right_names, made, family.variants)
        ):
            return False
        for variant, sketch in zip(family.variants, made, strict=True):
            self._keep(variant.original, sketch)
        return True

    def key(self, definition: Definition) -> Key:
        """A number that definitions have in common if they are one class."""
        return self.key_of(self.sketch(definition))

    def key_of(self, sketch: Sketch) -> Key:
        if id(sketch) not in self._key_of:
            structure = (sketch.definition.source, sketch.definition.kind, self._structure(sketch))
            self._key_of[id(sketch)] = self._keys.setdefault(structure, len(self._keys))
        return self._key_of[id(sketch)]

    def template(self, definition: Definition) -> Template | None:
        """The block or model that the definition is made from."""
        return None if self.program.file is None else find(self.program.file, definition, set())

    def pure(self, sketch: Sketch) -> bool:
        """Whether the definition has neither weights nor state, so that a function can say it."""
        return (
            not sketch.top
            and sketch.definition.kind != "model"
            and not sketch.trains
            and all(
                leaf.callee is not None and self.pure(self.sketch(leaf.callee))
                for leaf in leaves(sketch.modules)
            )
        )

    # ---- models

    def model(self, name: str) -> Sketch:
        """The sketch of a model: as it is called, or as it stands if only its weights are used."""
        called = {
            id(definition): definition
            for node in self._calls(self.main, set())
            if node.model == name
            for definition in [self._stand_ins.get(id(node.definition), node.definition)]
        }
        if not called:
            return self.sketch(self.program.models[name])
        first, *others = called.values()
        for other in others:
            if self.key(other) != self.key(first):
                raise UnsupportedError.of(
                    "E601",
                    f"the model '{name}' is called with inputs for which its code differs",
                    first.place,
                    help="a model is one module in PyTorch: call it in one way, or make it two",
                )
        return self.sketch(first)

    def _calls(self, definition: Definition, seen: set[int]) -> Iterator[CallNode]:
        if id(definition) in seen:
            return
        seen.add(id(definition))
        for call in definition.calls():
            yield call
            callee = self._stand_ins.get(id(call.definition), call.definition)
            yield from self._calls(callee, seen)

    # ---- what is passed through

    def rate(self, definition: Definition, argument: Argument) -> object:
        """The value that every call passes for a parameter.

        Or the parameter itself if they differ.
        """
        if self._rates is None:
            self._rates = {}
            self._gather(self.main, {}, set())
        values = self._rates.get((definition.source, argument.name), set())
        return next(iter(values)) if len(values) == 1 else argument

    def _gather(
        self, definition: Definition, arguments: Mapping[str, float], seen: set[Any]
    ) -> None:
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
            callee = self._stand_ins.get(id(call.definition), call.definition)
            self._gather(callee, inner, seen)

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
            tuple(
                (
                    parameter.name,
                    parameter.variable,
                    parameter.listed,
                    len(parameter.types) if parameter.listed else 1,
                )
                for parameter in sketch.parameters
            ),
            tuple(sketch.models),
            tuple(sketch.sizes),
            sketch.device,
            sketch.definition.parameters,
            self._branch(sketch.modules),
            self._statements(sketch.setup),
            self._statements(sketch.body),
            tuple(
                (output.name, output.listed, len(output.types), self._code(output.code))
                for output in sketch.outputs
            ),
        )

    def _branch(self, branch: Branch) -> Any:
        return (
            branch.chain,
            branch.gap,
            tuple(
                (name, self._branch(child))
                if isinstance(child, Branch)
                else (name, child.kind, child.count, child.gap, self._code(child.code))
                for name, child in branch.children.items()
            ),
        )

    def _statements(self, statements: list[Stmt]) -> Any:
        found: list[Any] = []
        for statement in statements:
            match statement:
                case Assign():
                    found.append((statement.names, statement.pattern, self._code(statement.code)))
                case For():
                    found.append(
                        (
                            statement.names,
                            self._code(statement.code),
                            self._statements(statement.body),
                        )
                    )
                case Do():
                    found.append(self._code(statement.code))
                case If():
                    found.append((statement.gap, self._statements(statement.body)))
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
                    (name, value.name if isinstance(value, Argument) else None)
                    for name, value in arguments.items()
                )
                return (type(part).__name__, self.key(definition), passed)
            case Callee(definition, path):
                return ("callee", self.key(definition), path)
        raise TypeError(f"no structure: {part!r}")


def find(file: File, definition: Definition, seen: set[int]) -> Template | None:
    """The template at the definition's place, in the file or one that it uses."""
    if id(file) in seen:
        return None
    seen.add(id(file))
    for template in [
        *file.blocks.values(),
        *file.models.values(),
        *([file.root] if file.root else []),
    ]:
        if template.place == definition.place and template.name == definition.source:
            return template
    return next(
        (found for used in file.uses if (found := find(used, definition, seen)) is not None), None
    )


def right_names(sketch: Sketch, variant: Variant) -> bool:
    """Whether the modules of a variant, without what it leaves out, have its own weights' names."""
    return all(
        path == variant.paths.get(leaf.node)
        for path, leaf in named(sketch.modules, "")
        if leaf.weighted
    )


def named(branch: Branch, above: str) -> Iterator[tuple[str, Leaf]]:
    """The leaves that are there, with their paths as PyTorch counts them."""
    count = 0
    for name, child in branch.children.items():
        if child.gap is not None and missing(child):
            continue
        own = str(count) if branch.chain and layout.in_order(branch) else name
        path = f"{above}.{own}" if above else own
        count += child.count if isinstance(child, Leaf) else 1
        if isinstance(child, Leaf):
            yield path, child
        else:
            yield from named(child, path)


def missing(child: Branch | Leaf) -> bool:
    """Whether this instance leaves the child out."""
    return child.absent if isinstance(child, Leaf) else all(map(missing, child.children.values()))
