"""Measure a run: the loss and the metrics of its best weights on a part of the data.

Examples:
  archc eval runs/lenet5                        on the test part
  archc eval runs/lenet5 --part val --json
  archc eval runs/lenet5 --data other.npz       on the test part of other data
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run directory")
    parser.add_argument("--part", choices=("train", "val", "test"), default="test")
    parser.add_argument("--data", metavar="PATH", help="other data than the run's")
    parser.add_argument("--last", action="store_true", help="the weights at the end, not the best")
    parser.add_argument(
        "--device", choices=("auto", "cpu"), default="auto", help="auto: a GPU where there is one"
    )


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.report import print_json
    from archc.errors import printable

    found = backend("train").measure(
        Path(args.run),
        part=args.part,
        data=args.data,
        weights="weights.safetensors" if args.last else "best.safetensors",
        device=args.device,
    )
    if args.json:
        print_json(found)
        return 0
    names = {name: printable(name) for name in found}
    width = max(map(len, names.values()), default=0)
    for name, value in found.items():
        text = "not finite" if value is None else f"{value:.6g}"
        print(f"{names[name]:<{width}}  {text}")
    return 0
