"""Every optimiser of torch.optim by its name, and which weights it moves how."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from train.specs import ADVERSARIES, CLASSIFIER, assert_same, continued, finished, loop

from archc.errors import SpecError
from archc.spec.training import OPTIMIZERS
from archc.train.section import Choice
from archc_train.optimizers import known, optimizers

OWN = {
    "muon": "{muon: {lr: 0.02, others: {adamw: {lr: 3.0e-3}}}}",
    "lbfgs": "{lbfgs: {max_iter: 3}}",
}


def classifier(optimizer: str, more: str = "") -> str:
    return CLASSIFIER.replace("{adamw: {lr: 1.0e-2}}", optimizer + more)


def weights() -> dict[str, nn.Parameter]:
    shapes = {
        "stem.weight": (4, 3), "stem.bias": (4,), "norm.weight": (4,), "norm.bias": (4,),
        "head.weight": (2, 4), "head.bias": (2,),
    }  # fmt: skip
    return {name: nn.Parameter(torch.ones(shape)) for name, shape in shapes.items()}


def groups(choice: Choice) -> list[dict]:
    """The groups of the only optimiser, with names in place of weights."""
    parameters = weights()
    names = {id(value): name for name, value in parameters.items()}
    (made,) = optimizers(choice, parameters)
    return [{**g, "params": [names[id(p)] for p in g["params"]]} for g in made.param_groups]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_trains_and_goes_on_to_the_bit(name: str) -> None:
    text = classifier(OWN.get(name, name)).replace("epochs: 3", "steps: 4")
    whole = loop(text)
    before = {key: value.clone() for key, value in whole.trainee.shared.items()}
    finished(whole)
    moved = [key for key in before if not torch.equal(before[key], whole.trainee.shared[key])]
    assert {"net.fc.weight", "net.head.weight", "net.head.bias"} <= set(moved)
    assert_same(whole, continued(text, after=2))


def test_names_are_torchs() -> None:
    assert known()["adamw"] is torch.optim.AdamW
    assert known()["lbfgs"] is torch.optim.LBFGS


def test_options_are_torchs() -> None:
    (group,) = groups(Choice("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}))
    assert (group["momentum"], group["nesterov"]) == (0.9, True)


def test_weight_decay_leaves_out_norms_and_biases_on_request() -> None:
    decayed, exempt = groups(Choice("adamw", {"weight_decay": 0.1, "exempt": True}))
    assert decayed["params"] == ["stem.weight", "head.weight"]
    assert decayed["weight_decay"] == 0.1
    assert exempt["weight_decay"] == 0.0
    (all_of_them,) = groups(Choice("adamw", {"weight_decay": 0.1}))
    assert len(all_of_them["params"]) == 6


def test_groups_are_chosen_by_patterns_and_the_first_match_counts() -> None:
    rules = [{"match": ["head.*", "none.*"], "lr": 1.0}, {"match": "*.bias", "lr": 2.0}]
    found = groups(Choice("sgd", {"lr": 0.5, "momentum": 0.9, "groups": rules}))
    assert [(g["lr"], g["params"]) for g in found] == [
        (0.5, ["stem.weight", "norm.weight"]),
        (1.0, ["head.weight", "head.bias"]),
        (2.0, ["stem.bias", "norm.bias"]),
    ]
    assert all(g["momentum"] == 0.9 for g in found)


def test_what_muon_cannot_move_is_moved_by_another() -> None:
    options = {"lr": 0.02, "others": {"adamw": {"lr": 1e-3, "match": "head.*"}}}
    muon, adamw = optimizers(Choice("muon", options), weights())
    assert isinstance(muon, torch.optim.Muon)
    assert isinstance(adamw, torch.optim.AdamW)
    assert [len(one.param_groups[0]["params"]) for one in (muon, adamw)] == [1, 5]


@pytest.mark.parametrize(
    ("name", "options", "code", "says"),
    [
        ("muon", {}, "E207", "others"),
        ("adamv", {}, "E204", "adam"),
        ("adam", {"rate": 0.1}, "E206", "no option 'rate'"),
        ("adam", {"lr": -1.0}, "E207", "learning rate"),
        ("adam", {"lr": "fast"}, "E207", "adam"),
        ("adam", {"groups": [{"lr": 0.1}]}, "E203", "match"),
        ("adam", {"groups": [{"match": "haed.*", "lr": 0.1}]}, "E805", "haed"),
        ("adam", {"groups": [{"match": "head.*", "lr": -0.1}]}, "E207", "learning rate"),
        ("adam", {"groups": [{"match": "head.*", "momentum": 1}]}, "E206", "momentum"),
        ("adam", {"groups": "head"}, "E207", "list"),
        ("adam", {"exempt": 1}, "E207", "true or false"),
        ("rprop", {"exempt": True}, "E206", "weight decay"),
        ("lbfgs", {"groups": [{"match": "head.*", "lr": 0.1}]}, "E207", "per-parameter"),
        ("muon", {"others": {}}, "E207", "one optimiser"),
        ("muon", {"others": {"adam": {"others": "sgd"}}}, "E206", "others"),
    ],
)
def test_what_cannot_be_is_said(name: str, options: dict, code: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        optimizers(Choice(name, options), weights())
    assert caught.value.diagnostics[0].code == code
    assert says.lower() in str(caught.value).lower()


def test_lbfgs_evaluates_the_loss_several_times_in_a_step() -> None:
    one = loop(classifier("{lbfgs: {max_iter: 5}}").replace("{dropout: 0.2}, ", ""))
    calls = []
    backward = one.backward
    one.backward = lambda learner, values: calls.append(1) or backward(learner, values)
    one.next_turn()
    assert len(calls) > 2
    assert one.learners["train"].done == one.drawn == 1


@pytest.mark.parametrize("more", ["\n  accumulate: 2", ""])
def test_lbfgs_says_what_it_cannot_do(more: str) -> None:
    choice = "lbfgs" if more else "{lbfgs: {others: adam}}"
    with pytest.raises(SpecError, match="asks for the loss several times"):
        loop(classifier(choice, more))


def test_accumulated_batches_make_one_step_of_their_mean() -> None:
    plain = CLASSIFIER.replace("{batch_norm, name: norm}, relu, {dropout: 0.2}, ", "relu, ")
    plain = plain.replace("{adamw: {lr: 1.0e-2}}", "{sgd: {lr: 0.1}}")
    whole = loop(plain.replace("batch: 8", "batch: 20"))
    parts = loop(plain.replace("batch: 8", "batch: 10\n  accumulate: 2"))
    whole.next_turn()
    parts.next_turn()
    assert parts.drawn == 2
    assert parts.turns_per_epoch == whole.turns_per_epoch == 2
    for name, value in whole.trainee.shared.items():
        assert torch.allclose(value, parts.trainee.shared[name], atol=1e-6), name


def gradients(text: str) -> torch.Tensor:
    """All gradients as an optimiser sees them at the first step."""
    one = loop(text)
    seen = []
    (optimizer,) = one.learners["train"].optimizers
    optimizer.register_step_pre_hook(
        lambda optimizer, args, kwargs: seen.append(
            torch.cat([p.grad.flatten() for g in optimizer.param_groups for p in g["params"]])
        )
    )
    one.next_turn()
    return seen[0]


def test_gradients_are_clipped_by_norm_or_by_value() -> None:
    free = gradients(CLASSIFIER)
    assert free.norm() > 0.1 > 0.01
    by_norm = gradients(CLASSIFIER + "  clip: 0.1\n")
    assert by_norm.norm() == pytest.approx(0.1, rel=1e-4)
    assert torch.allclose(by_norm / by_norm.norm(), free / free.norm(), atol=1e-4)
    assert torch.equal(by_norm, gradients(CLASSIFIER + "  clip: {norm: 0.1}\n"))
    by_value = gradients(CLASSIFIER + "  clip: {value: 0.01}\n")
    assert torch.equal(by_value, free.clamp(-0.01, 0.01))


def test_weights_are_clipped() -> None:
    one = loop(ADVERSARIES.replace("      repeat: 2", "      repeat: 2\n      clip_weights: 0.05"))
    one.next_turn()
    assert all(p.abs().max() <= 0.05 for p in one.learners["critic"].parameters.values())
    assert any(p.abs().max() > 0.05 for p in one.learners["generator"].parameters.values())
