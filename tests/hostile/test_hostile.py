"""Hostile input ends in an error of ours, without running anything and in little memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.cases import Case
from hostile.every import CASES

TESTS = Path(__file__).parents[1]
MOST = 200 << 10  # KiB
SHOWN = 100_000  # letters that a person may be shown

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    """A process that runs command lines in forks of itself."""
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, str(TESTS / "hostile" / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_input_ends_in_an_error_of_ours(
    case: Case, server: subprocess.Popen[str], tmp_path: Path
) -> None:
    case.write(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert server.stdin is not None and server.stdout is not None
    print(json.dumps([str(tmp_path), case.command]), file=server.stdin, flush=True)
    status, peak = json.loads(server.stdout.readline())
    shown = (tmp_path / ".out").read_text(encoding="utf-8")
    assert status == case.status, shown[:2000]
    assert case.code in ["", *codes(shown, case)]
    assert peak <= MOST
    assert len(shown) <= SHOWN
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert {path.name for path in tmp_path.iterdir()} == before | {".out"}  # nothing was written


def codes(shown: str, case: Case) -> list[str]:
    if "--json" in case.command:
        return [one["code"] for one in json.loads(shown)]
    return re.findall(r"^error\[(\w+)\]", shown, re.MULTILINE)
