"""Losses of extreme numbers, and what only updates have: draws, pools, gradients as values."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import grad
from train.specs import data

import archc_torch
from archc.errors import SpecError
from archc.ir.dims import symbol
from archc.ir.types import TensorType
from archc.pipeline import compile_text
from archc.train import Graphs, join, read
from archc_train.device import Device
from archc_train.loop import Loop
from archc_train.trainee import Trainee

NET = """
archc: 1
name: net
params: {latent: 3, sizes: [2, 5]}
models:
  generator:
    inputs: {z: [N, =latent]}
    graph: [{linear: 4, name: fc}]
  critic:
    inputs: {x: [N, 4], alpha: {shape: [], optional: true}}
    graph:
      - {linear: 8, name: fc}
      - tanh
      - {linear: 1, name: out}
      - {mul: [prev, alpha], when: =given(alpha)}
train:
  data: none
  feed: FEED
  optimizer: {sgd: {lr: 0.1}}
  updates:
    - name: step
      model: critic
      graph: GRAPH
      loss: LOSS
"""


def joined(graph: str, loss: str = "{y: 1}", feed: str = "{z: {normal: [N, =latent]}}") -> Graphs:
    """An update of these steps, over points x [N, 4] and their labels."""
    text = NET.replace("GRAPH", graph).replace("LOSS", loss).replace("FEED", feed)
    program = compile_text(text)
    return join(program, read(program), data().types)


def network(graphs: Graphs) -> Any:
    return archc_torch.module(graphs.program, model="step_update", seed=0)


def module(step: str, **inputs: str) -> Any:
    """A step by itself as a module."""
    given = ", ".join(f"{name}: {shape}" for name, shape in inputs.items())
    names = ", ".join(inputs)
    text = f"archc: 1\ninputs: {{{given}}}\ngraph: [{{{step}, in: [{names}]}}]\n"
    return archc_torch.module(compile_text(text))


# ---- losses


@pytest.mark.parametrize("far", [1e2, 1e4, 1e30])
def test_losses_of_extreme_scores_are_finite_and_have_gradients(far: float) -> None:
    x = torch.tensor([-far, far, 0.0, far], requires_grad=True)
    yes = torch.tensor([1.0, 0.0, 1.0, 1.0])
    loss = module("binary_cross_entropy_with_logits: {reduction: none}", x="[N]", t="[N]")(x, yes)
    torch.testing.assert_close(loss.detach(), torch.tensor([far, far, math.log(2), 0.0]))
    torch.testing.assert_close(grad(loss.sum(), x)[0], torch.tensor([-1.0, 1.0, -0.5, 0.0]))
    for kind in ("minimax", "non_saturating", "hinge", "wasserstein"):
        for role in ("real", "fake", "generator"):
            value = module(f"adversarial: {{kind: {kind}, role: {role}}}", d="[N]")(x)
            assert torch.isfinite(value) and torch.isfinite(grad(value, x)[0]).all()


def test_cross_entropy_of_extreme_logits_is_finite() -> None:
    x = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = module("cross_entropy: {smoothing: 0.1}", x="[N, 3]", t="{shape: [N], dtype: int64}")
    value = loss(x, torch.tensor([1]))
    assert torch.isfinite(value) and torch.isfinite(grad(value, x)[0]).all()


def test_positions_that_are_ignored_have_no_gradient() -> None:
    x = torch.randn(2, 3, 5, requires_grad=True)
    classes = torch.tensor([[1, 0, 2], [0, 0, 4]])
    loss = module("cross_entropy: {ignore: 0}", x="[N, T, 5]", t="{shape: [N, T], dtype: int64}")
    value = loss(x, classes)
    slope = grad(value, x)[0]
    assert (slope[classes == 0] == 0).all() and (slope[classes != 0] != 0).any()
    kept = [-x.log_softmax(-1)[n, t, classes[n, t]] for n, t in ((0, 0), (0, 2), (1, 2))]
    torch.testing.assert_close(value, torch.stack(kept).mean())


def test_a_divergence_of_narrow_and_wide_distributions_is_exact() -> None:
    kl = module(
        "gaussian_kl: {reduction: none}", mean="[N]", log_var="[N]", mean2="[N]", log_var2="[N]"
    )
    large = torch.tensor([100.0, -100.0, 0.0])
    same = kl(torch.ones(3), large, torch.ones(3), large)
    torch.testing.assert_close(same, torch.zeros(3))


def test_a_distance_of_nothing_has_a_finite_gradient() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    value = module("cosine_distance", x="[N, 3]", y="[N, 3]")(x, torch.ones(2, 3))
    assert value == 1
    assert torch.isfinite(grad(value, x)[0]).all()


def test_a_penalty_on_weights_by_pattern_is_part_of_a_loss() -> None:
    graphs = joined("[{penalty: l2, in: critic.*.weight, name: y}]", feed="{}")
    step = network(graphs)
    weights = [value for name, value in step.named_parameters() if name.endswith("weight")]
    torch.testing.assert_close(step(), sum(value.square().sum() for value in weights))
    assert len(weights) == 2


# ---- gradients as values


def by_hand(score: Any, at: Tensor, target: float) -> Tensor:
    at = at.detach().requires_grad_()
    (slope,) = grad(score(at).sum(), at, create_graph=True)
    return (slope.norm(dim=1) - target).square().mean()


def test_r1_is_the_squared_slope_at_real_data() -> None:
    graph = "[{gradient_penalty: {model: critic, target: 0}, in: [x], name: y}]"
    step = network(joined(graph, feed="{}"))
    x = torch.randn(6, 4)
    value, wanted = step(x), by_hand(step.critic, x, 0.0)
    torch.testing.assert_close(value, wanted)
    weight = step.critic.fc.weight
    torch.testing.assert_close(grad(value, weight)[0], grad(wanted, weight)[0])


def test_the_penalty_is_taken_between_real_and_made_data() -> None:
    graph = "[{generator: [z], name: m}, {gradient_penalty: {model: critic}, in: [x, m], name: y}]"
    step = network(joined(graph))
    x = torch.randn(6, 4)
    torch.manual_seed(3)
    value = step(x)
    torch.manual_seed(3)
    made, share = step.generator(torch.randn(6, 3)), torch.rand(6, 1)
    torch.testing.assert_close(value, by_hand(step.critic, x + share * (made - x), 1.0))


def test_further_inputs_of_a_judge_go_by_their_names() -> None:
    graph = "[{gradient_penalty: {model: critic, target: 0}, in: {real: x, alpha}, name: y}]"
    step = network(joined(graph, feed="{alpha: 0.5}"))
    x, alpha = torch.randn(6, 4), torch.tensor(0.5)
    torch.testing.assert_close(step(x, alpha), by_hand(lambda at: step.critic(at, alpha), x, 0.0))


def test_a_detached_step_passes_no_gradient_on() -> None:
    graph = (
        "[{generator: [z], name: m, detach: true}, {critic: [m], name: s}, {mean: [s], name: y}]"
    )
    step = network(joined(graph))
    N = data().types["x"].symbols
    step(*[torch.randn(6, 4)] * len(step.archc_inputs)).backward()
    assert N and step.critic.fc.weight.grad is not None
    assert step.generator.fc.weight.grad is None


# ---- feeds


def test_every_kind_of_feed_is_drawn() -> None:
    feed = (
        "{a: {uniform: {shape: [N, 500], low: -1, high: 3}}, b: {integers: {shape: [900], low: 1, "
        "high: 3}}, c: {ones: [2]}, d: {bernoulli: {shape: [1000], probability: 0.25}}, "
        "e: {normal: {shape: [1000], mean: 5.0, deviation: 0.1}}, f: 0.5}"
    )
    names = ", ".join(f"{{identity: [{name}], name: o{name}}}" for name in "abcdef")
    graph = f"[{{critic: [x], name: s}}, {{mean: [s], name: y}}, {names}]"
    text = NET.replace("GRAPH", graph).replace("LOSS", "{y: 1}").replace("FEED", feed)
    metrics = ", ".join(f"m{name}: step.o{name}" for name in "abcdef")
    program = compile_text(text + f"  metrics: {{{metrics}}}\n")
    graphs = join(program, read(program), data().types)
    step = network(graphs)
    torch.manual_seed(0)
    found = step(torch.randn(4, 4), torch.tensor(0.5))._asdict()
    a, b, c, d, e, f = (found[f"o{name}"] for name in "abcdef")
    assert a.shape == (4, 500) and -1 <= a.min() < -0.9 and 2.9 < a.max() < 3
    assert b.dtype == torch.int64 and set(b.tolist()) == {1, 2, 3}
    assert c.tolist() == [1, 1] and f == 0.5
    assert set(d.tolist()) == {0.0, 1.0} and 0.2 < d.mean() < 0.3
    assert 4.9 < e.mean() < 5.1 and 0.08 < e.std() < 0.12


def test_a_repeated_feed_is_a_list() -> None:
    text = """
