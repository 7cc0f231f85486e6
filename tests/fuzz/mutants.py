"""Specs made wrong: real ones with bytes, tokens or lines changed, and formulas that mean harm."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fuzz.reduce import at, parts
from fuzz.source import Choices
from fuzz.templates import dumped

ZOO = Path(__file__).resolve().parents[2] / "specs"
TOKEN = re.compile(r"[A-Za-z_][\w.]*|\d[\d.e+-]*|=|[\[\]{}():,#'\"*]|-(?= )|\s+|.")
TOKENS = (
    "=", "[", "]", "{", "}", ":", ",", "- ", "\n", "  ", "\t", "#", "'", '"', "|", ">", "&a", "*a",
    "!!int", "<<", "null", "true", "~", "0", "-1", "1.5", "1e309", ".nan", "9" * 30, "0x1F",
    "prev", "x", "in", "do", "when", "repeat", "scan", "tie", "init", "name", "graph", "blocks",
    "params", "models", "outputs", "optional: true", "steps", "int", "relu", "linear", "conv2d",
    "concat", "lstm_cell", "unstack", "=x", "=prev.shape[1]", "=N", "..", "a.b", "x.*", "\x00",
    "\x1b[31m", "é", "\u2028", "\ufeff", "日本", "\ud83d".encode("utf-8", "replace").decode(),
)  # fmt: skip
KINDS = ("[]", "{}", "[1, 2]", "{a: 1}", "null", "true", "-3", "1.5", "1e30", "9" * 19, "''", "x")
HOSTILE = (
    "9**9**9", "2**-1", "1 // 0", "1 % 0", "0 ** -1", "1 / 0", "-" * 300 + "1",
    "(" * 60 + ")" * 60, "[" * 39 + "]" * 39, "[[0] * 10**6]", "[0] * 10**9", "'a' * 10**9",
    "range(10**9)", "sum(range(10**7))", "len(range(10**18))",
    "[i for i in range(10**6) for j in range(10**6)]", "x.__class__", "().__class__",
    "''.__class__.__bases__", "__import__('os').system('true')", "open('/etc/passwd')",
    "eval('1')", "lambda: 1", "f'{1}'", "{1: 2}", "{1, 2}", "x", "x.shape", "x.shape[99]",
    "x.shape[-99]", "x.shape[x]", "x.shape['a']", "x.channels.channels", "x.nothing", "prev",
    "prev.shape[1:]", "prev.shape[::0]", "N", "N // 0", "N % 0", "0 // N", "1 // (N - N)",
    "N ** 1000", "N ** N", "2 ** N", "N ** -1", "N ** 0.5", "N / 2", "-N", "not N", "N and 1",
    "N == N + 1", "N > 3", "N < 0", "max(N, 3)", "min(N, -3)", "max()", "max([])", "min('a', 1)",
    "int('12')", "int(1e400)", "int(N)", "float(N)", "str(N)", "str(x)", "len(x)", "len(3)",
    "sum('ab')", "abs('a')", "round(1.5, 1)", "ceil(1e308 * 10)", "sqrt(-1)", "log2(0)",
    "exp(1000)", "divisible(1, 0)", "divisible(N, 8)", "divisible(1.5, 2.5)", "given(3)",
    "given(nope)", "1 if 2", "1 if N else 2", "a = 1", "a := 1", "yield", "await x", "1 in 2",
    "1 in [1]", "'a' in 'abc'", "1 < 'a'", "1 == 'a'", "[1] + 2", "[1] * -1", "[1] * 1.5",
    "'%d' % 1", "'%999999999d' % 1", "'a'.join([])", "1.5 // 0.1", "1e308 * 10",
    "1e308 * 10 - 1e308 * 10", "1_000", "0b11", "1j", "...", "None", "True + True", "~1",
    "1 << 100", "1 & 2", "1 @ 2", "[*[1]]", "max(*[1, 2])", "max(1, key=2)", "x[0]", "[1, 2][5]",
    "[1, 2]['a']", "'abc'[1:2:0]", "[j for j in 3]", "[j for j, k in [1]]",
    "[j for j, k in [[1, 2]]]", "[j for j in [1] if j]", "\\", "'", "#", "", " ", "\x00", "é",
    "1 2", "1,2", "[1 for i in range(3000) for j in range(3000)]", "i" * 5000, "1+" * 1500 + "1",
    "max(" * 30 + "1" + ")" * 30, "1if 1else 2", "0777", "'\\x00'", "'a' 'b'", "x.shape[0].real",
    "range(3)[1]",
)  # fmt: skip


@cache
def originals() -> tuple[str, ...]:
    """The zoo's specs, the shorter first."""
    found = sorted(path.read_text(encoding="utf-8") for path in ZOO.glob("**/*.yaml"))
    return tuple(sorted(found, key=len))


