"""Candidates of a study trained in full, built and measured: what they are worth in the end.

A search mostly trains for less than a spec's `train:` section says, in rungs, and may begin with a
parent's weights. Here a candidate is trained as `archc train` trains its spec, on the study's data:

runs/NNNN/               the run
runs/NNNN/build/         verified ONNX, and all else that `archc build` makes of it
runs/NNNN/outcome.json   the numbers, once there is nothing left to do
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archc.backends import backend
from archc.build import build, file_name
from archc.errors import InputError, word
from archc.files import replacing
from archc.search.candidate import Candidate
from archc.search.record import Record
from archc.search.study import Study
from archc.search.worker import one_on_this_machine
from archc.spec.data import plain
from archc.spec.reader import read_file
from archc.train.news import Tell
from archc.trained import Trained

Numbers = Mapping[str, float | None]  # None is one that is not finite


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a whole training came to.

    `val` are the numbers of the evaluation that chose the weights, `test` those of the test part,
    where the data has one; `parity` is each model's largest difference of PyTorch and onnxruntime.
    """

    trial: int
    params: int
    macs: int
    val: Numbers
    test: Numbers | None
    parity: Mapping[str, float]


class Retraining:
    """Candidates of a study retrained, each in a folder of its own below one: runs/ without it."""

    def __init__(self, study: Study, folder: Path | None = None) -> None:
        self.study, self.folder = study, folder or study.folder / "runs"
        self.about: Mapping[str, Any] = study.about["evaluator"]
        options = self.about.get("options", {})
        self.device: str = options.get("device", "auto")
        self.download: bool = options.get("download", False)
        data = options.get("data")  # where it is, if not where the spec says
        self.data = None if data is None else Path(data).resolve().as_posix()

    def run_of(self, record: Record) -> Path:
        return self.folder / f"{record.number:04}"

    def build_of(self, record: Record) -> Path:
        return self.run_of(record) / "build"

    # ---- whether it can be done

    def check(self, record: Record) -> None:
        """Raises InputError E866 where nothing says how it is trained, E811 where another run is.

        And SpecError for a trial that is no network.
        """
        candidate, run = self.study.candidate(record), self.run_of(record)
        if candidate.file.section("train") is None:
            raise self.untold(record)
        if (run / "run.json").exists() and not self.same(run, candidate):
            help = "another folder: -o DIR"
            raise InputError.of("E811", f"{run} holds a run of something else", help=help)

    def untold(self, record: Record) -> InputError:
        name = self.about.get("name", "")
        scored = {"table": f"looked up in {Path(name).name}", "function": f"scored by {name}"}
        how = scored.get(self.about.get("kind", ""), "not trained")
        export = f"archc study export {word(self.study.folder)} {record.number}"
        return InputError.of(
            "E866",
            f"nothing says how trial {record.number} is trained: its spec has no 'train' section",
            notes=[f"in {self.study.folder} candidates were {how}"],
            help=f"{export} writes the spec; give it a 'train' section, then archc train",
        )

    def same(self, run: Path, candidate: Candidate) -> bool:
        """Whether a run is one of the candidate's, begun as it is here."""
        about = json.loads((run / "run.json").read_text("utf-8"))
        added = {*(about.get("sections") or ())}  # what the run knows of its data
        there, own = plain(read_file(run / "spec.yaml")), plain(candidate.file.data)
        return (
            all(there.get(key) == own.get(key) for key in {*there, *own} - added)
            and about["data"] == self.data
            and not about["changes"]
            and about["weights"] is None
        )

    # ---- doing it

    def __call__(
        self, record: Record, tell: Tell, stage: Callable[[str], None] = lambda name: None
    ) -> Outcome:
        """Trains, builds and measures, or goes on where that was stopped.

        `tell` hears of the training, `stage` what is done after it. Raises as `check`, ArchcError,
        and KeyboardInterrupt where the training is asked to stop, as `archc train` does.
        """
        self.check(record)
        run, path = self.run_of(record), self.run_of(record) / "outcome.json"
        if path.exists() and (self.build_of(record) / "report.json").exists():
            return Outcome(**json.loads(path.read_text("utf-8")))
        trainer = backend("train")
        if (run / "last.pt").exists():
            found = trainer.resume(run, device=self.device, tell=tell)
        else:
            with TemporaryDirectory() as folder:  # the run has the spec, and what it uses
                spec = self.study.export(record, Path(folder))
                found = trainer.start(
                    spec, folder=run, data=self.data, download=self.download, device=self.device,
                    tell=tell,
                )  # fmt: skip
        trained = trained_in(run)
        program = trained.program()
        report = build(program, self.build_of(record), weights=str(trained.best), progress=stage)
        test: Numbers | None = None
        if "test" in found["parts"]:
            stage("the test part")
            test = trainer.measure(run, part="test", device=self.device).numbers
        parity = report["parity"]
        outcome = Outcome(record.number, program.params, program.macs, found["best"], test, parity)
        with replacing(path) as file:
            file.write((json.dumps(asdict(outcome), indent=2) + "\n").encode())
        return outcome

    def clocked(self, record: Record) -> Mapping[str, float]:
        """What the study seeks by the clock, of the file that was built; the machine to itself.

        Nothing, where it seeks nothing of that kind.
        """
        search, clock = self.study.search, backend("search")
        asked = [one.name for one in search.objectives if one.name in clock.CLOCKED]
        if not asked:
            return {}
        program = trained_in(self.run_of(record)).program()
        path = self.build_of(record) / file_name(program, program.main, ".onnx")
        with one_on_this_machine():
            found = clock.clock(path, program.model, search.evaluation.threads)
        return {name: found[name] for name in asked}


def trained_in(run: Path) -> Trained:
    found = Trained.open(run)
    assert found is not None
    return found
