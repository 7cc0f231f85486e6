"""What is wrong with text that is not YAML, or whose formulas YAML cuts short."""

from __future__ import annotations

import re

import yaml

from archc.errors import Diagnostic
from archc.place import Place, Source


def whole(name: str) -> Place:
    """The place of a finding about a file as a whole."""
    return Place(Source(name, ""), 1, 1)


def is_formula(text: str) -> bool:
    return len(text) > 1 and text[0] == "="


def unclosed(text: str) -> bool:
    depth, quote = 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
    return depth > 0


_FORMULA_IN_FLOW = re.compile(r"[\[{,:]\s*(=[A-Za-z0-9_.(][^\"',\[\]{}]*[\[\]{},]).*\Z")


_SAFE_HINTS = (
    ("cannot start any token", "\t", "E105", "a tab cannot indent in YAML", "indent with spaces"),
    ("found a tab character", "", "E105", "a tab cannot indent in YAML", "indent with spaces"),
)


def syntax_error(error: yaml.YAMLError, source: Source) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    if mark is None:
        position = getattr(error, "position", None)
        where = f" at character {position}" if position is not None else ""
        return Diagnostic(
            "E102",
            f"{source.name} holds a character that YAML does not allow{where}: {problem}",
            whole(source.name),
        )
    place = Place(source, mark.line + 1, mark.column + 1)
    line = place.text
    for phrase, needs, code, message, help in _SAFE_HINTS:
        if phrase in problem and (needs in line[: mark.column + 1]):
            return Diagnostic(code, message, place, help=help)
    formula = _FORMULA_IN_FLOW.search(line[: mark.column + 1])
    if formula is not None:
        return Diagnostic(
            "E109",
            "a formula with a bracket or a comma stands unquoted inside {…} or […]",
            Place(source, mark.line + 1, formula.start(1) + 1, formula.end(1) - formula.start(1)),
            label="YAML ended the formula here",
            help='quote the formula: {j: "=depths[i]"}',
        )
    context = getattr(error, "context", None)
    return Diagnostic(
        "E104", f"not valid YAML: {problem}", place, notes=(context,) if context else ()
    )
