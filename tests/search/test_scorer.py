"""What candidates are scored by: training in rungs, inherited weights, scores, the clock."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import archc_search.clocked as clocked_module
import archc_search.trained as trained_module
from archc.errors import ArchcError
from archc.search import statics
from archc.search.candidate import Candidate
from archc.search.edit import Edit
from archc.search.section import Evaluation, Limit, Objective, Search
from archc.search.trial import Task
from archc_search import evaluator
from archc_search.clocked import clocked
from archc_search.scores import SCORES, first_batch, scored
from archc_search.trained import Trainer

SPEC = """\
archc: 1
name: net
params: {out: 4, lr: 0.003}
inputs: {image: [N, 1, 8, 8]}
graph:
  - {conv2d: {out: =out, kernel: 3}, name: conv}
  - {batch_norm, name: norm}
  - relu
  - flatten
  - {linear: 10, name: head}
outputs: {logits: prev}
train:
  data: {digits: {normalize: true}}
  batch: 128
  epochs: 3
  loss: {cross_entropy: [logits, label]}
  optimizer: {adam: {lr: =lr}}
  schedule: cosine
  metrics: {accuracy: [logits, label]}
"""
LINEAR = """\
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: {out: 10, bias: false}, name: head}]
outputs: {logits: prev}
train: {data: digits, batch: 32, loss: {cross_entropy: [logits, label]}, optimizer: sgd}
"""
ACCURATE = (Objective("accuracy", True),)


def read(text: str, folder: Path) -> Candidate:
    return Candidate.read(text, folder / "net.yaml")


def task(folder: Path, number: int, rung: int = 0, *parents: int) -> Task:
    trials = folder / "trials"
    return Task(
        number, trials / f"{number:04}", rung, tuple(trials / f"{one:04}" for one in parents)
    )


SHARED = (
    SPEC.replace("params: {out: 4,", "params: {share: 1.0, out: 4,").replace(
        "data: {digits: {normalize: true}}", "data: mine"
    )
    + """\
data: {mine: {digits: {range: [0, =share]}}}
"""
)


def test_each_candidate_is_trained_on_its_own_data(tmp_path: Path) -> None:
    whole = read(SHARED, tmp_path)
    part = whole.with_values({"share": 0.1})
    search = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1,)))
    evaluate = evaluator(search, whole, {})
    found = [evaluate(one, task(tmp_path, k))["accuracy"] for k, one in enumerate((whole, part))]
    alone = evaluator(search, part, {})(part, task(tmp_path, 2))["accuracy"]
    assert found[0] > found[1] == alone


UPDATES = """\
  updates:
    - name: fit
      model: net
      graph:
        - {net: [image], name: y}
        - {mul: [y, alpha], name: scaled}
        - {cross_entropy: [scaled, label], name: cost}
      loss: {cost: 1}
      optimizer: {adam: {lr: =lr}}
  feed: {alpha: "=min(1, 1 - progress)"}
"""


@pytest.mark.parametrize("name", sorted(SCORES))
def test_a_score_is_of_what_updates_are_fed(name: str, tmp_path: Path) -> None:
    """Numbers that change with time, too."""
    head, _, _ = SPEC.partition("  loss:")
    candidate = read(head + UPDATES, tmp_path)
    evaluate = evaluator(Search((), None, (Objective(name, True),)), candidate, {})
    assert math.isfinite(evaluate(candidate, task(tmp_path, 0))[name])


def test_a_loss_that_is_called_cost_is_not_what_a_trial_costs(tmp_path: Path) -> None:
    head, _, _ = SPEC.partition("  loss:")
    candidate = read(head + UPDATES + "  metrics: {worth: fit.cost}\n", tmp_path)
    worth = (Objective("worth", False),)
    search = Search((), None, worth, evaluation=Evaluation(epochs=(1,)))
    found = evaluator(search, candidate, {})(candidate, task(tmp_path, 0))
    assert "worth" in found and "cost" not in found


def test_a_search_s_seed_leaves_the_parts_of_the_data_as_they_are(tmp_path: Path) -> None:
    """They are those on which what was found is trained in full."""
    candidate = read(SPEC, tmp_path)
    parts = [
        Trainer(Evaluation(), seed, candidate).begun(candidate, task(tmp_path, 0))
        for seed in (0, 5)
    ]
    assert [one.training.seed for one in parts] == [0, 5]
    labels = [one.data.val.batch(torch.arange(50))["label"] for one in parts]
    assert torch.equal(*labels)


@pytest.mark.parametrize("name", sorted(SCORES))
def test_a_score_does_not_depend_on_what_was_before(name: str, tmp_path: Path) -> None:
    """Neither by what dropout draws nor by what augmentation does."""
    text = SPEC.replace("  - flatten\n", "  - {dropout: 0.5}\n  - flatten\n")
    text += "  augment: [{random_crop: {size: [8, 8], padding: 2}}]\n"
    candidate = read(text, tmp_path)
    search = Search((), None, (Objective(name, True),))
    trainer = Trainer(search.evaluation, 0, candidate)
    begun = trainer.begun(candidate, task(tmp_path, 0))
    first = scored([name], begun)
    torch.rand(7)
    state = torch.random.get_rng_state()
    assert scored(sorted(SCORES), begun)[name] == first[name]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_rungs_come_to_what_one_training_does(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    rungs = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1, 2, 3)))
    whole = replace(rungs, evaluation=Evaluation(epochs=(3,)))
    evaluate = evaluator(rungs, candidate, {})
    steps = [evaluate(candidate, task(tmp_path, 0, rung)) for rung in range(3)]
    at_once = evaluator(whole, candidate, {})(candidate, task(tmp_path, 1))
    assert steps[2] == at_once
    assert steps[0]["accuracy"] < steps[2]["accuracy"] > 0.8


IMPORTED = """
import sys
from pathlib import Path
from archc.search.candidate import Candidate
from archc.search.section import Evaluation, Objective, Search
from archc.search.trial import Task
from archc_search import evaluator

