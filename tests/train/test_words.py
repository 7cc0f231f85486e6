"""The words that the section's reader knows are those of the packages that they come from."""

from __future__ import annotations

import inspect

import torch
from torch.optim import Optimizer

from archc.ops.registry import ops
from archc.spec.training import DRAWS, FLAGS, METRICS, OPTIMIZERS, SCHEDULES, published_section
from archc_train.metrics import METRICS as MEASURED
from archc_train.optimizers import known

WITHOUT = {"sparseadam"}  # for sparse gradients, which no op here gives


def test_every_optimiser_of_torch_is_known_with_its_options() -> None:
    found = {
        name.lower(): kind
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, Optimizer) and kind is not Optimizer
    }
    assert found.keys() - WITHOUT == OPTIMIZERS.keys() == known().keys()
    for name, options in OPTIMIZERS.items():
        takes = set(inspect.signature(found[name]).parameters) - {"params"}
        assert takes - set(FLAGS) == set(options), name


def test_metrics_are_those_that_are_measured() -> None:
    assert set(METRICS) == set(MEASURED)


def test_feeds_are_drawn_by_ops_without_inputs() -> None:
    assert all(not ops()[name].inputs for name in DRAWS)
    assert all(name in DRAWS for name, op in ops().items() if op.training_only and not op.inputs)


def test_editors_are_told_every_word() -> None:
    section = published_section()["properties"]
    for key, words in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        names, record = section[key]["anyOf"]
        assert names["enum"] == list(words)
        assert record["properties"].keys() == words.keys()
    update = section["updates"]["items"]["properties"]
    assert update["optimizer"]["anyOf"] == section["optimizer"]["anyOf"]
