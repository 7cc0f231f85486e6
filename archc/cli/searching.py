"""What a search shows while it runs: counts and the front; plain lines without a terminal."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any, Self

from archc.cli.progress import lasted
from archc.cli.terminal import counted, is_terminal, painter, short
from archc.errors import printable
from archc.search.loop import IDLE
from archc.search.record import Record, duplicates, front, in_vain, most_common
from archc.search.section import Search
from archc.search.start import Searched
from archc.search.study import Study

ROWS = 8  # of the front that are shown
EVERY = 0.25  # seconds between drawings
SILENT = 10.0  # seconds after which a line is printed though nothing was evaluated


class Display:
    """A context; call it with each trial that is told."""

    def __init__(self, args: Namespace, study: Study) -> None:
        self.silent = args.quiet or args.json
        dumb = os.environ.get("TERM") == "dumb"  # where nothing can be drawn over
        self.drawn = is_terminal(sys.stderr) and not self.silent and not dumb
        self.paint = painter(sys.stderr)
        self.study, self.search = study, study.search
        self.records = {one.number: one for one in study.records}
        self.before = sum(one.evaluated for one in study.records)
        self.began = time.monotonic()
        self.front: list[Record] = front(study.records, self.search.objectives)
        self.live: Any = None
        self.last = time.monotonic() - EVERY  # that something was shown
        self.told = 0  # trials, whether shown or not

    def __enter__(self) -> Self:
        if not self.silent:
            for line in described(self.study):
                print(line, file=sys.stderr)
        if self.drawn:
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, force_terminal=True, markup=False, highlight=False)
            self.live = Live(console=console, auto_refresh=False, transient=True)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, record: Record) -> None:
        self.told += 1
        if self.silent:
            return
        self.records[record.number] = record
        better = record.state == "complete" and self._enters(record)
        if self.live is None:
            if record.evaluated or time.monotonic() - self.last > SILENT:
                self.last = time.monotonic()
                print(self._line(record, better), file=sys.stderr)
        elif time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            self.live.update(self.picture(), refresh=True)

    def _enters(self, record: Record) -> bool:
        """Whether the trial is now one of the front."""
        self.front = front([*self.front, record], self.search.objectives)
        return any(one.number == record.number for one in self.front)

    def _line(self, record: Record, better: bool) -> str:
        shown = numbers(record.values, self.search) if record.values else ""
        parts = [f"trial {record.number:>4}", shown, "" if complete(record) else state(record)]
        line = "  ".join(part for part in parts if part)
        mark = "best" if len(self.search.objectives) == 1 else "front"
        return self.paint(f"{line}  {mark}", "green") if better else line

    def picture(self) -> Any:
        """The live table."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        facts = summary(list(self.records.values()))
        done = facts["evaluated"] - self.before
        minutes = (time.monotonic() - self.began) / 60
        rate = f"{done / minutes:.3g} a minute" if minutes > 0 and done else ""
        of = f" of {counted(self.search.trials)}" if self.search.trials else ""
        until = f" of {lasted(self.search.seconds)}" if self.search.seconds else ""
        head = [
            f"{counted(facts['evaluated'])}{of} evaluated",
            f"{lasted(facts['seconds'])}{until}",
            rate,
            f"{counted(facts['duplicates'])} duplicates avoided",
            f"{counted(facts['limited'])} beyond limits",
            f"{counted(facts['failed'])} failed",
        ]
        table = Table(box=None, pad_edge=False)
        names = [one.name for one in self.search.objectives]
        extra = [name for name in ("params", "macs") if name not in names]
        for name in ("trial", *map(printable, names), *extra):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("change")  # which alone gives way
        for one in self.front[:ROWS]:
            cells = [value(one.values.get(name), name) for name in (*names, *extra)]
            change = Text(printable(one.change), no_wrap=True, overflow="ellipsis")
            table.add_row(str(one.number), *cells, change)
        left = len(self.front) - ROWS
        rest = [Text(f"and {left} more on the front")] if left > 0 else []
        return Group(Text("  ".join(part for part in head if part)), table, *rest)


def described(study: Study) -> list[str]:
    """The beginning, line by line."""
    search = study.search
    sought = [f"{'greatest' if one.maximize else 'least'} {one.name}" for one in search.objectives]
    options = " ".join(f"{name} {given}" for name, given in search.options.items())
    budget = [several(search.trials, "trial")] if search.trials else []
    budget += [f"{lasted(search.seconds)} of evaluation"] if search.seconds else []
    lines = [f"{'search':<8} {study.about['name']} for the {', the '.join(sought)}"]
    lines += [f"{'strategy':<8} {search.strategy} {options}".rstrip()]
    lines += [f"{'budget':<8} {', '.join(budget)}", f"{'study':<8} {study.folder.as_posix()}"]
    if study.records:
        lines.append(f"goes on after {several(len(study.records), 'trial')}")
    return [printable(line) for line in lines]


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """What was done so far, counted."""
    states = [one.state for one in records if one.twin is None]
    return {
        "trials": len(records),
        "evaluated": sum(one.evaluated for one in records),
        "seconds": round(sum(one.spent for one in records), 3),
        "duplicates": duplicates(records),
        "limited": states.count("limited"),
        "failed": states.count("failed"),
    }


def several(count: int, what: str) -> str:
    return f"{counted(count)} {what}" + "s" * (count != 1)


def complete(record: Record) -> bool:
    return record.state == "complete" and not record.stopped


def state(record: Record) -> str:
    """How a trial ended, and why; of one that did not go on, after which rung."""
    if record.stopped:
        return f"stopped after rung {record.rung + 1}"
    return printable(f"{record.state}: {record.why}" if record.why else record.state)


def ended(searched: Searched) -> list[str]:
    """Why a search found nothing new, if it did not, and what it had to leave out."""
    lines: list[str] = []
    if searched.end == "exhausted":
        lines.append(f"nothing new came of {IDLE} proposals in a row")
        lines += [f"  {one}" for one in in_vain(searched.records[-IDLE:])]
    if searched.refused:
        count, most = len(searched.refused), most_common(searched.refused.values())
        what = "candidate was" if count == 1 else "candidates were"
        lines.append(f"{counted(count)} {what} left out as no valid spec, most often: {most}")
    return [printable(line) for line in lines]


def numbers(values: Mapping[str, float], search: Search) -> str:
    """The objectives first, then what else is known."""
    names = dict.fromkeys([one.name for one in search.objectives])
    names |= dict.fromkeys(values)
    known = [name for name in names if name in values]
    return "  ".join(f"{printable(name)} {value(values[name], name)}" for name in known)


def value(number: float | None, name: str = "") -> str:
    if number is None:
        return "-"
    if name in ("params", "macs") or name.endswith("bytes"):
        return short(number)
    return f"{number:.5g}"
