"""The phases of a training, such as the resolutions that a network grows through.

A phase is the spec with other parameters. It begins with the weights that the one before ended
with, wherever the names and shapes are the same; new weights are initial ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from archc.ir.program import Program
from archc.store import stored
from archc.train import Training, read
from archc.train.phases import in_phase
from archc.train.reading import changed
from archc_torch.instance import tensor
from archc_train.data.part import DataSet
from archc_train.data.program import data_of
from archc_train.device import Device
from archc_train.run import Run


@dataclass(frozen=True, slots=True)
class Stage:
    """One phase, ready to be trained."""

    number: int
    program: Program
    training: Training
    data: DataSet
    weights: Any


def phases(program: Program, run: Run, device: Device) -> Iterator[Stage]:
    """The phases that a run still has to make, the one that was stopped first."""
    about = run.about
    whole = read(program, about["changes"])
    saved = run.saved()
    first = 0 if saved is None else saved["phase"]
    known = about.get("facts")
    for number in range(first, max(1, len(whole.phases))):
        one, training = program, whole
        settings: Mapping[str, Any] = {}
        lasting: Mapping[str, Any] = {}
        if whole.phases:
            phase = whole.phases[number]
            settings, lasting = phase.set, phase.lasting
            if settings:
                one = in_phase(run.program(), phase)
            training = read(one, changed(lasting, about["changes"]))
        data = data_of(one, training, about["data"], about["download"], known)
        known = {**(known or {}), **data.facts}  # in every process; one of them writes it
        device.wait()  # all have read what is written now
        if device.is_main:
            known_of = {"settings": dict(settings), "lasting": dict(lasting), "phase": number}
            run.begin(data.facts, **known_of, items=len(data.train))
        weights = about["weights"] if number == 0 else carried(one, run, training.seed)
        yield Stage(number, one, training, data, weights)


def carried(program: Program, run: Run, seed: int) -> Mapping[str, Tensor]:
    """The weights of the phase before where they fit, and initial ones.

    They are those that were trained, not their averages, which are for measuring alone.
    """
    with stored(program, None, seed) as entries:
        found = {name: tensor(entry) for name, entry in entries.items()}
    saved = run.saved()
    assert saved is not None
    prefix = "" if program.prefixed else f"{program.main}."
    for name, value in saved["loop"]["weights"].items():
        own = name.removeprefix(prefix)
        if own in found and found[own].shape == tuple(value.shape):
            found[own] = value
    return found
