"""Long work, stage by stage: what is being done now, and how long each stage took, on stderr."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from archc.cli.terminal import is_terminal, painter
from archc.errors import printable


class Stages:
    """Call it with the name of each stage as it begins; `done` ends the last one.

    On a terminal a line shows the current stage and is replaced by its time; elsewhere nothing is
    shown unless `--verbose` asks for it.
    """

    def __init__(self, args: Namespace) -> None:
        self.live = is_terminal(sys.stderr) and not args.quiet and not args.json
        self.plain = bool(args.verbose) and not self.live
        self.paint = painter(sys.stderr)
        self.times: dict[str, float] = {}
        self._current = ""
        self._since = 0.0

    def __call__(self, stage: str) -> None:
        self.done()
        self._current, self._since = stage, time.perf_counter()
        if self.live:
            sys.stderr.write(f"\r\x1b[K  … {printable(stage)}")
            sys.stderr.flush()

    def done(self) -> None:
        """Ends the current stage."""
        if not self._current:
            return
        seconds = time.perf_counter() - self._since
        self.times[self._current] = self.times.get(self._current, 0.0) + seconds
        line = f"{printable(self._current):<44} {seconds:7.2f} s"
        if self.live:
            sys.stderr.write(f"\r\x1b[K  {self.paint('✓', 'green')} {line}\n")
            sys.stderr.flush()
        elif self.plain:
            print(f"  {line}", file=sys.stderr)
        self._current = ""
