"""A class's constructor: its arguments, its modules, what it keeps of its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from archc_torch import names, tree
from archc_torch.code import literal
from archc_torch.sketch import Branch, Gap, Leaf
from archc_torch.write.containers import Containers, box, holds
from archc_torch.write.statements import statements
from archc_torch.write.wrap import INDENT, indented, wrapped

if TYPE_CHECKING:
    from archc_torch.group.classes import Class
    from archc_torch.write.expressions import Expressions

Lines = Callable[[int], list[str]]  # what is written in so many characters a line


def arguments(found: Class) -> list[str]:
    """The arguments as a signature has them, those with a default last."""
    args = [arg for arg in found.args if not arg.formula]
    required = [f"{arg.name}: {arg.annotation}" for arg in args if arg.default is ...]
    passed = [f"{names.safe(name, ())}: float" for name in found.passed]
    optional = [
        f"{arg.name}: {arg.annotation} = {literal(arg.default)}"
        for arg in args
        if arg.default is not ...
    ]
    return [*required, *passed, *optional]


def kept(says: Expressions, body: list[str]) -> list[str]:
    """What follows from the arguments and is used in the body, and what forward reads."""
    found = says.found
    formulas = {arg.name: arg.formula for arg in found.args if arg.formula}
    text = "\n".join(body)
    local = [name for name in formulas if re.search(rf"(?<![\w.]){name}(?!\w)", text)]
    result = [f"{name} = {formulas[name]}" for name in local]
    passed = [names.safe(name, ()) for name in found.passed]
    for name in [*(arg.name for arg in found.args), *passed]:
        if name in says.stored:
            value = formulas[name] if name in formulas and name not in local else name
            result.append(f"self.{says.attribute(name)} = {value}")
    return result


class Constructor:
    """Writes `__init__`, in lines of `room` characters."""

    def __init__(self, says: Expressions, given: str) -> None:
        self.says = says
        self.containers = Containers(says, given)

    def lines(self, room: int) -> list[str]:
        """The whole, empty where it would do nothing but what nn.Module's does."""
        args = arguments(self.says.found)
        body = self._body(room - len(INDENT))
        if body == ["super().__init__()"] and not args:
            return []
        head = wrapped(f"def __init__({', '.join(['self', *args])}) -> None:", room)
        return [*head, *indented(body)]

    def _body(self, room: int) -> list[str]:
        sketch = self.says.found.sketch
        setup = statements(self.says, sketch.setup, room)
        if sketch.modules.chain:
            elements = box(self.says, sketch.modules)
            own = [*self.containers.lines("super().__init__(", elements, ")", room), *setup]
            return [*kept(self.says, own), *own]
        lines = [
            line
            for name, child in sketch.modules.children.items()
            for line in self._member("self", name, child, sketch.modules, room)
        ]
        lines += setup
        return ["super().__init__()", *kept(self.says, lines), *lines]

    def _member(
        self, owner: str, name: str, child: Branch | Leaf, parent: Branch, room: int
    ) -> list[str]:
        """The statements that make a child of the class or of a module without a class."""
        if isinstance(child, Branch):
            return self._branch(owner, name, child, parent, room) if holds(self.says, child) else []
        if child.callee is not None and self.says.classes.of(child.callee).function:
            return []
        text = self.says.text(child.code)
        if child.kind != "module":
            return wrapped(self._tensor(owner, name, child, text), room)
        if child.count > 1:
            head = f"for i in range({int(name)}, {int(name) + child.count}):"
            call = wrapped(f"{owner}.add_module(str(i), {text})", room - len(INDENT))
            return [head, *indented(call)]
        target, end = _target(owner, name)
        if child.gap is not None:
            return self._either(target, lambda room: wrapped(text, room), child.gap, end, room)
        return wrapped(f"{target}{text}{end}", room)

    def _branch(self, owner: str, name: str, child: Branch, parent: Branch, room: int) -> list[str]:
        """A container, or a module without a class, whose children are its attributes."""
        target, end = _target(owner, name)
        if tree.kind(child) == "Module":
            path = tree.step(owner, parent, name, child, owner == "self")
            lines = [f"{target}nn.Module(){end}"]
            for inner, grandchild in child.children.items():
                lines += self._member(path, inner, grandchild, child, room)
            return lines
        elements = box(self.says, child)
        head = f"nn.{elements.kind}("
        if child.gap is None:
            return self.containers.lines(f"{target}{head}", elements, f"){end}", room)
        return self._either(
            target,
            lambda room: self.containers.lines(head, elements, ")", room),
            child.gap,
            end,
            room,
        )

    def _either(self, target: str, lines: Lines, gap: Gap, end: str, room: int) -> list[str]:
        """A module under a condition; without it, what comes in goes out."""
        condition = f"if {self.says.found.conditions[gap]}"
        inner = lines(room)
        whole = f"{target}{inner[0]} {condition} else nn.Identity(){end}"
        if len(inner) == 1 and len(whole) <= room:
            return [whole]
        opening, closing = ("", "") if target.endswith(", ") else ("(", ")")
        body = [*lines(room - len(INDENT)), condition, "else nn.Identity()"]
        return [f"{target}{opening}".rstrip(), *indented(body), f"{closing}{end}"]

    def _tensor(self, owner: str, name: str, leaf: Leaf, text: str) -> str:
        """A parameter or a buffer; some dictionary of the module takes whatever name."""
        if leaf.gap is not None:
            text = f"{text} if {self.says.found.conditions[leaf.gap]} else None"
        if leaf.kind == "parameter":
            if names.attribute(name):
                return f"{owner}.{name} = {text}"
            if name.isdigit():
                return f'{owner}.register_parameter("{name}", {text})'
        elif names.attribute(name) or name.isdigit():
            last = ", persistent=False" if leaf.kind == "constant" else ""
            return f'{owner}.register_buffer("{name}", {text}{last})'
        return f'{owner}.{tree.table(leaf)}["{name}"] = {text}'


def _target(owner: str, name: str) -> tuple[str, str]:
    """What stands before and after a module to make it a child of that name."""
    if names.attribute(name):
        return f"{owner}.{name} = ", ""
    if name.isdigit():
        return f'{owner}.add_module("{name}", ', ")"
    return f'{owner}._modules["{name}"] = ', ""
