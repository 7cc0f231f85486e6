"""`archc bench`: one spec in both runtimes, or several in onnxruntime, and what they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Archc

from archc.cli.bench import milliseconds

SHORT = ("--seconds", "0.05", "--threads", "1")


def test_one_spec_is_timed_in_both_runtimes(archc: Archc, tiny: Path) -> None:
    rows = archc("bench", tiny, *SHORT, "--at", "T=3", "--json").json
    assert [row["name"] for row in rows] == ["onnxruntime", "onnxruntime again", "PyTorch"]
    assert rows[0]["ratio"] == 1
    assert all(0 < row["low"] <= row["median"] <= row["high"] for row in rows)


def test_several_are_timed_in_turn(archc: Archc, tiny: Path) -> None:
    larger = f"{tiny}:large"
    done = archc("bench", tiny, larger, "lenet5", *SHORT, "--json").json
    assert [row["name"] for row in done] == [str(tiny), f"{tiny} again", larger, "lenet5"]
    assert len({row["rounds"] for row in done}) == 1


def test_the_table_has_a_row_for_each(archc: Archc, tiny: Path) -> None:
    shown = archc("bench", tiny, "lenet5", *SHORT).out
    assert shown.startswith("at N=1, T=")
    assert "lenet5" in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(4.731e-5, "0.0473"), (9.99e-4, "0.999"), (1.2345e-3, "1.23"), (0.25, "250.00")],
)
def test_short_times_keep_three_digits(seconds: float, shown: str) -> None:
    assert milliseconds(seconds) == shown


@pytest.mark.parametrize(
    ("options", "code"),
    [(["--set", "width=4"], "E706"), (["--variant", "small"], "E706"), (["--at", "Q=2"], "E704")],
)
def test_what_several_are_not_given(
    archc: Archc, tiny: Path, options: list[str], code: str
) -> None:
    done = archc("bench", tiny, "lenet5", *options, *SHORT)
    assert (done.code, code in done.err) == (2, True), done.err
