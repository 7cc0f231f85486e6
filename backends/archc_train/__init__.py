"""Training by a spec's `train:` section: runs that can be stopped, gone on with, and built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archc.ir.program import Program
    from archc.train.news import Measured, Tell
    from archc_train.device import Device
    from archc_train.run import Run


def start(
    spec: str | Path,
    *,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    data: str | None = None,
    download: bool = False,
    weights: str | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Trains a spec into a new run directory; what came of it.

    `run` is where it is, `best` the numbers of the evaluation that chose the weights, and `chosen`
    whether that was by a rule, or was the last; `parts` are those of the data, `draws` tells
    whether `sample` can draw from it, `main` whether this is the process that wrote it. `changes`
    override plain settings of the section, such as `epochs`. Raises ArchcError, and
    KeyboardInterrupt where it was asked to stop.
    """
    from archc.errors import SpecError
    from archc.pipeline import compile
    from archc.train import read
    from archc.train.check import of_phases
    from archc_train.device import Device
    from archc_train.run import Run

    program = compile(spec, variant=variant, set=dict(set or {}))
    training = read(program, changes)  # what is wrong with it is said before a run is made
    if found := [*of_phases(program, training)]:
        raise SpecError(found)
    where = Device(training.precision, cpu=device == "cpu")
    folder = folder or Path("runs") / program.name
    about = {
        "data": None if data is None else str(Path(data).resolve()),
        "download": download,
        "changes": dict(changes or {}),
        "seed": training.seed,
        "weights": None if weights is None else str(Path(weights).resolve()),
    }
    if where.is_main:
        Run.create(folder, program, about)
    where.wait()
    return _train(program, Run.open(folder), where, tell)


def resume(folder: Path, *, device: str = "auto", tell: Tell | None = None) -> dict[str, Any]:
    """Goes on with a run where it stopped, as if it had not. Raises as `start`."""
    from archc.train import read
    from archc_train.device import Device
    from archc_train.run import Run

    run = Run.open(folder)
    program = run.program()
    training = read(program, run.about["changes"])
    return _train(program, run, Device(training.precision, cpu=device == "cpu"), tell)


def _train(program: Program, run: Run, device: Device, tell: Tell | None) -> dict[str, Any]:
    """All phases that are not done."""
    from archc.train.news import silence
    from archc_train.keeper import rule_of
    from archc_train.phases import phases
    from archc_train.run import finite
    from archc_train.sampling import draws
    from archc_train.training import train

    best: dict[str, float] = {}
    chosen, parts = False, []
    for phase in phases(program, run, device):
        best = train(
            phase.program,
            phase.training,
            phase.data,
            run,
            weights=phase.weights,
            device=device,
            phase=phase.number,
            tell=silence if tell is None or not device.is_main else tell,
        )
        chosen, parts = rule_of(phase.training) is not None, list(phase.data.parts)
    return {
        "run": run.folder.as_posix(),
        "best": {name: finite(value) for name, value in best.items()},
        "main": device.is_main,
        "parts": parts,
        "draws": draws(run),
        "chosen": chosen,
    }


def measure(folder: Path, **options: Any) -> Measured:
    """A run's numbers on a part of its data, or on other data; see `archc_train.measuring`.

    One that is not finite is None, as JSON has no such numbers.
    """
    from archc_train import measuring
    from archc_train.run import finite

    found = measuring.measure(folder, **options)
    return replace(found, numbers={name: finite(value) for name, value in found.numbers.items()})


def sample(folder: Path, **options: Any) -> str:
    """Text or a picture drawn from a run; see `archc_train.sampling`."""
    from archc_train import sampling

    return sampling.sample(folder, **options)


__all__ = ["measure", "resume", "sample", "start"]
