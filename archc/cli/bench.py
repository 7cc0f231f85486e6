"""Time a model's forward pass: PyTorch beside onnxruntime, runs interleaved, with an A/A ratio.

Several specs are compared in onnxruntime instead, with initial weights. The first row is timed
twice (A/A): its second ratio tells how far these measurements wander by themselves.

Examples:
  archc bench resnet18 --threads 1
  archc bench gpt2 --set layers=4 --at N=1,T=128 --seconds 10
  archc bench mobilenet_v2 resnet18 net.yaml:small --threads 1
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.cli.export import add_weights
from archc.cli.options import add_at, add_choices, add_model, add_spec, check_sizes, choose_model

if TYPE_CHECKING:
    from archc.cli.stages import Stages
    from archc.ir.program import Definition, Program

Runs = dict[str, Callable[[], object]]


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, nargs="+")
    add_choices(parser)
    add_model(parser)
    add_weights(parser)
    add_at(parser, "1 for N, something small for others")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to measure (5)")
    parser.add_argument("--threads", type=int, help="threads for both; all processors without")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda, for onnxruntime (cpu)")


def run(args: Namespace) -> int:
    from tempfile import TemporaryDirectory

    from archc.backends import backend
    from archc.cli.stages import Stages

    stages = Stages(args)
    with TemporaryDirectory() as folder:
        runs, sizes = (one if len(args.spec) == 1 else several)(args, Path(folder), stages)
        stages("measuring")
        rows = backend("ort").compare(runs, seconds=args.seconds)
        stages.done()
    return show(args, rows, sizes)


def one(args: Namespace, folder: Path, stages: Stages) -> tuple[Runs, dict[str, int]]:
    """What is run of a single spec, and the sizes of its symbolic dimensions."""
    from archc.backends import backend
    from archc.pipeline import compile
    from archc.sample import inputs as sample

    torch, ort = backend("torch"), backend("ort")
    program = compile(args.spec[0], variant=args.variant, set=args.set)
    model = choose_model(args.model, list(program.models), program.main)
    check_sizes(args.at, program.models[model].symbols())
    sizes = sizes_of(program.models[model], args.at)
    feeds = sample(program.models[model], sizes, args.seed)
    session = opened(program, model, folder / "model.onnx", args, stages)
    stages("PyTorch module")
    module = torch.module(program, weights=args.weights, seed=args.seed, model=model)
    torch.set_threads(args.threads or ort.available_threads())
    runs: Runs = {
        "onnxruntime": partial(ort.evaluate, session, feeds),
        "onnxruntime again": partial(ort.evaluate, session, feeds),
        "PyTorch": partial(torch.evaluate, module, feeds),
    }
    return runs, sizes


def several(args: Namespace, folder: Path, stages: Stages) -> tuple[Runs, dict[str, int]]:
    """What is run of several specs, the first one twice. Raises UsageError E706."""
    from archc.backends import backend
    from archc.errors import UsageError
    from archc.pipeline import compile
    from archc.sample import inputs as sample

    ort = backend("ort")
    given = [name for name in ("variant", "set", "model", "weights") if getattr(args, name)]
    if given:
        help = "archc bench net.yaml:small resnet18, or one spec at a time"
        raise UsageError.of("E706", f"--{given[0]} is for a single spec", help=help)
    runs: Runs = {}
    sizes: dict[str, int] = {}
    programs = {spec: compile(spec) for spec in args.spec}
    symbols = {symbol: None for program in programs.values() for symbol in program.model.symbols()}
    check_sizes(args.at, list(symbols))
    for number, (spec, program) in enumerate(programs.items()):
        own = sizes_of(program.model, args.at)
        feeds = sample(program.model, own, args.seed)
        path = folder / f"{number}.onnx"
        session = opened(program, program.main, path, args, stages)
        runs[spec] = partial(ort.evaluate, session, feeds)
        if not number:
            runs[f"{spec} again"] = runs[spec]
        sizes |= own
    return runs, sizes


def sizes_of(definition: Definition, at: dict[str, int]) -> dict[str, int]:
    """Of every symbolic dimension: what `at` says, one for a batch, else something small."""
    from archc.sample import bindings

    batch = {"N": 1} if "N" in definition.symbols() else {}
    wanted = {name: size for name, size in at.items() if name in definition.symbols()}
    return {**bindings(definition, 1)[0], **batch, **wanted}


def opened(program: Program, model: str, path: Path, args: Namespace, stages: Stages) -> Any:
    """An onnxruntime session of a model, whose file is written to the path."""
    from archc.backends import backend

    stages(f"{program.name}: ONNX file")
    weights = {"weights": args.weights, "seed": args.seed}
    backend("onnx").export(program, path, model=model, **weights)
    stages(f"{program.name}: onnxruntime session")
    return backend("ort").open_session(path, device=args.device, threads=args.threads)


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
            f"{milliseconds(row.median)} ms",
            f"{milliseconds(row.low)}-{milliseconds(row.high)}",
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


def milliseconds(seconds: float) -> str:
    """Two decimals, or three digits of what is less than one."""
    return f"{seconds * 1e3:.2f}" if seconds >= 1e-3 else f"{seconds * 1e3:.3g}"
