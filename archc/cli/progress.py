"""What a training shows while it runs: what it is about, a bar, and a row an evaluation."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any, Self

from archc.cli.terminal import Column, counted, is_terminal, line, painter
from archc.errors import columns, printable
from archc.train.news import Begun, News

PARTS = {"train": "to train on", "val": "to validate", "test": "to test"}
LEAST = 9  # columns of a number


class Progress:
    """A context; call it with the news. rich draws on a terminal, elsewhere lines are printed."""

    def __init__(self, args: Namespace) -> None:
        self.silent = args.quiet or args.json
        self.live = is_terminal(sys.stderr) and not self.silent
        self.paint = painter(sys.stderr)
        self.bar: Any = None
        self.task: Any = None
        self.begun: Begun | None = None
        self.columns: list[Column] = []
        self.widths: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self, news: Begun | News) -> None:
        if self.silent:
            return
        if isinstance(news, Begun):
            self.begin(news)
            return
        assert self.begun is not None
        if self.bar is not None:
            self.bar.update(
                self.task,
                completed=news.turn,
                epoch=news.epoch,
                numbers="  ".join(f"{printable(n)} {v:.4g}" for n, v in news.measured.items()),
            )
        if news.evaluation:
            values = [shown(news.measured.get(name)) for name in self.begun.measures]
            cells = [f"{news.epoch:.4g}", *values, lasted(news.seconds)]
            row = line(cells, wide_enough(cells, self.widths), self.columns)
            self.say(self.paint(f"{row}  best", "green") if news.best else row)

    # ---- the beginning

    def begin(self, news: Begun) -> None:
        """What is trained, on what, where and for how long; then the table's head."""
        self.stop()
        first, self.begun = self.begun is None, news
        if first:
            for name, text in described(news):
                self.say(f"{self.paint(name.ljust(8), 'bold')} {printable(text)}")
        if news.phases > 1:
            self.say(self.paint(f"phase {news.phase + 1} of {news.phases}", "bold"))
        if news.turn >= news.turns:
            self.say(f"all {counted(news.turns)} steps are done")
            return
        if news.turn:
            self.say(f"goes on after step {counted(news.turn)}")
        titles = ["epoch", *map(printable, news.measures), "time"]
        self.columns = [Column(title, "right") for title in titles]
        least = [7, *(LEAST for _ in news.measures), 8]
        self.widths = wide_enough(titles, least)
        self.say("")
        self.say(self.paint(line(titles, self.widths, self.columns), "bold"))
        if self.live:
            self.start(news)

    def start(self, news: Begun) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]:.2f}"),
            BarColumn(bar_width=24),
            TextColumn("step {task.completed}/{task.total}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=Console(stderr=True, markup=False, highlight=False),
            transient=True,
        )
        self.bar.start()
        epoch = news.turn / news.per_epoch
        self.task = self.bar.add_task(
            "", total=news.turns, completed=news.turn, epoch=epoch, numbers=""
        )

    def stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def say(self, line: str) -> None:
        """A line that stays, above the bar if there is one."""
        if self.bar is not None:
            from rich.text import Text

            self.bar.console.print(Text.from_ansi(line), soft_wrap=True)
        else:
            print(line, file=sys.stderr)


def wide_enough(cells: list[str], least: list[int]) -> list[int]:
    """Widths in which nothing is cut off; a row may stick out, as a number may be longer."""
    return [max(wide, columns(cell)) for cell, wide in zip(cells, least, strict=True)]


def described(news: Begun) -> list[tuple[str, str]]:
    """The beginning, line by line."""
    items = ", ".join(f"{counted(n)} {PARTS.get(part, part)}" for part, n in news.items.items())
    epochs = news.turns / news.per_epoch
    length = f"{epochs:.4g} epoch{'' if epochs == 1 else 's'}"
    length += " in this phase" if news.phases > 1 else ""
    found = [
        ("network", f"{news.network}, {counted(news.params)} parameters"),
        ("data", f"{news.data}: {items}"),
        ("device", f"{news.device}; {news.precision}"),
        ("length", f"{length}: {counted(news.turns)} steps, batches of {counted(news.batch)}"),
    ]
    if news.chosen is not None:
        name, more_is_better = news.chosen
        found.append(("best", f"by the {'greatest' if more_is_better else 'least'} {name}"))
    return [*found, ("run", news.run.as_posix())]


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def lasted(seconds: float) -> str:
    """`42 s`, `3:07`, `1:02:09`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
