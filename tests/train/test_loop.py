"""Turns of updates: who is changed by which, and that a training can stop anywhere and go on."""

from __future__ import annotations

import pytest
import torch
from train.specs import (
    ADVERSARIES,
    CLASSIFIER,
    assert_same,
    continued,
    data,
    finished,
    loop,
    made,
)

from archc.errors import CheckError, SpecError
from archc.pipeline import compile_text
from archc.train import Moment, join, read
from archc.train.moment import at
from archc_train.average import averaged
from archc_train.trainee import Trainee


def test_a_training_learns() -> None:
    one = loop(CLASSIFIER.replace("epochs: 3", "epochs: 40"))
    first = one.next_turn()["train"]["loss"]
    while one.turn < one.turns:
        last = one.next_turn()["train"]["loss"]
    assert last < 0.7 * first


EVERYTHING = """
archc: 1
name: gan
models:
  generator:
    inputs: {z: [N, 3]}
    graph: [{linear: 8, name: fc}, {batch_norm, name: norm}, relu, {dropout: 0.1}, {linear: 4, name: out}]
  judge:
    inputs: {x: [N, 4]}
    graph: [{linear: 8, name: fc}, leaky_relu, {dropout: 0.1}, {linear: 1, name: out}]
train:
  data: none
  batch: 4
  steps: 9
  feed: {z: {normal: [N, 3]}}
  average: 0.9
  clip: 1.0
  updates:
    - name: judge
      model: judge
      repeat: 2
      graph:
        - {generator: [z], name: fake, detach: true}
        - {image_pool: 6, name: older}
        - {judge: [older]}
        - {adversarial: {kind: hinge, role: fake}, name: f}
        - {judge: [x]}
        - {adversarial: {kind: hinge, role: real}, name: r}
      loss: {f: 1, r: "=min(1, 0.5 + epoch)"}
      optimizer: {adam: {lr: 1.0e-3, betas: [0.0, 0.9]}}
      schedule: {one_cycle: {}}
    - name: generator
      model: generator
      every: 2
      accumulate: 2
      graph: [{generator: [z]}, {judge: [prev]}, {adversarial: {kind: hinge, role: generator}, name: g}]
      loss: {g: 1}
      optimizer: {rmsprop: {lr: 1.0e-3, momentum: 0.5}}
      schedule: {cosine: {warmup: 1}}
"""


@pytest.mark.parametrize("after", [1, 2, 5])
@pytest.mark.parametrize(
    "text", [CLASSIFIER, ADVERSARIES, EVERYTHING], ids=["one update", "two updates", "everything"]
)
def test_going_on_gives_the_same_weights_to_the_bit(text: str, after: int) -> None:
    whole = finished(loop(text))
    assert_same(whole, continued(text, after))


def test_updates_are_made_as_often_as_they_say() -> None:
    one = finished(loop(EVERYTHING))
    assert one.learners["judge"].done == one.learners["judge"].steps == 18
    assert one.learners["generator"].done == one.learners["generator"].steps == 5
    assert one.drawn == 9 * 2 + 5  # the generator takes the judge's last batch, and one more
    assert one.turns_per_epoch == int(10 / 2.5)


def test_an_update_changes_its_own_models_alone() -> None:
    one = loop(ADVERSARIES)
    before = {name: value.clone() for name, value in one.trainee.shared.items()}
    learner = one.learners["critic"]
    one.next_turn()
    assert learner.done == 2
    assert one.learners["generator"].done == 1
    changed = {n for n, v in one.trainee.shared.items() if not torch.equal(v, before[n])}
    assert changed == set(before) - {"critic.out.bias"}  # it moves both scores alike
    assert one.drawn == 2  # the generator uses the critic's last batch


def test_gradients_of_other_models_are_not_taken() -> None:
    one = loop(ADVERSARIES)
    one.next_turn()
    assert all(p.grad is None for p in one.learners["critic"].parameters.values())


def test_averages_follow_weights_and_statistics() -> None:
    text = CLASSIFIER + "  average: 0.5\n"
    one = loop(text)
    learner = one.learners["train"]
    expected = {name: value.clone() for name, value in learner.average.tensors.items()}
    assert {"norm.running_mean", "norm.running_var", "fc.weight"} <= set(expected)
    for done in (1, 2, 3):
        one.next_turn()
        decay = min(0.5, (1 + done) / (10 + done))
        for name, value in learner.average.tensors.items():
            if value.is_floating_point():
                expected[name] = expected[name] * decay + value.detach() * (1 - decay)
    for name, value in expected.items():
        if value.is_floating_point():
            assert torch.allclose(learner.average.values[name], value, atol=1e-6), name


