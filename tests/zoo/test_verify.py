"""PyTorch against onnxruntime for every row of the zoo: each network, each of its models.

Every symbolic dimension takes two sizes. Each network is verified at true size where that may take
minutes; quickly, once for every structure that a file's variants have when they are made small.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from small_zoo import SMALL

import archc_ort
from archc.catalog import files
from archc.ir.digest import digest
from archc.ir.program import Program
from archc.pipeline import compile
from archc.zoo import variants

TOLERANCE = 1e-4  # of the largest magnitude expected
LARGEST = 30_000_000  # parameters that a small setting may leave
RATES = ("drop", "drop_path", "dropout")  # parameters that larger variants have larger
HEAVY = 200_000_000  # parameters; verifying takes about three times the memory of the weights

ROWS = [
    pytest.param(path, variant, id=variant or path.stem)
    for path in files()
    for variant in variants(path) or [None]
]


def agree(program: Program, model: str) -> None:
    verdict = archc_ort.verify(program, model=model, tolerance=TOLERANCE, threads=1)
    symbols = program.models[model].symbols()
    tried = {tuple(one.sizes.items()) for one in verdict.comparisons}
    assert len(tried) == (2 if symbols else 1)
    for symbol in symbols:
        assert len({one.sizes[symbol] for one in verdict.comparisons}) == 2, symbol
    assert {one.optimised for one in verdict.comparisons} == {True, False}
    assert verdict.passed, (program.name, model, verdict.difference, verdict.culprit)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_structure_agrees_at_small_size(path: Path) -> None:
    small = SMALL.get(path.stem, {})
    usual = compile(path, set=small).parameters
    same = {name: usual[name] for name in RATES if name in usual}  # while training alone
    done: set[str] = set()
    for variant in variants(path) or [None]:
        program = compile(path, variant=variant, set={**same, **small})
        assert program.params <= LARGEST, (
            f"{program.params:,} parameters: SMALL has smaller settings"
        )
        for model in program.models:
            structure = digest(program, model)
            if structure not in done:
                done.add(structure)
                agree(program, model)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "variant"), ROWS)
def test_every_row_agrees_at_true_size(
    path: Path, variant: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = compile(path, variant=variant)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the same for all workers of this run
    with alone(folder / "heavy") if program.params > HEAVY else nullcontext():
        for model in program.models:
            agree(program, model)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """While one worker is here no other is: two of the largest networks fill a machine's memory."""
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            time.sleep(1)
    try:
        yield
    finally:
        lock.unlink()


def test_every_small_setting_is_of_a_spec() -> None:
    assert SMALL.keys() <= {path.stem for path in files()}
