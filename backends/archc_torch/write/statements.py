"""Statements as lines, with the shapes of what they give where these change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc_torch.sketch import Assign, Do, For, If, Stmt
from archc_torch.write.wrap import INDENT, indented, wrapped

if TYPE_CHECKING:
    from archc_torch.write.expressions import Expressions


def statements(says: Expressions, body: list[Stmt], room: int) -> list[str]:
    """The statements in lines of `room` characters."""
    lines: list[str] = []
    shown = ""
    for statement in body:
        text = says.text(statement.code)
        match statement:
            case Assign():
                names = ", ".join(statement.names)
                target = statement.pattern.format(*statement.names) or names
                comment = _comment(says, statement)
                lines += wrapped(f"{target} = {text}", room, comment if comment != shown else "")
                shown = comment
            case Do():
                lines += wrapped(text, room)
            case If(gap=gap, body=inner):
                lines.append(f"if {says.stated(says.found.conditions[gap])}:")
                lines += indented(statements(says, inner, room - len(INDENT)))
            case For(names=variables, body=inner):
                lines += wrapped(f"for {', '.join(variables)} in {text}:", room)
                lines += indented(statements(says, inner, room - len(INDENT)))
    return lines


def _comment(says: Expressions, statement: Assign) -> str:
    """The shapes that a statement gives, one for all where they are the same."""
    texts = [says.shapes.types(types) for types in says.twins.values(statement)]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)
