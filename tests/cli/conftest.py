"""The command line as tests use it: arguments in; code, stdout and stderr out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archc.cli.main import main

TINY = """\
archc: 1
name: tiny
doc: A network for tests (Nobody, 2020). It has a second sentence.
params: {width: 8, depths: [1, 2], act: relu, block: {a: 1}}
variants:
  small: {width: 4}
  large: {width: 16, depths: [2, 2]}
inputs: {x: [N, T, 8]}
graph:
  - {linear: =width, name: fc, repeat: "=depths[0]"}
  - =act
  - {linear: 2, name: head}
outputs: {y: prev}
"""


class Result(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Archc = Callable[..., Result]


@pytest.fixture
def archc(capsys: pytest.CaptureFixture[str]) -> Archc:
    """Runs a command line in this process."""

    def run(*argv: object) -> Result:
        capsys.readouterr()
        code = main([str(one) for one in argv])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small spec with variants, in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = Path("tiny.yaml")
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec with two mistakes, one of them in one variant only."""
    monkeypatch.chdir(tmp_path)
    path = Path("wrong.yaml")
    path.write_text(
        "archc: 1\n"
        "params: {heads: 4}\n"
        "variants: {even: {}, odd: {heads: 3}}\n"
        "inputs: {x: [N, 8, 16]}\n"
        "graph:\n"
        "  - conv1d: {out: 8, kernal: 3}\n"
        "  - {group_norm: =heads, in: x}\n"
        "  - {linear: 4, in: x, name: head}\n",
        encoding="utf-8",
    )
    return path
