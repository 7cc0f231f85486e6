"""What Ctrl-C does to a training: the turn under way is done and saved."""

from __future__ import annotations

from pathlib import Path


class Stopped(KeyboardInterrupt):
    """The training stopped because it was asked to; `run` can go on, from `turn` of `turns`."""

    def __init__(self, run: Path, turn: int, turns: int) -> None:
        super().__init__(f"stopped after turn {turn} of {turns}")
        self.run, self.turn, self.turns = run, turn, turns
