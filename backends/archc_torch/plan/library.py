"""All sketches of one program: each definition is written once, when it is asked for first."""

from __future__ import annotations

from typing import Any

from archc.errors import UnsupportedError
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition, Program
from archc.ops.site import TypingError
from archc.spec.ast import File, Template
from archc_torch import tree
from archc_torch.plan.families import Family, families, fits
from archc_torch.plan.planner import sketched
from archc_torch.plan.rates import Rates
from archc_torch.plan.stand_ins import StandIns
from archc_torch.plan.structure import Key, structure
from archc_torch.sketch import Branch, Leaf, Sketch, leaves


class Library:
    """The definitions that one model needs."""

    def __init__(self, program: Program, model: str) -> None:
        self.program, self.name = program, model
        self.main = program.models[model]
        self.stand_ins = StandIns(program, self.main)
        self.rates = Rates(self.stand_ins)
        self.sketches: dict[int, Sketch] = {}
        self.order: list[Sketch] = []  # callees before callers
        self._keys: dict[Any, Key] = {}
        self._key_of: dict[int, Key] = {}
        self._families: dict[int, Family] | None = None

    # ---- sketches

    def sketch(self, definition: Definition) -> Sketch:
        """The definition's sketch, made together with its whole family's."""
        definition = self.stand_ins.of(definition)
        if id(definition) not in self.sketches:
            family = self._family(definition)
            if family is None or not self._together(family):
                self._keep(definition, sketched(definition, self, top=definition is self.main))
        return self.sketches[id(definition)]

    def _keep(self, definition: Definition, sketch: Sketch) -> None:
        self.sketches[id(definition)] = sketch
        self.order.append(sketch)

    def _family(self, definition: Definition) -> Family | None:
        """The definitions that may share a class with this one, where some leave steps out."""
        if self._families is None:
            called = {id(call.definition): call.definition for call in self.stand_ins.calls()}
            self._families = {
                id(variant.original): family
                for family in families(each for each in called.values() if each.kind == "block")
                if family.gaps()
                for variant in family.variants
            }
        return self._families.get(id(definition))

    def _together(self, family: Family) -> bool:
        """Writes a family as one class; False where that does not work out."""
        gaps = family.gaps()
        try:
            made = [sketched(v.definition, self, variant=v, has=gaps) for v in family.variants]
        except (TypingError, UnsupportedError):  # what a variant leaves out has no form there
            return False
        first, *others = (structure(sketch, self.key) for sketch in made)
        if any(other != first for other in others) or not all(map(fits, family.variants, made)):
            return False
        for variant, sketch in zip(family.variants, made, strict=True):
            self._keep(variant.original, sketch)
        return True

    # ---- classes

    def key(self, definition: Definition) -> Key:
        """A number that definitions have in common if they are one class."""
        return self.key_of(self.sketch(definition))

    def key_of(self, sketch: Sketch) -> Key:
        if id(sketch) not in self._key_of:
            definition = sketch.definition
            mark = (definition.source, definition.kind, structure(sketch, self.key))
            self._key_of[id(sketch)] = self._keys.setdefault(mark, len(self._keys))
        return self._key_of[id(sketch)]

    def template(self, definition: Definition) -> Template | None:
        """The block or model of the spec that the definition is made from."""
        file = self.program.file
        return None if file is None else template(file, definition, set())

    def pure(self, sketch: Sketch) -> bool:
        """Whether the definition has neither weights nor state, so that a function can say it."""
        if sketch.top or sketch.definition.kind == "model" or sketch.trains:
            return False
        return all(
            leaf.callee is not None and self.pure(self.sketch(leaf.callee))
            for leaf in leaves(sketch.modules)
        )

    def weighted(self, definition: Definition) -> bool:
        """Whether the definition has weights, itself or in what it calls."""
        nodes = [node for _, node in definition.graph.nodes()]
        if any(isinstance(node, OpNode) and node.weights for node in nodes):
            return True
        calls = [node for node in nodes if isinstance(node, CallNode) and node.model is None]
        return any(self.weighted(node.definition) for node in calls)

    def model(self, name: str) -> Sketch:
        """The sketch of a model: as it is called, or as it stands if only its weights are used.

        Raises UnsupportedError where its calls need different code.
        """
        called = [call.definition for call in self.stand_ins.calls() if call.model == name]
        if not called:
            return self.sketch(self.program.models[name])
        first = self.sketch(called[0])
        if any(self.key(other) != self.key_of(first) for other in called):
            raise UnsupportedError.of(
                "E601",
                f"the model '{name}' is called with inputs for which its code differs",
                called[0].place,
                help="a model is one module in PyTorch: call it in one way, or make it two",
            )
        return first

    # ---- paths

    def access(self, modules: Branch, path: str, owner: str) -> str:
        """How a path is written, through the classes of what is called on the way."""
        text, leaf, rest = tree.access(modules, path, owner)
        if leaf is None or not rest:
            return text
        if leaf.callee is not None:
            return self.access(self.sketch(leaf.callee).modules, rest, text)
        return f"{text}.{rest}"

    def leaf(self, modules: Branch, path: str) -> Leaf:
        """The leaf in which a path ends, as seen from one class."""
        _, leaf, _ = tree.access(modules, path)
        assert leaf is not None
        return leaf


def template(file: File, definition: Definition, seen: set[int]) -> Template | None:
    """The template at the definition's place, in the file or one that it uses."""
    if id(file) in seen:
        return None
    seen.add(id(file))
    own = [*file.blocks.values(), *file.models.values(), *([file.root] if file.root else [])]
    for each in own:
        if each.place == definition.place and each.name == definition.source:
            return each
    return next(
        (found for used in file.uses if (found := template(used, definition, seen)) is not None),
        None,
    )
