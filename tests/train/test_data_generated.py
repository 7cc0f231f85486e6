"""Sets that are made: what is in them, and that a seed makes the same ones again."""

from __future__ import annotations

from datetime import date

import pytest
import torch

from archc.errors import InputError
from archc_train.data.generated import FORMATS
from archc_train.data.sources import load
from archc_train.data.tokens import coder_of


@pytest.mark.parametrize("kind", ["dates", "recall", "sensors"])
def test_the_same_set_is_made_whatever_the_trainings_seed(kind: str) -> None:
    first, again = (load({kind: {"count": 60}}, {}, seed) for seed in (0, 1))
    assert first.test is not None and again.test is not None
    every = [part.batch(torch.arange(len(part))) for part in (first.test, again.test)]
    if kind == "sensors":  # whose test part is its own, so that nothing is split by the seed
        assert all(torch.equal(every[0][name], every[1][name]) for name in every[0])
    other = load({kind: {"count": 60}}, {"seed": 5}, 0)
    rows = [one.train.batch(torch.arange(8)) for one in (first, other)]
    assert any(not torch.equal(rows[0][name], rows[1][name]) for name in rows[0])


def test_dates_are_those_that_the_target_says() -> None:
    found = load({"dates": {"count": 200}}, {}, 0)
    coder = coder_of(found.facts)
    rows = found.train.batch(torch.arange(len(found.train)))
    for source, target in zip(rows["source"], rows["next"], strict=True):
        day = date.fromisoformat(coder.decode(target.tolist()))
        assert coder.decode(source.tolist()) in {write(day) for write in FORMATS}


def test_no_day_is_in_two_parts() -> None:
    found = load({"dates": {"count": 300}}, {}, 0)
    days = [
        {tuple(row.tolist()) for row in part.batch(torch.arange(len(part)))["target"]}
        for part in found.parts.values()
    ]
    assert sum(map(len, days)) == len(set.union(*days)) == 300


def test_ordinals_are_spoken_right() -> None:
    spoken = {FORMATS[-1](date(2001, 5, day)).split()[1] for day in (1, 2, 3, 11, 12, 13, 21, 30)}
    assert spoken == {"1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "30th"}


def test_what_is_recalled_comes_first_and_once() -> None:
    found = load({"recall": {"count": 50, "length": 9}}, {}, 0)
    rows = found.train.batch(torch.arange(len(found.train)))
    assert torch.equal(rows["tokens"][:, 0], rows["label"])
    assert rows["tokens"].shape[1] == 10 and int(rows["tokens"][:, 1:].min()) >= 8


def test_only_test_windows_hold_anomalies_in_one_sensor() -> None:
    found = load({"sensors": {"count": 40, "length": 32}}, {}, 0)
    assert found.test is not None
    for part in (found.train, found.val):
        assert not part.batch(torch.arange(len(part)))["label"].any()
    rows = found.test.batch(torch.arange(len(found.test)))
    assert rows["label"].float().mean() == 0.5 and rows["series"].shape == (20, 32, 4)


@pytest.mark.parametrize("options", [{"count": 3}, {"length": 7}])
def test_there_are_enough_sensors_to_disturb(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least 4 of 8 are needed"):
        load({"sensors": options}, {}, 0)
    assert len(load({"sensors": {"count": 4, "length": 8}}, {"val": 1}, 0).parts["test"]) == 2
