"""Which candidates are the same to a search: their network, trained alike, of the same counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from search.spaces import opened, reread
from search.standin import in_memory

from archc.search.candidate import Candidate
from archc.search.statics import identity

TAUGHT = """\
archc: 1
name: net
params: {blk: a}
inputs: {x: [N, 16]}
blocks:
  a: {graph: [ONE]}
  b: {graph: [OTHER]}
graph: [{linear: 16, name: first}, {=blk, name: q}, relu, {linear: 8, name: head}]
outputs: {logits: prev}
TRAIN
search:
  vary: {blk: [a, b]}
  objectives: {maximize: score}
  budget: {trials: 4}
"""
PLAIN = "{linear: 16, name: l}"
GROUPS = """\
train:
  data: digits
  loss: {cross_entropy: [logits, label]}
  optimizer: {adamw: {lr: 1.0e-3, groups: [{match: "q.l.*", lr: 1.0e-2}]}}"""


@pytest.mark.parametrize(
    ("one", "other", "train", "same"),
    [
        (PLAIN, PLAIN, "", True),
        (PLAIN, "{linear: 16, name: m}", "", True),
        (PLAIN, "{linear: 16, name: m}", GROUPS, False),
        (PLAIN, PLAIN, GROUPS, True),
        (PLAIN, "{linear: 16, name: l, init: {weight: zeros}}", "", False),
        ("{linear: 16, name: l, init: {weight: zeros}}",
         "{linear: 16, name: m, init: {weight: {constant: 0}}}", "", False),
        ("{linear: 16, name: l, init: {weight: {normal: 0.1}}}",
         "{linear: 16, name: m, init: {weight: {normal: {std: 0.1}}}}", "", True),
    ],
    ids=["equal", "names", "names that groups go by", "equal with groups", "initial values",
         "other words", "the same values"],
)  # fmt: skip
def test_what_trains_otherwise_is_another_candidate(
    one: str, other: str, train: str, same: bool
) -> None:
    text = TAUGHT.replace("ONE", one).replace("OTHER", other).replace("TRAIN", train)
    _, origin = opened(text)
    changed = origin.with_values({"blk": "b"})
    assert changed.network == origin.network
    assert (changed.digest == origin.digest) is same
    assert reread(changed).digest == changed.digest


READ = """\
archc: 1
name: net
params: {share: 1.0}
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {relu, when: =share > 0.05}, {linear: 10, name: head}]
outputs: {logits: prev}
data: {mine: {digits: {range: [0, =share]}}}
train: {data: mine, loss: {cross_entropy: [logits, label]}, optimizer: sgd}
search:
  vary: {share: [0.1, 1.0]}
  objectives: {maximize: score}
  budget: {trials: 2}
"""


def test_what_is_trained_on_other_data_is_another_candidate() -> None:
    """Though the graph names the parameter as well."""
    _, origin = opened(READ)
    part = origin.with_values({"share": 0.1})
    assert part.network == origin.network and part.digest != origin.digest
    assert reread(part).digest == part.digest


OUTSIDE = """\
archc: 1
name: net
params: {temp: 1.0, gamma: 1.0, loss: mild}
inputs: {image: [N, 1, 8, 8]}
blocks:
  soft: {graph: [{mul: [x, =1 / temp]}]}
  mild: {graph: [soft, soft]}
  harsh: {graph: [{mul: [x, =gamma]}]}
models:
  trunk:
    inputs: {image: [N, 1, 8, 8]}
    graph: [flatten, {linear: 16, name: fc}, {mul: [fc, =1 / AUX], name: aux}]
    outputs: {features: fc, aux: aux}
  net:
    inputs: {image: [N, 1, 8, 8]}
    graph: [trunk, {linear: 10, in: prev.features, name: head}]
    outputs: {logits: head}
train:
  data: digits
  updates:
    - name: fit
      model: net
      graph: [{net: [image], name: y}, STEP, {cross_entropy: [prev, label], name: fitted}]
      loss: {fitted: 1}
search:
  vary: {temp: [1.0, 2.0], gamma: [1.0, 2.0], loss: [mild, harsh]}
  objectives: {maximize: accuracy}
  budget: {trials: 2}
"""


@pytest.mark.parametrize(
    ("step", "aux", "changed", "same"),
    [
        ("{soft: [y]}", "2", "temp", False),
        ("{mild: [y]}", "2", "temp", False),
        ("{=loss, in: y}", "2", "temp", False),
        ("{=loss, in: y}", "2", "gamma", False),
        ("{soft: [y]}", "2", "gamma", True),
        ("{soft: [y]}", "gamma", "gamma", False),
    ],
    ids=["a block", "a block of a block", "a chosen block", "one that may be chosen", "neither",
         "an output that only a training could use"],
)  # fmt: skip
def test_what_a_training_s_own_graph_calls_counts(
    step: str, aux: str, changed: str, same: bool
) -> None:
    text = OUTSIDE.replace("AUX", aux).replace("STEP", step)
    origin = Candidate.read(text, Path("net.yaml").resolve())
    other = origin.with_values({changed: 2.0})
    assert (other.digest == origin.digest) is same


def test_where_two_weights_are_exchanged_that_groups_tell_apart() -> None:
    """Both have one of each name, and each is matched once: it matters which it is."""
    pair = "{linear: 16, name: l}, relu, {linear: 16, name: m}"
    turned = "{linear: 16, name: m}, relu, {linear: 16, name: l}"
    text = TAUGHT.replace("ONE", pair).replace("OTHER", turned).replace("TRAIN", GROUPS)
    _, origin = opened(text)
    assert origin.with_values({"blk": "b"}).digest != origin.digest


DEAD = """\
archc: 1
name: dead
params: {gate: zeros_like, side: 64}
inputs: {x: [N, 8, 4, 4]}
defaults: {conv2d: {bias: false}}
graph:
  - {conv2d: {out: 8, kernel: 3, padding: 1}, name: a}
  - {=gate, in: x}
  - {conv2d: {out: =side, kernel: 1}}
  - {conv2d: {out: 8, kernel: 1}}
  - add: [a, prev]
search:
  vary: {gate: [zeros_like], side: [64, 16, 4]}
  objectives: {maximize: score}
  budget: {trials: 3}
"""
COUNTS = {64: 1600.0, 16: 832.0, 4: 640.0}  # 8·8·9 and the dead 16·side


def test_a_duplicate_has_its_own_counts(tmp_path: Path) -> None:
    loop = in_memory(DEAD, "sided", tmp_path)
    assert len({one.digest for one in loop.records}) == 1
    assert [one.evaluated for one in loop.records[:3]] == [True, False, False]
    for one in loop.records:
        assert one.values["params"] == COUNTS[one.parameters["side"]]
        assert one.values["score"] == loop.records[0].values["score"]


@pytest.mark.parametrize("asked", ["limits: {params: 700}", "limits: {macs: 11000}"])
def test_a_limit_is_judged_by_a_candidates_own_counts(asked: str, tmp_path: Path) -> None:
    loop = in_memory(DEAD.replace("  budget", f"  {asked}\n  budget"), "sided", tmp_path)
    states = {one.parameters["side"]: one.state for one in loop.records if one.twin is None}
    assert states == {64: "limited", 16: "limited", 4: "complete"}


def test_what_counts_differ_by_is_an_objective() -> None:
    search, origin = opened(DEAD.replace("{maximize: score}", "{minimize: params}"))
    small = origin.with_values({"side": 4})
    assert small.digest == origin.digest
    assert identity(small, search) != identity(origin, search) == identity(reread(origin), search)
