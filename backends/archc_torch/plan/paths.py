"""How a definition's code writes the path to a module, a weight, or another model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc_torch import names
from archc_torch.code import Build
from archc_torch.sketch import Leaf, Sketch

if TYPE_CHECKING:
    from archc.ir.nodes import WeightRef
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.library import Library


class Paths:
    """The paths of one sketch."""

    def __init__(self, sketch: Sketch, library: Library) -> None:
        self.sketch, self.library = sketch, library

    def __call__(self, path: str) -> str:
        """A path within the definition, through the classes of what it calls."""
        return self.library.access(self.sketch.modules, path, "self")

    def in_module(self, path: str) -> bool:
        """Whether a weight belongs to a module of torch.nn, and is no tensor of its own."""
        return self.library.leaf(self.sketch.modules, path).kind == "module"

    def weight(self, frame: Frame, ref: WeightRef) -> str:
        """A weight by its reference."""
        if ref.model is None:
            return self(frame.path(ref.path))
        modules = self.library.model(ref.model).modules
        return self.library.access(modules, ref.path, self.model(ref.model))

    def model(self, name: str) -> str:
        """A model: an attribute of the outermost class, and in all others what forward is given."""
        if self.sketch.top:
            if name not in self.sketch.modules.children:
                callee = self.library.model(name).definition
                leaf = Leaf("module", (Build(callee, {}),), weighted=True, callee=callee)
                self.sketch.modules.children[name] = leaf
            return self(name)
        if name not in self.sketch.models:
            self.sketch.models.append(name)
        return names.safe(name, ())

    def full(self, name: str) -> str:
        """A weight by its full name, as the outermost class writes it."""
        model = name.partition(".")[0]
        if model != self.sketch.definition.source:
            self.model(model)
        return self(name)
