"""Weights in shards: several processes train as one does, though each has only a share of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from train import killing, sharding
from train.specs import ADVERSARIES, made, weights, written
from train.test_devices import PAIR

from archc.cli.main import main
from archc.errors import InputError, UsageError
from archc.safetensors import read
from archc_train.data.part import InMemory
from archc_train.device import Device
from archc_train.evaluate import shares
from archc_train.learner import Learner
from archc_train.shards import asked, groups
from archc_train.trainee import Trainee

CUT = {"ACCELERATE_USE_FSDP": "true"}  # as Accelerate's launcher sets it for --use_fsdp
DEEP = """
archc: 1
name: deep
blocks:
  mix:
    params: {dim: 8}
    graph: [{layer_norm: , name: norm}, {linear: =dim, name: fc}, gelu]
inputs: {image: [N, 1, 8, 8]}
graph:
  - flatten
  - {linear: 8, name: first}
  - {repeat: 3, name: h, do: [mix]}
  - {linear: 10, name: head}
  - {weight: {value: 1.0}, name: warmth}
  - {mul: [head, warmth]}
outputs: {logits: prev}
train:
  data: {digits: {range: [0, 400]}}
  batch: 16
  steps: 12
  evaluate: 5
  accumulate: 2
  loss: {cross_entropy: [logits, label]}
  optimizer: {adam: {lr: 3.0e-3}}
  clip: 0.5
  average: 0.9
  metrics: {accuracy: [logits, label]}
"""


# ---- whole runs


def ended(members: Any, folder: Path) -> None:
    codes = [killing.done(member) for member in members]
    assert codes == [0, 0], [(folder / f"said.{rank}").read_text() for rank in (0, 1)]


def arrays(path: Path) -> dict[str, np.ndarray]:
    with read(path) as entries:
        return {key: np.array(entry.array()) for key, entry in entries.items()}


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two states have the same form, and numbers that differ by so much at most."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k], tolerance) for k in one)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return all(same(a, b, tolerance) for a, b in pairs)
    if isinstance(one, torch.Tensor):
        return one.shape == other.shape and torch.allclose(
            one.float(), other.float(), atol=tolerance
        )
    return bool(one == pytest.approx(other, abs=1e-4) if isinstance(one, float) else one == other)


def alone(text: str, folder: Path) -> Path:
    """The run of one process."""
    run = folder / "one"
    assert main(["train", str(written(folder, text)), "-o", str(run), "--device", "cpu", "-q"]) == 0
    return run


@pytest.fixture(scope="module")
def one_deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alone(DEEP, tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("text", [DEEP, PAIR], ids=["blocks", "two updates"])
def test_shares_give_the_weights_and_the_checkpoint_of_one_process(
    text: str, one_deep: Path, tmp_path: Path
) -> None:
    spec, two = written(tmp_path, text), tmp_path / "two"
    one = one_deep if text == DEEP else alone(text, tmp_path)
    arguments = ["train", str(spec), "-o", str(two), "--device", "cpu"]
    ended(killing.team(arguments, tmp_path, asked=CUT), tmp_path)
    assert "each with a share of the weights on cpu" in (tmp_path / "said.0").read_text()
    for name in ("weights.safetensors", "best.safetensors"):
        expected, found = arrays(one / name), arrays(two / name)
        assert expected.keys() == found.keys()
        assert all(np.allclose(expected[key], found[key], atol=2e-5) for key in expected)
    states = [torch.load(run / "last.pt", weights_only=True)["loop"] for run in (one, two)]
    for part in ("weights", "learners"):
        assert same(states[0][part], states[1][part], 2e-5), part


def test_a_killed_team_goes_on_to_the_bit(tmp_path: Path) -> None:
    spec = written(tmp_path, DEEP.replace("gelu]", "gelu, {dropout: 0.3}]").replace(": 5", ": 1"))
    runs = [tmp_path / "whole", tmp_path / "part"]
    for run in runs:
        arguments = ["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]
        members = killing.team(arguments, tmp_path, asked=CUT)
        if run.name == "part":
            killing.until((run / "best.safetensors").exists)
            for member in members:
                killing.killed_after(member, 0)
            members = killing.team(["train", "--resume", *arguments[3:]], tmp_path, asked=CUT)
        ended(members, tmp_path)
    assert weights(runs[0]) == weights(runs[1])


def test_one_process_goes_on_where_a_team_was_killed(one_deep: Path, tmp_path: Path) -> None:
    spec, two = written(tmp_path, DEEP), tmp_path / "two"
    arguments = ["train", str(spec), "-o", str(two), "--device", "cpu", "-q"]
    members = killing.team(arguments, tmp_path, asked=CUT)
    killing.until((two / "best.safetensors").exists)
    for member in members:
        killing.killed_after(member, 0)
    assert main(["train", "--resume", str(two), "--device", "cpu", "-q"]) == 0
    expected, found = (arrays(run / "weights.safetensors") for run in (one_deep, two))
    assert all(np.allclose(expected[key], found[key], atol=2e-5) for key in expected)


# ---- what each process sees


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return sharding.told(tmp_path_factory.mktemp("team"))


@pytest.mark.parametrize("name", sharding.texts())
def test_every_optimiser_moves_shares_as_it_moves_the_whole(
    name: str, told: list[dict[str, Any]]
) -> None:
    """Muon's matrices are multiplied in bfloat16, in another order; it is no more exact."""
    expected = sharding.trained(sharding.texts()[name]).state()
    main, other = (one["ends"][name] for one in told)
    tolerance = 1e-2 if name == "muon" else 2e-5
    assert same(expected["weights"], main["weights"], tolerance)
    assert same(expected["learners"], main["learners"], tolerance)
    cut = [key for key, value in main["weights"].items() if value.ndim > 0]
    assert all(other["weights"][key] is None for key in cut)  # whole tensors are for the main one