def mutant(c: Choices, texts: Sequence[str] = ()) -> str:
    """One text with one to four things changed."""
    text = c.pick(texts or originals())
    for _ in range(c.integer(1, 4)):
        text = c.pick(CHANGES)(c, text)
    return text


def place(c: Choices, count: int) -> int:
    return c.integer(0, max(0, count - 1))


def characters(c: Choices, text: str) -> str:
    """A character replaced, removed or added."""
    at = place(c, len(text))
    new = c.pick(("", " ", "\n", "=", "[", "}", ":", "0", "a", "\t", "\x07", "é"))
    return text[:at] + new + text[at + c.integer(0, 1) :]


def tokens(c: Choices, text: str) -> str:
    """Tokens exchanged, removed, repeated or replaced."""
    found = TOKEN.findall(text)
    if len(found) < 2:
        return text
    a, b = place(c, len(found)), place(c, len(found))
    kind = c.integer(0, 3)
    if kind == 0:
        found[a], found[b] = found[b], found[a]
    elif kind == 1:
        del found[a]
    elif kind == 2:
        found.insert(a, found[b])
    else:
        found[a] = c.pick(TOKENS)
    return "".join(found)


def lines(c: Choices, text: str) -> str:
    """Lines removed, repeated, exchanged, or indented by other amounts."""
    found = text.split("\n")
    a, b = place(c, len(found)), place(c, len(found))
    kind = c.integer(0, 4)
    if kind == 0:
        del found[a]
    elif kind == 1:
        found.insert(b, found[a])
    elif kind == 2:
        found[a], found[b] = found[b], found[a]
    elif kind == 3:
        found[a] = "  " + found[a] if c.chance(50) else found[a][2:]
    else:
        del found[min(a, b) : min(a, b) + 8]
    return "\n".join(found)


def formulas(c: Choices, text: str) -> str:
    """A scalar replaced by a formula that means harm."""
    found = list(re.finditer(r"(?<=[:,\[] )[^\s,\[\]{}#:]+", text))
    if not found:
        return text
    at = c.pick(found)
    formula = c.pick(HOSTILE)
    quoted = '"=' + formula.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "\\0") + '"'
    return text[: at.start()] + (quoted if c.chance(85) else f"={formula}") + text[at.end() :]


def scalars(c: Choices, text: str) -> str:
    """A scalar replaced by another of the same spec, or by a value of another kind."""
    found = list(re.finditer(r"(?<=[:,\[] )[^\s,\[\]{}#:]+", text))
    if not found:
        return text
    at = c.pick(found)
    other = c.pick(found).group() if c.chance(60) else c.pick(KINDS)
    return text[: at.start()] + other + text[at.end() :]


def structures(c: Choices, text: str) -> str:
    """A part of the tree moved to another's place, left out, repeated or wrapped; still YAML."""
    try:
        data = yaml.safe_load(text)
        for _ in range(c.integer(1, 3)):
            places = list(parts(data))
            path, other = c.pick(places), c.pick(places)
            changed(c, data, path, copy.deepcopy(at(data, other)))
        return dumped(data)
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError):
        return text  # it is no YAML any more, or nothing is left of it


def changed(c: Choices, data: Any, path: tuple[str | int, ...], other: Any) -> None:
    """One change of the tree in place, at a path; `other` is a part of it, too."""
    holder, key = at(data, path[:-1]), path[-1]
    kind = c.integer(0, 5)
    if kind == 0:
        holder[key] = other
    elif kind == 1:
        del holder[key]
    elif kind == 2 and isinstance(holder, list):
        holder.insert(c.integer(0, len(holder)), other)
    elif kind in (2, 3):
        holder[key] = [holder[key]] if c.chance(50) else {str(path[0]): holder[key]}
    elif kind == 4:
        holder[key] = yaml.safe_load(c.pick(KINDS))
    elif isinstance(holder, dict):
        holder[c.pick([*holder, "in", "do", "repeat", "when", "scan", "out", "x"])] = other


CHANGES: tuple[Callable[[Choices, str], str], ...] = (
    structures, scalars, formulas, lines, tokens, structures, scalars, formulas, characters,
)  # fmt: skip
