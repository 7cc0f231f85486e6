"""Measure a run: the loss and the metrics of its best weights on a part of the data.

Other data that comes in parts is measured on its test part, and all else whole; --part takes the
part of that name, split off as the spec says where the data has no parts.

Examples:
  archc eval runs/lenet5                        on the test part
  archc eval runs/lenet5 --part val --json
  archc eval runs/lenet5 --data other.npz       on other data
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archc.train.news import Measured


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run directory")
    parser.add_argument("--part", choices=("train", "val", "test"), help="test without it")
    parser.add_argument("--data", metavar="PATH", help="other data than the run's")
    parser.add_argument("--last", action="store_true", help="the weights at the end, not the best")
    parser.add_argument(
        "--device", choices=("auto", "cpu"), default="auto", help="auto: a GPU where there is one"
    )


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.report import print_json

    found = backend("train").measure(
        Path(args.run),
        part=args.part,
        data=args.data,
        weights="weights.safetensors" if args.last else "best.safetensors",
        device=args.device,
    )
    if not found.main:
        return 0
    if args.json:
        about = {"data": args.data or found.data, "part": found.part, "items": found.items}
        print_json({**about, "numbers": found.numbers})
    else:
        show(found, args.data or found.data)
    return 0


def show(found: Measured, data: str) -> None:
    """What was measured of which items, as a table."""
    import sys

    from archc.cli.terminal import Column, counted, painter, table, width
    from archc.errors import printable

    paint = painter(sys.stdout)
    part = "whole" if found.part == "all" else f"{found.part} part"
    items = f"{counted(found.items)} item{'' if found.items == 1 else 's'}"
    print(f"{printable(data)}, {part}: {items}")
    rows = [
        (name, "not finite" if value is None else f"{value:.6g}")
        for name, value in found.numbers.items()
    ]
    columns = [Column("measure", flexible=True), Column("value", "right")]
    print("\n".join(table(columns, rows, width(sys.stdout), paint)))
