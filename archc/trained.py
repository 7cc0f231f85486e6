"""A run of `archc train` as others use it: the network that was trained, with its best weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archc.errors import InputError, word
from archc.ir.program import Program
from archc.pipeline import compile

LEARNT = ("scale", "vocabulary", "tokenizer")  # what a user of the network needs of its data


@dataclass(frozen=True, slots=True)
class Trained:
    """A run's directory. `settings` are the parameters of the phase that it came to.

    `learnt` is what the run knows of its data and no key of a spec holds: a program's metadata.
    """

    folder: Path
    settings: Mapping[str, Any]
    learnt: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Trained | None:
        """The run that a folder holds, if it holds one."""
        path = folder / "run.json"
        if not path.is_file():
            return None
        try:
            about = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InputError.of("E811", f"{path} cannot be read: {error}") from error
        facts = about.get("facts", {}) if isinstance(about, dict) else None
        if not isinstance(facts, dict) or not isinstance(about.get("settings", {}), dict):
            raise InputError.of("E811", f"{path} is no run's")
        learnt = {key: facts[key] for key in LEARNT if key in facts}
        return cls(folder, about.get("settings", {}), learnt)

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def best(self) -> Path:
        """The weights that evaluation chose. Raises InputError E811 where it came to none."""
        path = self.folder / "best.safetensors"
        if not path.exists():
            what = f"{self.folder} has no best.safetensors: it was stopped before its first "
            help = f"archc train --resume {word(self.folder)}"
            raise InputError.of("E811", f"{what}evaluation", help=help)
        return path

    def program(self) -> Program:
        """The network. Raises SpecError."""
        program = compile(self.spec, set=dict(self.settings))
        program.metadata.update(self.learnt)
        return program
