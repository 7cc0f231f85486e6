"""Markdown whose snippets run: blocks with directives, sessions of commands and Python.

A comment before a block says how it is run; it is YAML, one key with options below it:

    <!-- steps: {inputs: {x: "[N, 3, 8, 8]"}, gives: "float32[N, 6, 8, 8]"} -->

    (none)          a `yaml` block is a whole spec and compiles without a warning
    part            top-level keys of a spec; what is missing is added
    steps           a list of steps, put under `graph:`
    file: NAME      the block is written to a file of that name first
    shows: NAME     the block is what that file holds by now, or a file of this project
    console         lines with `$ ` are commands; what follows them is what they print
    setup           commands that prepare a machine; another test reads them
    data            not run: the test that names the block says what it is for

Options of specs: `inputs` and `add` complete it, `set` and `variant` choose, and it must give the
types `gives`, the names `weights` (or their first parts, `weights_of`), the number `params`, the
error codes `error` or the warnings `warning`. Options of commands: `exit` is the
code that the last one ends with, `mask` a pattern for what differs from machine to machine.

`python` blocks with `>>>` are sessions that share their names; others run as they stand. With
`ARCHC_UPDATE` in the environment, what is printed replaces what the page says.
"""

from __future__ import annotations

import difflib
import doctest
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("part", "steps", "file", "shows", "console", "setup", "data")
UPDATE = bool(os.environ.get("ARCHC_UPDATE"))

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FENCE = re.compile(r"^( *)(`{3,})([\w+-]*)\n(.*?)^\1\2 *$\n?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line's number, and how it is run."""

    page: Path
    language: str
    text: str
    line: int
    kind: str = ""
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks in order."""
    text = page.read_text(encoding="utf-8")
    found, last = [], 0
    for match in _FENCE.finditer(text):
        before = text[last : match.start()].rstrip()
        last = match.end()
        comments = list(_COMMENT.finditer(before))
        said = comments[-1][1] if comments and comments[-1].end() == len(before) else ""
        line = text.count("\n", 0, match.start(4)) + 1
        margin = match[1]
        body = "".join(row.removeprefix(margin) for row in match[4].splitlines(keepends=True))
        found.append(Block(page, match[3], body, line, *directive(said, f"{page.name}:{line}")))
    return found


def directive(comment: str, where: str) -> tuple[str, str, dict[str, Any]]:
    """(kind, name, options) of a comment; a comment that begins with no kind is just a comment."""
    word = re.match(r"\s*(\w*)", comment)[1]
    if word not in KINDS:
        return "", "", {}
    said = yaml.safe_load(comment)
    if isinstance(said, str):
        return said, "", {}
    kind, value = next(iter(said.items()))
    if isinstance(value, str):
        return kind, value, {key: more for key, more in said.items() if key != kind}
    assert isinstance(value, dict), f"{where}: the comment's options are no mapping"
    return kind, "", value


# ---- specs


def spec_text(block: Block) -> str:
    """The whole spec that a block stands for."""
    if block.kind not in ("part", "steps"):
        return block.text
    options = block.options
    added = {name: dump(value) for name, value in options.get("add", {}).items()}
    text = block.text
    if block.kind == "steps":
        text = "graph:\n" + "".join(f"  {row}" for row in text.splitlines(keepends=True))
    has = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    if not (has | added.keys()) & {"models", "graph"}:
        added.setdefault("graph", "[identity]")
    if "models" not in has | added.keys():
        added.setdefault("inputs", dump(options.get("inputs", {"x": "[N, 64]"})))
    head = "archc: 1\nname: net\n"
    return head + "".join(f"{k}: {v}\n" for k, v in added.items() if k not in has) + text


def dump(value: Any) -> str:
    """A value in flow style; text stands as it is, so that a comment says what YAML quotes."""
    match value:
        case dict():
            return "{" + ", ".join(f"{k}: {dump(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(dump, value)) + "]"
        case bool():
            return str(value).lower()
        case None:
            return "null"
    return str(value)


def check_spec(block: Block, folder: Path) -> None:
    """Compiles the block, checks its other sections, and compares with what its comment says."""
    from archc.errors import SpecError, render
    from archc.pipeline import compile
    from archc.search import reading
    from archc.train import check

    options = block.options
    path = folder / (block.name or "spec.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spec_text(block), encoding="utf-8")
    program, codes, message = None, [], ""
    try:
        program = compile(path, variant=options.get("variant"), set=options.get("set"))
    except SpecError as error:
        codes, message = [diagnostic.code for diagnostic in error.diagnostics], str(error)
    if program is not None:
        wrong = [*check(program), *reading.check(program)]
        codes, message = [one.code for one in wrong], "\n".join(map(render, wrong))
    assert codes == listed(options.get("error")), f"{block}: {message}"
    if program is None:
        return
    warned = [diagnostic.code for diagnostic in program.warnings]
    assert warned == listed(options.get("warning")), f"{block}: {program.warnings}"
    gives = options.get("gives")
    if gives is not None:
        types = {name: str(type) for name, type in program.model.output_types().items()}
        said = gives if isinstance(gives, dict) else {next(iter(types)): gives}
        assert {name: types.get(name) for name in said} == said, f"{block}"
    if "weights" in options:
        assert [entry.name for entry in program.weights()] == options["weights"], f"{block}"
    if "weights_of" in options:
        steps = dict.fromkeys(entry.name.partition(".")[0] for entry in program.weights())
        assert list(steps) == options["weights_of"], f"{block}"
    if "params" in options:
        assert program.params == options["params"], f"{block}: {program.params}"


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


# ---- sessions


@dataclass
class Session:
    """Runs a page's blocks one after the other, in one folder and with one set of Python names."""

    page: Path
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    rewritten: dict[int, str] = field(default_factory=dict)

    def run(self, which: list[Block]) -> None:
        """Runs the blocks; what they print differs from the page only while it is updated."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            for block in which:
                self.one(block)
        finally:
            os.chdir(before)
        if self.rewritten:
            rewrite(self.page, self.rewritten)

    def one(self, block: Block) -> None:
        if block.kind in ("setup", "data"):
            return
        if block.kind == "file" and block.language != "yaml":
            self.write(block)
        elif block.kind == "shows":
            here = Path(block.name)
            path = here if here.is_file() else ROOT / here
            self.compare(block, path.read_text(encoding="utf-8"))
        elif block.language == "yaml":
            check_spec(block, self.folder)
        elif block.kind == "console" or block.language == "console":
            self.compare(block, "".join(self.commands(block)))
        elif block.language in ("bash", "sh"):
            self.command(block.text, block.options.get("exit", 0), str(block))
        elif block.language == "python" and ">>>" in block.text:
            self.compare(block, "".join(self.examples(block)))
        elif block.language == "python":
            exec(compile(block.text, str(block), "exec"), self.names)

    def write(self, block: Block) -> None:
        path = Path(block.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def compare(self, block: Block, found: str) -> None:
        mask = block.options.get("mask", r"\Z")
        if re.sub(mask, "…", found) == re.sub(mask, "…", block.text):
            return
        if not UPDATE:
            rows = [text.splitlines() for text in (block.text, found)]
            shown = "\n".join(difflib.unified_diff(*rows, "page", "run", lineterm=""))
            pytest.fail(f"{block}: what it prints is not what the page says\n{shown}")
        self.rewritten[block.line] = found

    def commands(self, block: Block) -> Iterator[str]:
        """Each command as written, and what it prints."""
        asked = [line for line in block.text.splitlines() if line.startswith("$ ")]
        for k, line in enumerate(asked):
            code = block.options.get("exit", 0) if k == len(asked) - 1 else 0
            yield f"{line}\n{self.command(line[2:], code, str(block))}"

    def command(self, text: str, code: int, where: str) -> str:
        """What a command prints, on both streams, without blanks at the ends of lines."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=environment(),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        ended = f"{where}: `{text.strip()}` ended with {done.returncode}"
        assert done.returncode == code, f"{ended}\n{done.stdout}"
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        return "".join(f"{line}\n" for line in lines)

    def examples(self, block: Block) -> Iterator[str]:
        """Each example of a Python session as written, and what it prints."""
        for part in doctest.DocTestParser().parse(block.text, str(block)):
            if not isinstance(part, doctest.Example):
                yield part
                continue
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(part.source, str(block), "single"), self.names)
            for k, row in enumerate(part.source.splitlines()):
                yield f"{'...' if k else '>>>'} {row}".rstrip() + "\n"
            yield "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def environment() -> dict[str, str]:
    """The commands' environment: this Python's own, plain text, a hundred columns, one thread."""
    own = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": own + os.pathsep + os.environ.get("PATH", ""),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "PYTHONWARNINGS": "error",
        "OMP_NUM_THREADS": "1",
    }


def rewrite(page: Path, texts: dict[int, str]) -> None:
    """Puts new texts in place of the blocks that begin on these lines."""
    text = page.read_text(encoding="utf-8")
    for line, new in sorted(texts.items(), reverse=True):
        start = sum(len(row) for row in text.splitlines(keepends=True)[: line - 1])
        old = next(block.text for block in blocks(page) if block.line == line)
        assert text[start : start + len(old)] == old, f"{page.name}:{line}: update it by hand"
        text = text[:start] + new + text[start + len(old) :]
    page.write_text(text, encoding="utf-8")


def parameters(page: Path) -> list[Any]:
    """The page's specs as test parameters, each by its line."""
    return [
        pytest.param(block, id=f"line{block.line}")
        for block in blocks(page)
        if block.language == "yaml" and block.kind not in ("data", "shows")
    ]