archc: 1
name: net
models:
  net:
    inputs: {x: [N, 4], noise: {shape: [N, =i + 1], repeat: {i: 2}}}
    graph: [{concat: [x, noise.*]}, {linear: 1, name: fc}]
train:
  data: none
  optimizer: adam
  feed: {noise: {normal: [N, =i + 1], repeat: {i: 2}}}
  updates:
    - name: step
      model: net
      graph: [{net, in: {x, noise}}, {mean, name: y}]
      loss: {y: 1}
"""
    program = compile_text(text)
    step = network(join(program, read(program), data().types))
    assert step(torch.zeros(5, 4)).shape == ()


def test_numbers_change_with_time_or_are_not_there() -> None:
    feed = "{alpha: {value: =progress, when: =latent > 2}, beta: {value: 1, when: =latent > 3}}"
    graph = "[{critic, in: {x, alpha}, name: s}, {mean: [s], name: y}]"
    text = NET.replace("GRAPH", graph).replace("LOSS", "{y: 1}").replace("FEED", feed)
    program = compile_text(text)
    training = read(program)
    assert set(training.numbers) == {"alpha"}
    assert training.absent == ("beta",)
    none = compile_text(text, set={"latent": 2})
    graphs = join(none, read(none), data().types)
    assert set(graphs.inputs["step"]) == {"x"}  # the critic runs without an alpha


# ---- pools


def pool(size: int) -> Any:
    steps = f"{{image_pool: {size}, in: x, name: p}}, {{critic: [p], name: s}}"
    graph = f"[{steps}, {{mean: [s], name: y}}]"
    text = NET.replace("GRAPH", graph).replace("LOSS", "{y: 1}").replace("FEED", "{}")
    program = compile_text(text + "  metrics: {m: step.p}\n")
    return program, join(program, read(program), data().types)


def test_a_pool_gives_back_earlier_pictures() -> None:
    step = network(pool(4)[1])
    torch.manual_seed(0)
    first = torch.arange(16.0).reshape(4, 4)
    assert torch.equal(step(first).p, first)  # it fills
    seen = [first]
    replaced = 0
    for k in range(20):
        batch = first + 100 * (k + 1)
        seen.append(batch)
        given = step(batch).p
        known = {tuple(row.tolist()) for one in seen for row in one}
        assert {tuple(row.tolist()) for row in given} <= known
        replaced += int((given != batch).any(dim=1).sum())
    assert 25 < replaced < 55  # of 80, half
    step.eval()
    assert torch.equal(step(first).p, first)


def test_a_pool_is_part_of_checkpoints_and_of_no_model() -> None:
    program, graphs = pool(8)

    def begun() -> Loop:
        training = read(program, {"batch": 4, "epochs": 2})
        torch.manual_seed(0)
        return Loop(Trainee(program, graphs, None, 0), training, graphs, data(), Device(cpu=True))

    loop = begun()
    for _ in range(3):
        loop.next_turn()
    assert not any("pictures" in name for name in loop.trainee.weights())
    state = copy.deepcopy(loop.state())
    kept = next(value for name, value in state["weights"].items() if name.endswith("pictures"))
    assert kept.abs().sum() > 0
    while loop.turn < loop.turns:
        loop.next_turn()
    other = begun()
    other.load(state)
    while other.turn < other.turns:
        other.next_turn()
    for name, value in loop.trainee.shared.items():
        assert torch.equal(value, other.trainee.shared[name]), name


def test_pictures_of_a_pool_have_one_size() -> None:
    types = {"x": TensorType("float32", (symbol("N"), symbol("C"))), "label": data().types["label"]}
    graph = "[{image_pool: 4, in: x, name: p}, {mean: [p], name: y}]"
    text = NET.replace("GRAPH", graph).replace("LOSS", "{y: 1}").replace("FEED", "{}")
    program = compile_text(text)
    with pytest.raises(SpecError, match="symbolic shape"):
        join(program, read(program), types)
