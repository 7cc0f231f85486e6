"""`archc study retrain`: candidates trained in full and built, and what they are worth then."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.cli.study.trials import chosen, winner

if TYPE_CHECKING:
    from archc.search.record import Record
    from archc.search.retrain import Outcome, Retraining
    from archc.search.study import Study

    Row = tuple[Record, Outcome, Mapping[str, float]]


def retrain(study: Study, args: Namespace) -> int:
    from archc.backends import backend
    from archc.search.retrain import Retraining

    for name in ("train", "torch", "onnx", "ort"):
        backend(name)  # what is missing is said before something is trained
    records = chosen(study, args) or [winner(study)]
    retraining = Retraining(study, Path(args.output) if args.output else None)
    for record in records:
        retraining.check(record)
    try:
        outcomes = [trained(retraining, record, args) for record in records]
        clocked = [retraining.clocked(record) for record in records]
    except KeyboardInterrupt as stop:
        tell_how_to_go_on(stop, records, args)
        return 130
    show(retraining, list(zip(records, outcomes, clocked, strict=True)), args)
    return 0


def trained(retraining: Retraining, record: Record, args: Namespace) -> Outcome:
    from archc.cli.progress import Progress
    from archc.cli.searching import numbers
    from archc.cli.stages import Stages
    from archc.cli.terminal import painter

    if not (args.quiet or args.json):
        head = f"trial {record.number}  {numbers(record.values, retraining.study.search)}"
        print(painter(sys.stderr)(head.rstrip(), "bold"), file=sys.stderr)
    stages = Stages(args)
    with Progress(args) as progress:
        outcome = retraining(record, progress, stages)
    stages.done()
    return outcome


def tell_how_to_go_on(stop: KeyboardInterrupt, records: Sequence[Record], args: Namespace) -> None:
    """Says what is saved. What was trained to its end is kept."""
    from archc.errors import printable, word
    from archc.search.storage import shown

    saved = f"{printable(str(stop))}, and saved" if str(stop) else "stopped"
    where = f" -o {word(args.output)}" if args.output else ""
    trials = " ".join(str(one.number) for one in records)
    print(f"\narchc: {saved}", file=sys.stderr)
    where += f" --storage {word(shown(args.storage))}" if args.storage else ""
    print(f"go on: archc study retrain {word(args.study)} {trials}{where}", file=sys.stderr)


# ---- what came of it


def show(retraining: Retraining, rows: Sequence[Row], args: Namespace) -> None:
    from archc.cli.report import print_json
    from archc.errors import printable

    if args.json:
        print_json([told(retraining, row) for row in rows])
        return
    for line in table(rows, retraining.study):
        print(line)
    for record, outcome, _ in rows:
        where = printable(retraining.build_of(record).as_posix())
        print(f"{where}: PyTorch and onnxruntime agree to {max(outcome.parity.values()):.1e}")


def told(retraining: Retraining, row: Row) -> dict[str, Any]:
    """All that is known of one, for machines."""
    record, outcome, clocked = row
    return {
        "trial": record.number,
        "run": retraining.run_of(record).as_posix(),
        "build": retraining.build_of(record).as_posix(),
        "searched": dict(record.values),
        "val": outcome.val,
        "test": outcome.test,
        "params": outcome.params,
        "macs": outcome.macs,
        **clocked,
        "parity": outcome.parity,
    }


def table(rows: Sequence[Row], study: Study) -> Iterator[str]:
    """A row a candidate: what the search saw of it, and what it is worth now."""
    from archc.cli.searching import value
    from archc.cli.terminal import Column, painter, width
    from archc.cli.terminal import table as drawn

    outcomes = [outcome for _, outcome, _ in rows]
    names = measures(outcomes, study)
    tests = any(one.test is not None for one in outcomes)
    clocked = list(dict.fromkeys(name for *_, found in rows for name in found))
    heads = ["trial"]
    for name in names:
        heads += [f"{name} in search", "on val", *(["on test"] if tests else [])]
    cells = []
    for record, outcome, times in rows:
        row = [str(record.number)]
        for name in names:
            row += [value(record.values.get(name)), value(outcome.val.get(name))]
            row += [value((outcome.test or {}).get(name))] if tests else []
        row += [value(outcome.params, "params"), value(outcome.macs, "macs")]
        cells.append(row + [value(times[name]) for name in clocked])
    columns = [Column(head, "right") for head in (*heads, "params", "macs", *clocked)]
    return drawn(columns, cells, width(sys.stdout), painter(sys.stdout))


def measures(outcomes: Sequence[Outcome], study: Study) -> list[str]:
    """The objectives that a training measures; all that it measures where none is one."""
    names = dict.fromkeys(name for one in outcomes for name in one.val if name != "epoch")
    sought = [one.name for one in study.search.objectives if one.name in names]
    return sought or list(names)
