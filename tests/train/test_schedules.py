"""How rates change: every schedule by its formula, and that each goes on where it stopped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from train.specs import CLASSIFIER, assert_same, continued, finished, loop

from archc.errors import SpecError
from archc.spec.training import SCHEDULES
from archc.train.section import Choice
from archc_train.schedules import schedule

LR, STEPS, EPOCH = 2.0, 20, 5
OPTIONS = {
    "constant": {"warmup": 3},
    "linear": {"warmup": 2, "final": 0.1},
    "cosine": {"warmup": 4, "hold": 1},
    "exponential": {"final": 0.01},
    "step": {"every": 1, "factor": 0.5},
    "multi_step": {"at": [1, 2], "factor": 0.1},
    "one_cycle": {"peak": 3.0},
    "plateau": {"patience": 0, "factor": 0.5},
}


def optimizer(**more: object) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=LR, **more)


def rates(name: str, options: dict[str, object], steps: int = STEPS) -> list[float]:
    """The rate of every step."""
    moved = optimizer()
    schedules = schedule(Choice(name, options), moved, steps, EPOCH)
    found = []
    for _ in range(steps):
        found.append(moved.param_groups[0]["lr"])
        moved.step()
        schedules.step()
    return found


def test_without_a_schedule_the_rate_stays() -> None:
    assert schedule(None, optimizer(), STEPS, EPOCH) is None
    assert rates("constant", {}) == [LR] * STEPS


@pytest.mark.parametrize(
    "name", ["constant", "linear", "cosine", "exponential", "step", "multi_step"]
)
def test_a_warm_up_rises_in_equal_parts(name: str) -> None:
    found = rates(name, {"warmup": 4, **({"at": [2]} if name == "multi_step" else {})})
    assert found[:4] == pytest.approx([LR * k / 4 for k in (1, 2, 3, 4)])
    assert found[4] == pytest.approx(LR)


def test_linear_falls_to_its_final_share() -> None:
    found = rates("linear", {"final": 0.1})
    assert found == pytest.approx([LR * (1 - 0.9 * k / STEPS) for k in range(STEPS)])


def test_cosine_is_half_a_wave_after_warm_up_and_hold() -> None:
    found = rates("cosine", {"warmup": 2, "hold": 1, "final": 0.2})
    assert found[2:6] == pytest.approx([LR] * 4)  # one epoch is held, the warm-up a part of it
    wave = [0.2 + 0.8 * (1 + math.cos(math.pi * (k - 5) / 15)) / 2 for k in range(5, STEPS)]
    assert found[5:] == pytest.approx([LR * value for value in wave])


def test_exponential_by_its_end_or_by_the_epoch() -> None:
    assert rates("exponential", {"final": 0.01})[10] == pytest.approx(LR * 0.1)
    found = rates("exponential", {"factor": 0.5, "hold": 1})
    assert [found[k] for k in (4, 5, 10, 15)] == pytest.approx([LR, LR, LR / 2, LR / 4])


def test_steps_come_at_equal_or_at_given_epochs() -> None:
    found = rates("step", {"every": 2, "factor": 0.5})
    assert found == [LR] * 10 + [LR / 2] * 10
    found = rates("multi_step", {"at": [1, 3], "factor": 0.1})
    assert found == pytest.approx([LR] * 5 + [LR * 0.1] * 10 + [LR * 0.01] * 5)


def test_one_cycle_rises_and_falls_over_all_steps() -> None:
    found = rates("one_cycle", {"peak": 3.0, "start_factor": 0.1, "final_factor": 0.01})
    assert found[0] == pytest.approx(0.3)
    assert max(found) == pytest.approx(3.0, rel=0.01)
    assert found.index(max(found)) in (5, 6)
    assert found[-1] < 0.2


def test_one_cycle_moves_momentum_only_where_there_is_one() -> None:
    for momentum in (0.0, 0.9):
        moved = optimizer(momentum=momentum)
        schedule(Choice("one_cycle", {}), moved, STEPS, EPOCH)
        assert moved.param_groups[0]["momentum"] == pytest.approx(0.95 if momentum else 0.0)


def test_a_plateau_lowers_the_rate_when_the_loss_stays() -> None:
    one = loop(CLASSIFIER + "  schedule: {plateau: {patience: 1, factor: 0.1, least: 1.0e-4}}\n")
    learner = one.learners["train"]
    for loss in (1.0, 0.5, 0.5, 0.5):
        learner.judged(loss)
    assert learner.rate() == pytest.approx(1e-3)
    for _ in range(8):
        learner.judged(0.5)
    assert learner.rate() == pytest.approx(1e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_goes_on_to_the_bit(name: str) -> None:
    options = OPTIONS[name]
    written = ", ".join(f"{key}: {value}" for key, value in options.items())
    text = CLASSIFIER + f"  schedule: {{{name}: {{{written}}}}}\n"
    whole = finished(loop(text))
    assert_same(whole, continued(text, after=4))
    assert whole.learners["train"].steps == whole.turns


def test_a_schedule_follows_an_updates_own_steps() -> None:
    text = CLASSIFIER.replace("batch: 8", "batch: 8\n  steps: 5").replace("  epochs: 3\n", "")
    one = loop(text + "  accumulate: 2\n  schedule: {linear: {}}\n")
    rates = []
    while one.turn < one.turns:
        rates.append(one.learners["train"].rate())
        one.next_turn()
    assert rates == pytest.approx([1e-2 * (1 - k / 5) for k in range(5)])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cosine", {"warmup": "long"}),
        ("cosine", {"final": -1}),
        ("step", {"every": True}),
        ("multi_step", {"at": 3}),
        ("linear", {"hold": [1]}),
        ("plateau", {"factor": 2}),
        ("one_cycle", {"warmup_share": 3}),
        ("one_cycle", {"start_factor": 0}),
    ],
)
def test_options_that_cannot_be_are_said(name: str, options: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=name) as caught:
        schedule(Choice(name, options), optimizer(), STEPS, EPOCH)
    assert caught.value.diagnostics[0].code == "E207"
