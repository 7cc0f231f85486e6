"""What is at hand while one definition is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archc_torch.plan.frame import Frame, live
from archc_torch.plan.gaps import Gaps
from archc_torch.plan.paths import Paths
from archc_torch.plan.runtime import Runtime
from archc_torch.plan.values import Values
from archc_torch.sketch import Sketch

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc_torch.plan.alignment import Variant
    from archc_torch.plan.library import Library


class Plan:
    """The sketch of a definition in the making, and who knows what about it."""

    def __init__(
        self,
        definition: Definition,
        library: Library,
        top: bool,
        variant: Variant | None,
        has: Mapping[int, tuple[bool, ...]] | None,
    ) -> None:
        self.definition, self.library = definition, library
        self.sketch = Sketch(definition, top=top)
        self.gaps = Gaps(definition, library, variant, has)
        self.values = Values(self.sketch.body, definition.kind == "model", self.gaps.phantoms)
        self.runtime = Runtime(self.sketch, library, self.values)
        self.paths = Paths(self.sketch, library)
        self.frames: list[Frame] = []
        self.bodies: dict[tuple[int, int], Frame] = {}  # of loops, by the frame and the node

    def enter(self, definition: Definition, prefix: str) -> Frame:
        """A graph to be written, with its values counted."""
        frame = Frame(len(self.frames), definition, prefix, live(definition))
        self.frames.append(frame)
        self.values.enter(frame)
        return frame
