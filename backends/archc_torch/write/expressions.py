"""Code to text: everything in its holes, in terms of the class's arguments."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from archc_torch import names
from archc_torch.code import Axis, Build, Callee, Code, Hole, Numbers, Part, literal
from archc_torch.write.shapes import Shapes
from archc_torch.write.twins import Twins

if TYPE_CHECKING:
    from archc_torch.group.classes import Class, Classes

LARGE = 24  # numbers in a literal that is still written where it stands

# What tells that an expression is an operand where it stands.
_OPERATOR_BEFORE = re.compile(r"[-+*/%@] ?$")
_OPERATOR_AFTER = re.compile(r" ?[-+*/%@]")


class Expressions:
    """The text of one class's code; large literals go into `tables`, which all classes share."""

    def __init__(self, classes: Classes, found: Class, tables: dict[str, object]) -> None:
        self.classes, self.found, self.tables = classes, found, tables
        self.shapes, self.twins = Shapes(found), Twins(found.sketches)
        self.in_forward = False
        self.stored: set[str] = set()  # arguments that forward reads

    def text(self, code: Code) -> str:
        """The code as text."""
        pieces = [self._part(part) for part in code]
        for k, part in enumerate(code):
            if isinstance(part, Hole) and not part.keyword and _compound(pieces[k]):
                before, after = "".join(pieces[:k][-1:]), "".join(pieces[k + 1 :][:1])
                if _OPERATOR_BEFORE.search(before) or _OPERATOR_AFTER.match(after):
                    pieces[k] = f"({pieces[k]})"
        return re.sub(r"\(, ", "(", "".join(pieces))

    def _part(self, part: Part) -> str:
        match part:
            case str():
                return part
            case Hole():
                return self._hole(part)
            case Axis(name, axis):
                return self.shapes.axes[name, axis]
            case Build(definition):
                return f"{self.classes.of(definition).name}({self._arguments(part)})"
            case Numbers(definition):
                own = self._arguments(part) if self.classes.of(definition).function else ""
                return f", {own}" if own else ""
            case Callee(definition, path):
                callee = self.classes.of(definition)
                return callee.name if callee.function else path
        raise TypeError(f"not resolved: {part!r}")

    def _hole(self, hole: Hole) -> str:
        text = self.found.texts[id(hole)]
        if text:
            shown = self.stated(text)
        elif type(hole.value) is type(hole.default) and hole.value == hole.default:
            return ""
        else:
            shown = self._literal(hole.value)
        before = ", " if hole.comma == "before" else ""
        return f"{before}{hole.keyword}{shown}{', ' if hole.comma == 'after' else ''}"

    def _literal(self, value: object) -> str:
        """A value where it stands, or the name of the table that it is kept in."""
        if _count(value) <= LARGE:
            return literal(value)
        known = next(
            (name for name, other in self.tables.items() if other is value or other == value), None
        )
        if known is None:
            known = f"TABLE_{sum(name.startswith('TABLE_') for name in self.tables) + 1}"
            self.tables[known] = value
        return known

    def _arguments(self, part: Build | Numbers) -> str:
        """A call's arguments, defaults left out: the first two by their places, others by name."""
        texts: list[str] = []
        named = False
        calls = self.found.calls.get(id(part), [])
        signature = sorted(calls, key=lambda passed: passed.arg.default is not ...)
        for place, passed in enumerate(calls):
            arg = passed.arg
            named = named or signature[place] is not passed
            if not passed.text and arg.default is not ... and passed.value == arg.default:
                named = True
                continue
            shown = self.stated(passed.text) if passed.text else self._literal(passed.value)
            leading = arg.width or (place == 0 and arg.annotation == "int")
            named = named or place > 1 or not leading
            texts.append(f"{names.safe(arg.name, ())}={shown}" if named else shown)
        return ", ".join(texts)

    # ---- arguments

    def stated(self, expression: str) -> str:
        """An expression on arguments where the code stands: forward reads them from self."""
        if not self.in_forward:
            return expression
        own = {arg.name for arg in self.found.args}
        own |= {names.safe(name, ()) for name in self.found.passed}

        def kept(match: re.Match[str]) -> str:
            name = match[0]
            if name not in own:
                return name
            self.stored.add(name)
            return f"self.{self.attribute(name)}"

        return re.sub(r"[A-Za-z_]\w*", kept, expression)

    def attribute(self, name: str) -> str:
        """The attribute that keeps an argument for forward."""
        taken = {*self.found.sketch.modules.children, *names.TAKEN}
        return names.unique(f"{name}_" if name in taken else name, taken)


def _compound(text: str) -> bool:
    """Whether an expression needs parentheses as an operand: `a / b`, `a if b else c`."""
    if " " not in text:
        return False
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:  # with a comma before or after it, it is an argument
        return False
    return isinstance(tree, ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp)


def _count(value: object) -> int:
    return sum(map(_count, value)) if isinstance(value, tuple) else 1
