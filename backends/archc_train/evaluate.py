"""Measuring: the loss's terms and the metrics over a part of the data, nothing trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from archc.train import Graphs, Moment, Training
from archc_train.data.part import Part, in_turn
from archc_train.device import Device
from archc_train.learner import weighted
from archc_train.loop import numbers
from archc_train.metrics import Measured
from archc_train.trainee import Trainee, Values, takes_gradients

Moments = Mapping[str, Moment]


def evaluate(
    trainee: Trainee,
    training: Training,
    graphs: Graphs,
    moments: Moments,
    part: Part,
    device: Device,
    *,
    trial: bool = False,
) -> dict[str, float]:
    """What a part measures: the loss's terms, the weighted sum `loss`, and the metrics.

    Terms are means over the items; with several updates they go by `update.term`. What changes with
    time is as it is at each update's moment. Random values are drawn from a fixed seed, so that two
    evaluations can be compared. Several processes share the part. A `trial` takes a batch or two. A
    ranking of items that are not of every class is left out. Raises SpecError for a metric that
    cannot be had.
    """
    known = value_names(training, graphs, part)
    metrics = [Measured(metric, known) for metric in training.metrics]
    sums: dict[str, Tensor] = {}
    count = 0
    device.equalise(trainee)
    with measuring(trainee, graphs, device):
        for items, batch in shares(part, training.batch, device):
            values: Values = dict(batch)
            for update in training.updates:
                fed = numbers(training, moments[update.name], device)
                with device.precision():
                    outputs = trainee(update.name, {**values, **fed})
                terms = {name: outputs[name] for name in update.loss if name != "loss"}
                terms["loss"] = weighted(update, outputs, moments[update.name])
                for name, value in terms.items():
                    key = f"{update.name}.{name}" if len(training.updates) > 1 else name
                    own = value.detach().to(device.wide) * len(items)
                    sums[key] = sums[key] + own if key in sums else own
                values |= {f"{update.name}.{name}": v.detach() for name, v in outputs.items()}
                if update.short:
                    values |= {n: v.detach() for n, v in outputs.items() if n not in batch}
            for metric in metrics:
                metric.update(values, len(items))
            count += len(items)
            if trial and count > 1:  # some metrics need two items
                break
        total = float(device.summed(torch.tensor(count, dtype=device.wide)))
        found = {name: float(device.summed(value)) / total for name, value in sums.items()}
        told = {metric.metric.name: metric.value() for metric in metrics}
        return {**found, **{name: value for name, value in told.items() if value is not None}}


def shares(part: Part, size: int, device: Device) -> Iterator[tuple[Tensor, Values]]:
    """This process's items of a part, by batches; all of them where there are too few to share.

    Every process gets as many batches: where weights are in shards, they are run together.
    """
    if device.count == 1 or len(part) < device.count:
        for items, batch in in_turn(part, size):
            yield items, device.move(batch)
        return
    batches = -(-len(part) // (device.count * size))
    for items in torch.tensor_split(device.share(torch.arange(len(part))), batches):
        yield items, device.move(part.batch(items))


@contextmanager
def measuring(trainee: Trainee, graphs: Graphs, device: Device) -> Iterator[None]:
    """Networks as they are at inference, and the random state afterwards as it was."""
    state, was_training = device.random_state(), trainee.training
    torch.manual_seed(0)
    trainee.eval()
    # Gradients that are part of a loss are wanted here, too.
    context = torch.enable_grad() if takes_gradients(graphs) else torch.no_grad()
    try:
        with context:
            yield
    finally:
        trainee.train(was_training)
        device.set_random_state(state)


def value_names(training: Training, graphs: Graphs, part: Part) -> dict[str, None]:
    """What metrics may ask for."""
    found = dict.fromkeys(part.batch(torch.arange(1)))
    for update in training.updates:
        outputs = graphs.program.models[graphs.models[update.name]].outputs
        found |= dict.fromkeys(f"{update.name}.{name}" for name in outputs)
        if update.short:
            found |= dict.fromkeys(outputs)
    return found