def test_each_has_a_share_of_weights_moments_and_averages(told: list[dict[str, Any]]) -> None:
    whole = [12 * 4, 12, 3 * 12, 3]
    for kind in ("weights", "averages"):
        both = zip(*(one["held"][kind] for one in told), strict=True)
        assert [sum(pair) for pair in both] == whole
    assert all(max(one["held"]["weights"]) == whole[0] // 2 for one in told)
    assert all(sum(one["held"]["moments"]) < 2 * sum(whole) * 0.6 for one in told)


def test_gradients_that_ran_over_in_one_share_move_nothing_anywhere(
    told: list[dict[str, Any]],
) -> None:
    assert [one["skipped"] for one in told] == [(False, False)] * 2


def test_a_loss_that_is_not_finite_in_one_process_is_told_by_all(
    told: list[dict[str, Any]],
) -> None:
    notes = ("of its terms, loss", "what is fed as x is not finite")
    assert [one["raised"] for one in told] == [notes] * 2


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("items", [6, 7, 33, 40, 65])
def test_processes_measure_as_many_batches(items: int, count: int) -> None:
    part = InMemory({"x": torch.arange(items)})
    found = []
    for rank in range(count):
        device: Any = SimpleNamespace(
            count=count, share=lambda all, rank=rank: all[rank::count], move=lambda batch: batch
        )
        found.append([items for items, _ in shares(part, 6, device)])
    assert len({len(batches) for batches in found}) == 1
    assert all(0 < len(batch) <= 6 for batches in found for batch in batches)
    seen = torch.cat([batch for batches in found for batch in batches])
    assert torch.equal(seen.sort().values, torch.arange(items))


# ---- what is gathered together


def classes(text: str) -> list[str]:
    program, _, graphs = made(text)
    return [type(one).__name__ for one in groups(Trainee(program, graphs, None, 0))]


def test_blocks_of_a_chain_are_gathered_one_by_one() -> None:
    chain = sharding.PLAIN.replace("relu,", "relu, {repeat: 9, name: h, do: [{linear: 12}, relu]},")
    assert classes(chain) == ["Block"] * 9
    few = chain.replace("graph:", "blocks: {part: {graph: [{linear: 12}, relu]}}\ngraph:", 1)
    few = few.replace(
        "repeat: 9, name: h, do: [", "repeat: 2, name: h, do: [{repeat: 4, do: [part]}, "
    )
    assert len(classes(few)) == 2 * (4 + 1)  # a large block is gathered in parts itself


def test_a_block_whose_weights_are_read_elsewhere_is_gathered_with_the_rest() -> None:
    chain = sharding.PLAIN.replace(
        "relu,",
        "relu, {repeat: 9, name: h, do: [{linear: 12, name: fc}, relu]}, "
        "{linear: 12, name: twin, tie: {weight: h.4.fc.weight}},",
    )
    assert len(classes(chain)) == 8


def test_blocks_of_several_updates_are_gathered_with_the_rest() -> None:
    assert (
        classes(ADVERSARIES.replace("relu,", "relu, {repeat: 9, do: [{linear: 8}, relu]},")) == []
    )


# ---- what is refused


def test_nothing_is_cut_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert not asked()
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert asked()
    assert not Device(cpu=True).sharded  # there is nobody to share with


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("fsdp_sharding_strategy", "HYBRID_SHARD"),
        ("fsdp_reshard_after_forward", "false"),
        ("fsdp_offload_params", "true"),
        ("fsdp_activation_checkpointing", "true"),
        ("fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
    ],
)
def test_shards_of_another_kind_are_refused(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv(option.upper(), value)
    with pytest.raises(UsageError, match="E813") as caught:
        Device(cpu=True)
    assert f"--{option} {value}" in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].help == f"leave --{option} out"


@pytest.mark.parametrize("name", ["adafactor", "lbfgs", "rprop"])
def test_optimisers_that_need_whole_weights_are_refused(name: str) -> None:
    _, training, graphs = made(sharding.PLAIN.replace(sharding.ADAMW, name))
    device = Device(cpu=True)
    device.sharded = True
    trainee = Trainee(graphs.program, graphs, None, 0)
    with pytest.raises(InputError, match=f"{name} does not move weights in shards"):
        Learner(training.updates[0], trainee, device, 10, 5.0)
