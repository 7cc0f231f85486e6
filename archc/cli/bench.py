"""Time a model's forward pass: PyTorch beside onnxruntime, runs interleaved, with an A/A ratio.

The first row is timed twice (A/A): its second ratio tells how far these measurements wander by
themselves.

Examples:
  archc bench resnet18 --threads 1
  archc bench gpt2 --set layers=4 --at N=1,T=128 --seconds 10
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from archc.cli.export import add_weights
from archc.cli.options import add_at, add_choices, add_model, add_spec, check_sizes, choose_model


def configure(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_choices(parser)
    add_model(parser)
    add_weights(parser)
    add_at(parser)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to measure (5)")
    parser.add_argument("--threads", type=int, help="threads for both; all processors without")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda, for onnxruntime (cpu)")


def run(args: Namespace) -> int:
    from tempfile import TemporaryDirectory

    from archc.backends import backend
    from archc.cli.stages import Stages
    from archc.pipeline import compile
    from archc.sample import bindings
    from archc.sample import inputs as sample

    torch, onnx, ort = backend("torch"), backend("onnx"), backend("ort")
    program = compile(args.spec, variant=args.variant, set=args.set)
    model = choose_model(args.model, list(program.models), program.main)
    definition = program.models[model]
    check_sizes(args.at, definition.symbols())
    sizes = {
        **bindings(definition, 1)[0],
        **({"N": 1} if "N" in definition.symbols() else {}),
        **args.at,
    }
    feeds = sample(definition, sizes, args.seed)
    stages = Stages(args)
    with TemporaryDirectory() as folder:
        stages("ONNX file")
        path = Path(folder) / "model.onnx"
        onnx.export(program, path, weights=args.weights, seed=args.seed, model=model)
        stages("onnxruntime session")
        session = ort.open_session(path, device=args.device, threads=args.threads)
        stages("PyTorch module")
        module = torch.module(program, weights=args.weights, seed=args.seed, model=model)
        torch.set_threads(args.threads or ort.available_threads())
        stages("measuring")
        rows = ort.compare(
            {
                "onnxruntime": lambda: ort.evaluate(session, feeds),
                "onnxruntime again": lambda: ort.evaluate(session, feeds),
                "PyTorch": lambda: torch.evaluate(module, feeds),
            },
            seconds=args.seconds,
        )
        stages.done()
    return show(args, rows, sizes)


def show(args: Namespace, rows: list[Any], sizes: dict[str, int]) -> int:
    import sys

    from archc.cli.report import print_json
    from archc.cli.terminal import Column, painter, table, width

    if args.json:
        print_json(
            [
                {
                    "name": row.name,
                    "median": row.median,
                    "low": row.low,
                    "high": row.high,
                    "ratio": row.ratio,
                    "interval": [row.ratio_low, row.ratio_high],
                    "rounds": row.rounds,
                }
                for row in rows
            ]
        )
        return 0
    batch = sizes.get("N", 1)
    columns = [
        Column(""),
        *(Column(title, "right") for title in ("median", "quartiles", "items/s", "ratio", "95 %")),
    ]
    cells = [
        (
            row.name,
            f"{row.median * 1e3:.2f} ms",
            f"{row.low * 1e3:.2f}-{row.high * 1e3:.2f}",
            f"{batch / row.median:,.1f}",
            f"{row.ratio:.2f}",
            f"{row.ratio_low:.2f}-{row.ratio_high:.2f}",
        )
        for row in rows
    ]
    print(
        "at "
        + (", ".join(f"{name}={size}" for name, size in sizes.items()) or "the declared sizes")
    )
    print("\n".join(table(columns, cells, width(sys.stdout), painter(sys.stdout))))
    return 0
