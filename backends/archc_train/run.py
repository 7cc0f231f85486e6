"""A run's directory: the spec as it was, the log, checkpoints, and what it ran on.

spec.yaml run.json       the resolved spec with what it uses; data, settings, environment
log.jsonl                one line a logged step or evaluation
last.pt                  all that going on needs; written aside and renamed
best.safetensors         the weights that evaluation chose, under the spec's names
weights.safetensors      the weights at the end, the averaged ones where there are any
loss.png report.html     the curves; tensorboard/ has them, too
"""

from __future__ import annotations

import json
import math
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from torch import Tensor

from archc import __version__
from archc.errors import InputError, word
from archc.files import replacing
from archc.ir.program import Program
from archc.pipeline import compile
from archc.safetensors import write_safetensors
from archc.spec.bundle import bundle, with_sections
from archc.train import Training, read
from archc.train.reading import changed
from archc.weights import open_weights
from archc_train import checkpoint

FORMAT = 1
SECTIONS = ("labels", "preprocess")  # what a built network needs to know about its data


class Run:
    """An open run directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun: dict[str, Any] | None = None  # a phase that has no weights yet

    @classmethod
    def create(cls, folder: Path, program: Program, about: Mapping[str, Any]) -> Run:
        """A new run. Raises InputError E811 where the folder holds one already, E521.

        One that never began, since something was wrong with its data, say, is made anew. Raises
        E811, too, where a spec or weights lie that no run wrote.
        """
        begun = (folder / "run.json").exists()
        others = ("spec.yaml", "weights.safetensors") if not begun else ()
        for name in others:
            if (folder / name).exists():
                what = f"{folder / name} is there already, and the run would write over it"
                raise InputError.of("E811", what, help="choose another folder: -o")
        if any((folder / name).exists() for name in ("last.pt", "best.safetensors")):
            raise InputError.of(
                "E811",
                f"{folder} holds a run already",
                help=f"go on with it: --resume {word(folder)}; or choose another folder: -o",
            )
        bundle(program, folder)
        run = cls(folder)
        run.write_json("run.json", {"format": FORMAT, **about, "environment": environment()})
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """A run that is there. Raises InputError E811."""
        try:
            about = json.loads((folder / "run.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            help = f"archc train {folder if folder.is_file() else f'SPEC -o {word(folder)}'}"
            raise InputError.of("E811", f"{folder} holds no run", help=help) from error
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise InputError.of("E811", f"{folder} is a run of another archc", help="train it anew")
        return cls(folder)

    @cached_property
    def about(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "run.json").read_text("utf-8"))
        return found

    def write_json(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, default=str) + "\n"
        with replacing(self.folder / name) as file:
            file.write(text.encode())

    def note(self, **more: Any) -> None:
        """Adds to what is known about the run."""
        if any(self.about.get(name) != value for name, value in more.items()):
            self.about.update(more)
            self.write_json("run.json", self.about)

    def begin(self, facts: Mapping[str, Any], **about: Any) -> None:
        """Begins a phase. What it is takes the place of the one before with its first weights.

        Until then the run's weights are those of the phase before, and fit its network alone.
        """
        self.begun = {"facts": facts, "about": about}
        if not (self.folder / "best.safetensors").exists():
            self.enter()

    def enter(self) -> None:
        """Writes what the phase is that was begun."""
        if self.begun is not None:
            self.remember(self.begun["facts"])
            self.note(**self.begun["about"])
            self.begun = None

    def remember(self, facts: Mapping[str, Any]) -> None:
        """Keeps what is known about the data; what a built network needs of it joins the spec.

        A later phase's data may be of another size: what it knows takes the place of what was
        known, but for sections that the spec itself has.
        """
        sections = {name: facts[name] for name in SECTIONS if name in facts}
        path = self.folder / "spec.yaml"
        before = path.read_text("utf-8")
        ours = self.about.get("sections")
        if ours is None:
            own = YAML(typ="safe").load(before)
            ours = [name for name in SECTIONS if name not in own]
        together = {**self.about.get("facts", {}), **facts}
        self.note(facts=json.loads(json.dumps(together, default=str)), sections=ours)
        if sections and (text := with_sections(before, sections, anew=ours)) != before:
            with replacing(path) as file:
                file.write(text.encode())

    def program(self, final: bool = False) -> Program:
        """The run's network; a `final` one with the parameters of the phase that it came to."""
        return compile(
            self.folder / "spec.yaml", set=self.about.get("settings", {}) if final else {}
        )

    def training(self, program: Program) -> Training:
        """The training of the phase that it came to; `program` is the final one."""
        about = self.about
        return read(program, changed(about.get("lasting", {}), about["changes"]))

    def weights(self, name: str) -> Path:
        """A file of weights. Raises InputError E811 where the run came to none."""
        path = self.folder / name
        if not path.exists():
            what = f"{self.folder} has no {name}: it was stopped before"
            help = f"archc train --resume {word(self.folder)}"
            raise InputError.of("E811", what, help=help)
        return path

    # ---- the log

    def log(self, record: Mapping[str, Any]) -> None:
        """Adds a line. Numbers that are not finite are null, as JSON has no others."""
        values = {name: finite(value) for name, value in record.items()}
        line = json.dumps({**values, "time": round(time.time(), 3)}, allow_nan=False)
        path = self.folder / "log.jsonl"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise InputError.of("E520", f"{path} cannot be written: {error.strerror}") from error

    def records(self) -> list[dict[str, Any]]:
        """All lines of the log; one that was cut off is left out."""
        path = self.folder / "log.jsonl"
        found: list[dict[str, Any]] = []
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and {"phase", "turn"} <= record.keys():
                found.append(record)
        return found

    def forget_after(self, phase: int, turn: int) -> None:
        """Drops the log's lines of turns that are made again."""
        kept = [one for one in self.records() if (one["phase"], one["turn"]) <= (phase, turn)]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        with replacing(self.folder / "log.jsonl") as file:
            file.write(text.encode())

    # ---- weights and checkpoints

    def save(self, state: Mapping[str, Any]) -> None:
        checkpoint.save(self.folder / "last.pt", state)

    def saved(self) -> dict[str, Any] | None:
        return checkpoint.load(self.folder / "last.pt")

    def save_weights(self, name: str, weights: Mapping[str, Tensor]) -> None:
        """A safetensors file under the spec's names."""
        self.enter()
        with open_weights({key: value.detach().cpu() for key, value in weights.items()}) as entries:
            write_safetensors(self.folder / name, entries.values())


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def environment() -> dict[str, Any]:
    return {
        "archc": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "command": shlex.join(["archc", *sys.argv[1:]]),
    }