def test_averages_stand_in_for_the_weights_and_leave_them_as_they_were() -> None:
    one = loop(ADVERSARIES)
    one.next_turn()
    learner = one.learners["generator"]
    own = {name: value.clone() for name, value in learner.parameters.items()}
    with averaged([learner.average, one.learners["critic"].average]):
        for name, value in learner.parameters.items():
            assert torch.equal(value, learner.average.values[name])
    assert all(torch.equal(value, own[name]) for name, value in learner.parameters.items())


def test_frozen_weights_stay_and_get_no_gradient() -> None:
    text = CLASSIFIER.replace("name: fc}", "name: fc, freeze: true}")
    one = loop(text)
    before = {name: value.clone() for name, value in one.trainee.shared.items()}
    one.next_turn()
    changed = {n for n, v in one.trainee.shared.items() if not torch.equal(v, before[n])}
    assert {"net.fc.weight", "net.fc.bias"}.isdisjoint(changed)
    assert "net.head.weight" in changed
    assert not one.trainee.shared["net.fc.weight"].requires_grad


def test_a_loss_that_is_not_finite_says_where() -> None:
    one = loop(CLASSIFIER.replace("lr: 1.0e-2", "lr: 1.0e+30"))
    with pytest.raises(CheckError, match="not finite at step") as caught:
        finished(one)
    (found,) = caught.value.diagnostics
    assert found.code == "E810"
    assert any("first output" in note or "weight" in note for note in found.notes)


def test_the_first_module_whose_output_was_not_finite_is_named() -> None:
    one = loop(CLASSIFIER)
    one.next_turn()
    one.network.train()
    values = one.draw()
    with torch.no_grad():
        one.trainee.shared["net.head.bias"].fill_(3e38)
        one.trainee.shared["net.head.weight"].fill_(3e38)
    with pytest.raises(CheckError) as caught:
        one.backward(one.learners["train"], values)
    (found,) = caught.value.diagnostics
    assert found.notes == (
        "of its terms, loss",
        "the first output that was not finite is that of head (Linear)",
    )


def test_the_data_that_is_not_finite_is_named() -> None:
    one = loop(CLASSIFIER)
    values = one.draw()
    values["x"] = values["x"].clone().fill_(float("nan"))
    with pytest.raises(CheckError) as caught:
        one.backward(one.learners["train"], values)
    assert caught.value.diagnostics[0].notes[-1] == "what is fed as x is not finite"


def test_where_looking_costs_time_a_sum_is_looked_at_later() -> None:
    one = loop(CLASSIFIER.replace("lr: 1.0e-2", "lr: 1.0e+30"))
    one.careful = False
    for _ in range(5):
        one.next_turn()
    assert one.watch.wrong() == ["train"]
    assert one.watch.wrong() == []
    two = loop(CLASSIFIER)
    two.careful = False
    two.next_turn()
    assert two.watch.wrong() == []


@pytest.mark.filterwarnings("ignore")  # torch's own, of other versions of what it imports
@pytest.mark.parametrize("text", [CLASSIFIER, ADVERSARIES])
def test_compiled_networks_train_alike(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backends = []
    compile = Trainee.compiled
    monkeypatch.setattr(
        Trainee, "compiled", lambda self: backends.append(1) or compile(self, backend="eager")
    )
    plain = loop(text)
    plain.next_turn(), plain.next_turn()
    quick = loop(text + "  compile: true\n")
    assert backends == [1]
    assert all(one._compiled_call_impl is not None for one in quick.trainee.updates.values())
    quick.next_turn(), quick.next_turn()
    for name, value in plain.trainee.shared.items():
        assert torch.allclose(value, quick.trainee.shared[name], atol=1e-5), name


def test_weights_of_terms_follow_the_clock() -> None:
    _, training, _ = made(ADVERSARIES)
    weight = training.updates[0].loss["penalty"]
    assert [at(weight, Moment(step, 0.0, 0.0)) for step in (0, 3, 100)] == [5.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("optimizer: {adamw: {lr: 1.0e-2}}", "optimizer: {adamv: {lr: 1.0e-2}}", "E204"),
        ("optimizer: {adamw: {lr: 1.0e-2}}", "optimizer: {adamw: {rate: 1.0e-2}}", "E206"),
        ("loss: {cross_entropy: [logits, label]}", "loss: {cross_entropy: [logits, labels]}", "E210"),
        ("inputs: {x: [N, 4]}", "inputs: {y: [N, 4]}", "E804"),
        ("batch: 8", "batches: 8", "E201"),
        ("cross_entropy: [", "cross_entropy: {reduction: none}, in: [", "E803"),
        ("lr: 1.0e-2", "lr: =rate", "E215"),
    ],
)  # fmt: skip
def test_wrong_sections_say_what_is_wrong(old: str, new: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        loop(CLASSIFIER.replace(old, new))
    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].place is not None


def test_the_data_need_not_have_the_models_size() -> None:
    program = compile_text(CLASSIFIER.replace("[N, 4]", "[N, 5]"))
    with pytest.raises(SpecError, match="does not fit"):
        join(program, read(program), data().types)
