"""Random YAML texts of the subset that specs use: every style, comments and blank lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

WORDS = [
    "relu",
    "a",
    "n1",
    "x.shape",
    "std/conv.yaml",
    "int",
    "true",
    "null",
    "1e-3",
    "no",
    "0o7",
    "-",
]
FORMULAS = [
    "=n",
    "=max(1, n)",
    "=x.shape[1] // 2",
    '="b" + str(i)',
    "=2 if i == 0 else 1",
    "=[a, b]",
]
ODD = [
    "", " a ", "a: b", "a #b", "# x", "é", "\t", "line\nbreak", "it's", 'say "hi"', "a\\b", "{",
    "[1]", "@", "\x1b[31m", "n (h w) c -> n c", "- a", "? b", "1:30", "2020-01-01", "=", "<<",
    "\u65e5\u672c", "\u2028", "'q'",
]  # fmt: skip

texts = st.sampled_from([*WORDS, *FORMULAS, *ODD])
scalars = st.one_of(texts, st.integers(-5, 300), st.sampled_from([1.0, 2.5e-05, True, False, None]))
keys = st.sampled_from(
    [
        "conv2d",
        "linear",
        "name",
        "in",
        "do",
        "graph",
        "params",
        "blocks",
        "=act",
        "a b",
        "0",
        "édge",
    ]
)
long = st.one_of(
    st.lists(st.lists(st.integers(0, 9999), max_size=9), min_size=5, max_size=14),
    st.lists(st.integers(0, 9999), min_size=15, max_size=50),
    st.just("=" + " + ".join(f"width * {n}" for n in range(12))),
    st.just("a long text, which no line of a hundred columns holds: it has more words than " * 2),
)
values = st.recursive(
    st.one_of(*[scalars] * 9, long),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=14,
)
TOP = [
    "archc", "name", "task", "doc", "params", "graph", "blocks", "inputs", "train", "outputs",
    "models",
]  # fmt: skip


@dataclass
class Writer:
    """Writes data as YAML, its style chosen by `draw`."""

    draw: object
    count: int = 0
    comments: list[str] = field(default_factory=list)

    def coin(self, one_in: int = 2) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == 0

    def comment(self) -> str:
        self.count += 1
        text = f"# c{self.count}" + self.draw(
            st.sampled_from(["", " 'it", ' {"', " # more", " é: x"])
        )
        self.comments.append(text)
        return text

    def above(self, indent: int) -> str:
        lines = ""
        while self.coin(6):
            if self.coin(2):
                lines += "\n" * self.draw(st.integers(1, 2))
            else:
                lines += (
                    " " * max(0, indent + self.draw(st.sampled_from([0, 0, 0, -2, 2, 4])))
                    + self.comment()
                    + "\n"
                )
        return lines

    def beside(self) -> str:
        return "  " + self.comment() if self.coin(7) else ""

    def scalar(self, value: object, flow: bool, key: bool = False) -> str:
        if value is None:
            return self.draw(st.sampled_from(["null", "~"]))
        if isinstance(value, bool):
            return self.draw(st.sampled_from([str(value), str(value).lower()]))
        if not isinstance(value, str):
            return str(value)
        safe = value.isidentifier() or value in ("1e-3", "std/conv.yaml")
        formula = (
            value.startswith("=") and len(value) > 1 and (not flow or not set(value) & set(",[]{}"))
        )
        if (safe or formula) and self.coin():
            return value
        if value.isprintable() and self.coin():
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=self.coin())

    def flow(self, value: object, indent: int) -> str:
        def gap() -> str:
            if self.coin(8):
                return (
                    (self.beside() if self.coin(3) else "")
                    + "\n"
                    + self.above(indent + 2)
                    + " " * (indent + 2)
                )
            return ""

        if isinstance(value, list):
            return "[" + gap() + ", ".join(self.flow(v, indent) + gap() for v in value) + "]"
        if isinstance(value, dict):
            items = [
                f"{self.scalar(k, True, True)}: {self.flow(v, indent)}" + gap()
                for k, v in value.items()
            ]
            return "{" + gap() + ", ".join(items) + "}"
        return self.scalar(value, True)

    def below(self, value: object, indent: int) -> str:
        """What stands behind `key:` or `-`, up to the end of its last line."""
        if isinstance(value, list | dict) and value and self.coin():
            return (
                self.beside()
                + "\n"
                + self.block(value, indent + self.draw(st.sampled_from([2, 2, 4])))
            )
        if isinstance(value, list | dict):
            return " " + self.flow(value, indent) + self.beside() + "\n"
        if (
            isinstance(value, str)
            and value.strip() == value
            and "\n" not in value
            and value.isprintable()
            and value
            and self.coin(6)
        ):
            mark = self.draw(st.sampled_from(["|", "|-", ">", ">-"]))
            pad = " " * (indent + 2)
            return f" {mark}{self.beside()}\n{pad}{value}\n\n{pad}more # text\n"
        return " " + self.scalar(value, False) + self.beside() + "\n"

    def block(self, value: object, indent: int) -> str:
        text = ""
        pad = " " * indent
        for item in value.items() if isinstance(value, dict) else value:
            text += self.above(indent)
            if isinstance(value, dict):
                text += f"{pad}{self.scalar(item[0], False, True)}:{self.below(item[1], indent)}"
            else:
                text += f"{pad}-{self.below(item, indent)}"
        return text


@st.composite
def yaml_texts(draw):
    """A text of a mapping, and the comments in it."""
    top = draw(st.lists(st.sampled_from(TOP), min_size=1, max_size=5, unique=True))
    writer = Writer(draw)
    text = writer.block({key: draw(values) for key in top}, 0)
    if writer.coin(8):
        text += writer.comment() + "\n"
    return text, writer.comments
