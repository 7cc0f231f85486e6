"""TensorBoard's event files in a run's `tensorboard` folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from archc_train.run import Run

LOG = logging.getLogger("archc.train")


class Board:
    """The numbers over turns, those of all phases one after the other.

    It is a copy of the log for those who like to look at it there: where it cannot be written it is
    given up, and the training goes on.
    """

    def __init__(self, run: Run, phase: int, turn: int) -> None:
        """`turn` of the phase are done: what an earlier start wrote after them is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        ends: dict[int, int] = {}
        for record in run.records():
            ends[record["phase"]] = max(ends.get(record["phase"], 0), record["turn"])
        self.before = sum(turns for number, turns in ends.items() if number < phase)
        self.writer: Any = SummaryWriter(
            str(run.folder / "tensorboard"), purge_step=self.before + turn + 1
        )

    def add(self, turn: int, values: Mapping[str, float]) -> None:
        try:
            for name, value in values.items():
                if self.writer is not None:
                    tag = name.replace(".", "/", 1)
                    self.writer.add_scalar(tag, value, self.before + turn)
        except OSError as error:
            LOG.warning("tensorboard: %s; it gets no more numbers", error)
            self.writer = None

    def close(self) -> None:
        try:
            if self.writer is not None:
                self.writer.close()
        except OSError as error:
            LOG.warning("tensorboard: %s", error)