folder = Path(sys.argv[1])
candidate = Candidate.read((folder / "net.yaml").read_text(), folder / "net.yaml")
search = Search((), None, (Objective("accuracy", True),), evaluation=Evaluation(epochs=(1,)))
evaluate = evaluator(search, candidate, {})
before = set(sys.modules)
evaluate(candidate, Task(0, folder / "trials"))
print(len(set(sys.modules) - before))
"""


def test_what_has_to_be_imported_is_so_before_the_first_candidate(tmp_path: Path) -> None:
    """Its time-out is its own: torchmetrics alone imports for seconds when it is first asked."""
    (tmp_path / "net.yaml").write_text(SPEC)
    command = [sys.executable, "-c", IMPORTED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20


def test_a_spec_that_there_is_no_room_for_has_smaller_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(trained_module, "evaluate", full)
        scorer = evaluator(Search((), None, ACCURATE), read(SPEC, tmp_path), {})
    assert "the spec itself cannot be evaluated: no room" in caplog.text
    assert scorer(read(SPEC, tmp_path), task(tmp_path, 0))["accuracy"] > 0


def test_a_rung_that_is_made_again_gives_the_same(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    search = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1, 3)))
    first = evaluator(search, candidate, {})(candidate, task(tmp_path, 0))
    assert evaluator(search, candidate, {})(candidate, task(tmp_path, 0)) == first


def test_children_begin_as_their_parents_ended(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    search = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1, 2), inherit=True))
    evaluate = evaluator(search, candidate, {})
    evaluate(candidate, task(tmp_path, 0))
    parent = evaluate(candidate, task(tmp_path, 0, 1))
    trainer = Trainer(search.evaluation, 0, candidate)
    wider = candidate.with_values({"out": 6})
    larger = candidate.with_edits(
        [Edit("put", ("graph", 0), {"conv2d": {"out": "=out", "kernel": 5, "padding": 1},
                                    "name": "conv"})]
    )  # fmt: skip
    for child in (wider, larger):
        begun = trainer.begun(child, task(tmp_path, 1, 0, 0))
        assert begun.gap is not None and begun.gap <= 1e-5
    found = evaluate(wider, task(tmp_path, 2, 0, 0))
    assert found["inherited_gap"] <= 1e-5
    last = evaluate(wider, task(tmp_path, 2, 1, 0))
    assert last["inherited_gap"] == found["inherited_gap"]
    assert evaluate(wider, task(tmp_path, 2, 1, 0)) == last  # from its first rung on once more
    assert found["accuracy"] > parent["accuracy"] - 0.05
    assert "inherited_gap" not in evaluate(wider, task(tmp_path, 3))  # it has no parent


def test_a_child_may_need_larger_inputs_than_its_parent(tmp_path: Path) -> None:
    text = SPEC.replace("[N, 1, 8, 8]", "[N, 1, H, W]").replace("- flatten", "- global_avg_pool")
    text = text.replace("kernel: 3", "kernel: =kernel").replace("{out: 4,", "{kernel: 3, out: 4,")
    candidate = read(text, tmp_path)
    search = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1,), inherit=True))
    evaluate = evaluator(search, candidate, {})
    evaluate(candidate, task(tmp_path, 0))
    child = candidate.with_values({"kernel": 5})
    assert evaluate(child, task(tmp_path, 1, 0, 0))["inherited_gap"] > 0


def test_children_begin_with_the_average_that_their_parent_was_measured_by(tmp_path: Path) -> None:
    candidate = read(f"{SPEC}  average: 0.9\n", tmp_path)
    search = Search((), None, ACCURATE, evaluation=Evaluation(epochs=(1,), inherit=True))
    found = evaluator(search, candidate, {})(candidate, task(tmp_path, 0))
    trainer = Trainer(search.evaluation, 0, candidate)
    begun = trainer.begun(candidate, task(tmp_path, 1, 0, 0))
    first = trainer.measured(begun, trainer.loop(begun))
    assert first["accuracy"] == found["accuracy"] and first["loss"] == found["loss"]


def test_scores_at_first_weights_are_not_those_of_inherited_ones(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    sought = (*ACCURATE, Objective("synflow", True))
    search = Search((), None, sought, evaluation=Evaluation(epochs=(1,), inherit=True))
    evaluate = evaluator(search, candidate, {})
    first = evaluate(candidate, task(tmp_path, 0))
    child = evaluate(candidate, task(tmp_path, 1, 0, 0))
    assert child["synflow"] == first["synflow"]
    assert child["accuracy"] > first["accuracy"]


def test_a_training_that_runs_away_is_a_failure(tmp_path: Path) -> None:
    candidate = read(SPEC.replace("adam", "sgd"), tmp_path).with_values({"lr": 1e38})
    evaluate = evaluator(Search((), None, ACCURATE), candidate, {})
    with pytest.raises(ArchcError, match="finite"):
        evaluate(candidate, task(tmp_path, 0))


def test_what_is_beyond_a_limit_is_not_trained(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    search = Search((), None, ACCURATE, limits=(Limit("latency_ms", most=1e-9),))
    found = evaluator(search, candidate, {})(candidate, task(tmp_path, 0))
    assert found.keys() == {"latency_ms"}


# ---- training-free scores


def test_scores_of_a_linear_network_are_their_formulas(tmp_path: Path) -> None:
    candidate = read(LINEAR, tmp_path)
    begun = Trainer(Evaluation(), 0, candidate).begun(candidate, task(tmp_path, 0))
    before = {name: value.clone() for name, value in begun.trainee.state_dict().items()}
    found = scored(list(SCORES), begun)
    weight = begun.trainee.weights()["head.weight"]
    assert found["synflow"] == pytest.approx(math.log(weight.abs().sum()), rel=1e-6)
    batch = first_batch(begun)
    x, label = batch["image"].flatten(1), batch["label"]
    chances = torch.softmax(x @ weight.T, 1) - torch.nn.functional.one_hot(label, 10)
    assert found["grad_norm"] == pytest.approx(float((chances.T @ x / 32).norm()), rel=1e-5)
    after = begun.trainee.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(one.grad is None for one in begun.trainee.parameters())


def test_the_search_knows_what_needs_no_training() -> None:
    assert list(SCORES) == list(statics.SCORES)


def test_naswot_counts_where_rectifiers_agree(tmp_path: Path) -> None:
    candidate = read(SPEC, tmp_path)
    begun = Trainer(Evaluation(), 0, candidate).begun(candidate, task(tmp_path, 0))
    found = scored(["naswot"], begun)["naswot"]
    batch = first_batch(begun)
    weights = {name: torch.tensor(value.numpy()) for name, value in begun.trainee.weights().items()}
    x = torch.nn.functional.conv2d(batch["image"], weights["conv.weight"], weights["conv.bias"])
    on = (x / math.sqrt(1 + 1e-5)).flatten(1).numpy() > 0
    kernel = np.array([[np.sum(one == other) for other in on] for one in on], np.float64)
    assert found == pytest.approx(np.linalg.slogdet(kernel + 1e-6 * np.eye(len(on)))[1], rel=1e-3)


# ---- the clock


def test_a_network_is_measured_once_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = read(LINEAR, tmp_path)
    found = clocked(candidate, task(tmp_path, 0), 1)
    assert 0 < found["latency_ms"] < 1000 and found["memory_mb"] >= 0
    [kept] = (tmp_path / "measured").iterdir()
    assert json.loads(kept.read_text())["values"] == found
    monkeypatch.setattr(clocked_module, "measured", None)
    assert clocked(candidate, task(tmp_path, 7), 1) == found
    with pytest.raises(TypeError):  # other threads are another measurement
        clocked(candidate, task(tmp_path, 8), 2)
