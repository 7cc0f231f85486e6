"""Settings of a `train:` section that would train something else than they say are errors."""

from __future__ import annotations

import pytest
from train.specs import PLAIN

from archc.pipeline import compile_text
from archc.train import check

ACCURACY = "metrics: {accuracy: [logits, label]}"
WRONG = {
    f"best: {{maximise: accuracy}}; {ACCURACY}": "E206: 'best' does not know 'maximise'",
    "best: err; metrics: {err: loss}": "E203: nothing says whether more of 'err' is better",
    f"best: acc; {ACCURACY}": "E204: 'best' asks for 'acc', which no evaluation tells",
    "clip: -1": "E207: the clip norm: expected a number above 0, found -1",
    "clip: {norm: big}": "E207: the clip norm: expected a number above 0, found 'big'",
    "metrics: {loss: {accuracy: [logits, label]}}": "E211: the loss is told as 'loss' already",
    "metrics: {accuracy: logits}": "E802: accuracy is told what it is measured of by a list",
    "metrics: {accuracy: [logits]}": "E802: accuracy is measured of two values, found 1",
    "epochs: 1; steps: 3": "E802: 'epochs' or 'steps' says how long it takes, not both",
    "phases: [{epochs: 1, steps: 3}]": "E802: 'epochs' or 'steps' says how long it takes, not both",
    "schedule: {step: {every: 0}}": "E207: the schedule step: every: expected more than 0, found 0",
    "schedule: {multi_step: {}}": "E207: the schedule multi_step: at: expected a list of the epochs",
    "schedule: {cosine: 500}": "E202: the schedule cosine takes options by their names",
    "schedule: {cosine: {warmup: 0.1}}": "E207: the schedule cosine: warmup: expected a whole numb",
    "schedule: {name: cosine, warmup: 3}": "E202: schedule: expected a name, or one name with its",
    "optimizer: {adam: {lr: fast}}": "E207: the optimiser adam: lr: expected a number, found 'fast'",
    "optimizer: {adam: {betas: [0.9]}}": "E207: the optimiser adam: betas: expected a list of 2",
    "optimizer: {adam: {amsgrad: 1}}": "E207: the optimiser adam: amsgrad: expected true or false",
    "epochs: .inf": "E202: a finite number is wanted, found inf",
    "phases: [{epochs: .nan}]": "E202: a finite number is wanted, found nan",
    "split: {val: .nan}": "E202: a finite number is wanted, found nan",
    "split: {val: 0}": "E202: split.val: expected more than 0, found 0",
    "split: {val: 1.0}": "E207: split.val: expected a share below 1 or a whole number, found 1.0",
    "split: {test: =3 / 2}": "E207: split.test: expected a share below 1 or a whole number, found",
    "split: {seed: -1}": "E202: split.seed: expected at least 0, found -1",
}


def found(settings: str) -> list[str]:
    lines = settings.split("; ")
    spec = PLAIN.replace("  optimizer: adam\n", "") if "optimizer" in settings else PLAIN
    program = compile_text(spec + "".join(f"  {line}\n" for line in lines))
    return [f"{one.code}: {one.message}" for one in check(program)]


@pytest.mark.parametrize("settings", WRONG)
def test_it_is_told(settings: str) -> None:
    (message,) = found(settings)
    assert message.startswith(WRONG[settings])


@pytest.mark.parametrize(
    "settings",
    ["optimizer: {adam: 0.01}", "metrics: {3: {mean: [logits]}}", f"best: accuracy; {ACCURACY}"],
)
def test_others_are_fine(settings: str) -> None:
    assert found(settings) == []


@pytest.mark.parametrize(("kind", "more"), [("mse", False), ("mae", False), ("psnr", True)])
def test_a_kind_of_metric_says_which_is_better(kind: str, more: bool) -> None:
    from archc.train import read

    text = f"  metrics: {{it: {{{kind}: [logits, logits]}}}}\n  best: it\n"
    assert read(compile_text(PLAIN + text)).best == ("it", more)
