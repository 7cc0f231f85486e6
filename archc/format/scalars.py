"""Scalars as the canonical form writes them: quotes where they are needed or help the reader."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import yaml

from archc.format.tree import Node
from archc.spec.ast import TYPE_NAMES
from archc.spec.scalars import resolve

_WORD = re.compile(r"[A-Za-z_][\w.*/-]*\Z")
_CONTEXTS = {  # what a plain scalar must survive: (flow, key)
    (False, False): ("- {}", 1),
    (False, True): ("{}: 0", 2),
    (True, False): ("[{}, 0]", 2),
    (True, True): ("{{{}: 0, a: 0}}", 4),
}


def scalar(node: Node, *, flow: bool, key: bool = False) -> str:
    """The scalar on one line. "" for a value that was left out or is null."""
    value = node.value
    if value is None:
        return ("null" if not key else node.text) if node.text else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return node.text
    if (not node.style or _bare(node, value)) and plain_reads_back(value, flow, key):
        return value
    return quoted(value)


def _bare(node: Node, value: str) -> bool:
    """Whether the writer's quotes go: around formulas and words.

    Not where they tell a string from the name of a parameter's type.
    """
    return (
        node.style in ("'", '"')
        and value not in TYPE_NAMES
        and (value.startswith("=") or _WORD.match(value) is not None)
    )


@lru_cache(maxsize=4096)
def plain_reads_back(text: str, flow: bool, key: bool = False) -> bool:
    """Whether the text without quotes is read as this very string."""
    if not text or not text.isprintable() or resolve(text) is not text:
        return False
    frame, count = _CONTEXTS[flow, key]
    try:
        events = list(
            yaml.parse(frame.format(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        )
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    plain = scalars and scalars[0].value == text and not scalars[0].style
    return bool(plain) and len(scalars) == count and len(events) == count + 6


def quoted(text: str) -> str:
    """The text in double quotes; in single ones where that saves escapes."""
    if '"' in text and "'" not in text and "\\" not in text and text.isprintable():
        return f"'{text}'"
    return "".join(
        c if c.isprintable() or not c.strip('\n\t\r"\\') else _escaped(c)
        for c in json.dumps(text, ensure_ascii=False)
    )


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def lines_of(node: Node) -> list[str]:
    """A plain scalar's lines as the writer broke it, without their indentation."""
    return [line.strip() for line in node.text.split("\n")]


def block_lines(node: Node) -> tuple[str, list[str]]:
    """A `|` or `>` scalar: its header, and its lines without their indentation."""
    value = str(node.value)
    text = value.rstrip("\n")
    ends = len(value) - len(text)
    body = text.split("\n") if node.style == "|" else _folded(node, text)
    body += [""] * (ends - 1)
    chomp = "-" if ends == 0 else "" if ends == 1 else "+"
    first = next(line for line in body if line)
    return node.style + ("2" if first.startswith(" ") else "") + chomp, body


def _folded(node: Node, text: str) -> list[str]:
    """The lines of a `>` scalar as the writer broke them."""
    body = node.text.split("\n")[1:]
    while not body[-1].strip(" "):
        body.pop()
    filled = next(line for line in body if line.strip(" "))
    depth = _lead(filled) - _lead(text.lstrip("\n"))
    return [line[depth:] for line in body]


def _lead(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
