"""Which networks a search takes for one: the digest on all cells of NAS-Bench-201.

Its 15,625 cells are, with what the digest sees through (zeros and identities, the order and the
nesting of sums, equal steps without weights on equal values) and what it does not (which edges
share their weights), 5,485 networks. An edge with weights is relu, a convolution without bias and
a batch normalisation. Of zeros the convolution makes zeros, so that its kernel does not count; the
normalisation makes the shift that it learns, so that the edge does.

Two other counts differ in what such an edge is taken to make of zeros. If zeros, there are 5,260:
so it is where the normalisation has neither a shift nor running statistics. If something that
its kernel has to do with, 5,875.

The paper's strings are 6,466. They keep the zeros in sums, and so tell cells apart that are one
network; they do not tell a node that is used twice from two nodes alike, and so take cells for one
that are not.
"""

from __future__ import annotations

import random
import zlib
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from search.cells import CELLS, EDGES, Cell, OfZeros, paper_string, values

import archc_torch
from archc.elaborate import elaborate
from archc.ir.program import Program
from archc.pipeline import settings_from
from archc.spec.ast import File
from archc.spec.load import Loader

SPEC = Path(__file__).parents[2] / "specs" / "nasbench201.yaml"
# The spec as it is, and with edges whose batch normalisation makes zeros of zeros.
AS_IT_IS = "defaults: {conv2d: {bias: false}}"
NO_SHIFT = "defaults: {conv2d: {bias: false}, batch_norm: {affine: false, track: false}}"
RULES: dict[OfZeros, str] = {"shift": AS_IT_IS, "zeros": NO_SHIFT}


@cache
def spec(defaults: str) -> File:
    text = SPEC.read_text(encoding="utf-8")
    assert text.count(AS_IT_IS) == 1
    return Loader().load_text(text.replace(AS_IT_IS, defaults), "nasbench201.yaml")


def program(cell: Cell, defaults: str = AS_IT_IS) -> Program:
    """The network with one copy of the cell at each of its three sizes.

    One copy is enough: as many copies are joined in the same way whatever the cell, and what is
    told apart in one is told apart in several.
    """
    edges = dict(zip(EDGES, cell, strict=True))
    file = spec(defaults)
    settings = settings_from({"edges": edges, "cells": 1, "width": 4}, file)
    return elaborate(file, None, settings, [], False)


def agree(cells: list[Cell], of_zeros: OfZeros) -> None:
    """The digests divide the cells as trying everything does."""
    names = {cell: values(of_zeros)[cell][0] for cell in cells}
    digests = {cell: program(cell, RULES[of_zeros]).digest for cell in cells}
    pairs = {(names[cell], digests[cell]) for cell in cells}
    assert len(pairs) == len({name for name, _ in pairs}) == len({digest for _, digest in pairs})


def near_misses() -> list[Cell]:
    """Cells out of families that only the shifts of zeros divide, two of each member."""
    families: dict[bytes, dict[bytes, list[Cell]]] = {}
    for cell in CELLS:
        family = families.setdefault(values("zeros")[cell][0], {})
        family.setdefault(values("shift")[cell][0], []).append(cell)
    several = [family for family in families.values() if len(family) > 1]
    source = random.Random(0)
    return [
        cell
        for family in source.sample(several, 8)
        for group in family.values()
        for cell in source.sample(group, min(len(group), 2))
    ]


def test_the_counts() -> None:
    def count(of_zeros: OfZeros) -> int:
        return len({name for name, _ in values(of_zeros).values()})

    assert len(CELLS) == 15_625
    assert (count("shift"), count("zeros"), count("own")) == (5_485, 5_260, 5_875)
    assert len({paper_string(cell) for cell in CELLS}) == 6_466


@pytest.mark.parametrize("of_zeros", RULES)
def test_a_sample_of_the_cells_has_the_classes_of_trying_everything(of_zeros: OfZeros) -> None:
    agree([*near_misses(), *random.Random(1).sample(CELLS, 20)], of_zeros)


@pytest.mark.slow
@pytest.mark.parametrize("of_zeros", RULES)
def test_all_cells_have_the_classes_of_trying_everything(of_zeros: OfZeros) -> None:
    agree(list(CELLS), of_zeros)


def test_more_copies_of_a_cell_change_no_class() -> None:
    cells = near_misses()[:10]
    file = spec(AS_IT_IS)
    found = set()
    for cell in cells:
        edges = dict(zip(EDGES, cell, strict=True))
        settings = settings_from({"edges": edges, "cells": 3, "width": 4}, file)
        found.add((elaborate(file, None, settings, [], False).digest, program(cell).digest))
    assert len(found) == len({one for one, _ in found}) == len({three for _, three in found})


def output(cell: Cell) -> np.ndarray[Any, Any]:
    """What the network computes with weights that are drawn by their names."""
    module = archc_torch.module(program(cell)).double().eval()
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                source = torch.Generator().manual_seed(zlib.crc32(name.encode()))
                value.copy_(torch.rand(value.shape, generator=source) + 0.5)
        image = torch.randn([2, 3, 32, 32], generator=torch.Generator().manual_seed(0))
        found: np.ndarray[Any, Any] = module(image.double()).numpy()
    return found


def alike(of_zeros: OfZeros) -> list[tuple[Cell, Cell]]:
    """Pairs of cells that compute the same with each edge's own weights."""
    groups: dict[tuple[bytes, int], list[Cell]] = {}
    for cell in CELLS:
        groups.setdefault(values(of_zeros)[cell], []).append(cell)
    found = [pair for group in groups.values() for pair in combinations(group, 2)]
    random.Random(2).shuffle(found)
    return found


@pytest.mark.parametrize("count", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_cells_of_one_class_compute_the_same(count: int) -> None:
    for one, other in alike("shift")[:count]:
        assert program(one).digest == program(other).digest
        np.testing.assert_allclose(output(one), output(other), rtol=1e-9)


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_the_shift_of_zeros_makes_a_difference(count: int) -> None:
    """What would be merged if an edge with a shift were taken to make zeros of zeros."""
    shift = values("shift")
    apart = [(a, b) for a, b in alike("zeros") if shift[a][0] != shift[b][0]]
    for one, other in apart[:count]:
        assert program(one).digest != program(other).digest
        assert not np.allclose(output(one), output(other), rtol=1e-6)
