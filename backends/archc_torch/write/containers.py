"""Containers of torch.nn as text: in one line if short, else an element a line, with its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc_torch import tree
from archc_torch.sketch import Branch
from archc_torch.write.runs import Box, Item, runs
from archc_torch.write.wrap import INDENT, indented, wrapped

if TYPE_CHECKING:
    from archc_torch.write.expressions import Expressions

SHORT = 60  # characters of a container that stands in one line


def holds(says: Expressions, branch: Branch) -> bool:
    """Whether there is a module in the branch, and not only calls of functions."""
    return any(
        holds(says, child)
        if isinstance(child, Branch)
        else child.callee is None or not says.classes.of(child.callee).function
        for child in branch.children.values()
    )


def box(says: Expressions, branch: Branch) -> Box:
    """The branch as a container of elements."""
    kind = tree.kind(branch)
    listed = kind in ("Sequential", "ModuleList") and tree.in_order(branch)
    items: list[Item] = []
    for name, child in branch.children.items():
        if isinstance(child, Branch):
            if holds(says, child):
                inner = box(says, child)
                items.append(Item(name, inner, comment=inner.comment, gap=child.gap))
            elif listed:  # a copy that only calls functions: the others keep their numbers
                items.append(Item(name, "nn.Identity()"))
        elif child.callee is None or not says.classes.of(child.callee).function:
            types = says.twins.leaf(child)
            comment = says.shapes.types(types) if types else ""
            items.append(Item(name, says.text(child.code), child.count, comment, gap=child.gap))
    return Box(kind, items, named=not listed)


class Containers:
    """Writes the containers of one class.

    `shown` says that elements of chains have the shapes that they give beside them, where these
    change; `given` is what the outermost chain is given.
    """

    def __init__(self, says: Expressions, given: str = "") -> None:
        sketch = says.found.sketch
        self.says, self.given = says, given
        self.shown = sketch.modules.chain or sketch.definition.kind == "model"

    def lines(self, head: str, box: Box, tail: str, room: int) -> list[str]:
        """The container between `head` and `tail`, in lines of `room` characters."""
        items = runs(box)
        flat = [self._flat(item, box, _alone(items)) for item in items]
        opening, closing = box.brackets(_alone(items))
        if None not in flat:
            line = f"{head}{opening}{', '.join(map(str, flat))}{closing}{tail}"
            short = len(items) == 1 or box.kind != "Sequential" or len(line) <= SHORT
            if len(line) <= room and short:
                return [line]
        inner: list[str] = []
        last = self.given
        for item, text in zip(items, flat, strict=True):
            shown = self.shown and box.kind == "Sequential" and item.comment != last
            last = item.comment or last
            if isinstance(item.text, Box) and text is None:
                opened, closed = self._around(item, box)
                head_of = f"{opened}nn.{item.text.kind}("
                inner += self.lines(head_of, item.text, f"){closed},", room - len(INDENT))
            else:
                whole = f"{text}" if _alone(items) else f"{text},"
                inner += wrapped(whole, room - len(INDENT), item.comment if shown else "")
        return [head + opening, *indented(inner), closing + tail]

    def _flat(self, item: Item, box: Box, alone: bool) -> str | None:
        """The element in one line; None of a container that is too long for one."""
        opened, closed = self._around(item, box)
        if isinstance(item.text, str):
            return box.repeated(item, alone) if item.loop else f"{opened}{item.text}{closed}"
        items = runs(item.text)
        inner = [self._flat(one, item.text, _alone(items)) for one in items]
        if None in inner:
            return None
        opening, closing = item.text.brackets(_alone(items))
        listed = ", ".join(text for text in inner if text)
        line = f"{opened}nn.{item.text.kind}({opening}{listed}{closing}){closed}"
        return line if len(line) <= SHORT else None

    def _around(self, item: Item, box: Box) -> tuple[str, str]:
        """What stands before and after an element: its name, the condition for its being there."""
        if item.gap is None:
            return box.key(item), ""
        condition = self.says.found.conditions[item.gap]
        if box.named or box.kind != "Sequential":
            return box.key(item), f" if {condition} else nn.Identity()"
        return "*([", f"] if {condition} else [])"


def _alone(items: list[Item]) -> bool:
    """Whether the container has nothing but one loop."""
    return len(items) == 1 and bool(items[0].loop)
