"""Train a spec as its `train:` section says, into a run directory.

The directory holds the spec, the log, checkpoints, curves and the best weights; `archc build RUN`
makes verified ONNX of it, `archc eval RUN` measures it. A run that was stopped, by Ctrl-C or in any
other way, goes on with --resume as if nothing had happened. Several processes are started by
Accelerate's launcher.

Examples:
  archc train net.yaml                             into runs/NAME, as its `name:` says
  archc train net.yaml --data mnist.npz            on files of yours
  archc train net.yaml -o runs/small --set width=16 --epochs 3
  archc train --resume runs/small
  archc train net.yaml --precision bf16 --compile
  accelerate launch --num_processes 2 -m archc train net.yaml
  accelerate launch --use_fsdp --num_processes 2 -m archc train net.yaml   weights in shards
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from math import inf
from pathlib import Path
from typing import Any

from archc.cli.options import add_choices, add_spec

CHANGES = ("batch", "epochs", "steps", "seed", "precision", "compile")
BEGINNING = ("set", "variant", "output", "data", "download", "weights", *CHANGES)


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, nargs="?")
    add_choices(parser)
    parser.add_argument("-o", "--output", metavar="RUN", help="the directory; runs/NAME without")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that is there")
    parser.add_argument("--data", metavar="PATH", help="where the data is, in place of the spec's")
    parser.add_argument("--download", action="store_true", help="fetch data that is not here")
    parser.add_argument("--weights", metavar="FILE", help="weights to begin with")
    parser.add_argument("--batch", type=int, metavar="N", help="items of a batch")
    parser.add_argument("--epochs", type=float, metavar="N", help="epochs in all, or of each phase")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="turns of all updates, in place of epochs"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the first weights and of everything drawn"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), help="fp32 without")
    parser.add_argument("--compile", action="store_true", default=None, help="use torch.compile")
    parser.add_argument(
        "--device", choices=("auto", "cpu"), default="auto", help="auto: a GPU where there is one"
    )


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.progress import Progress
    from archc.cli.report import print_json

    check(args)
    trainer = backend("train")
    try:
        with Progress(args) as progress:
            if args.resume is not None:
                folder = Path(args.resume)
                result = trainer.resume(folder, device=args.device, tell=progress)
            else:
                result = trainer.start(
                    args.spec,
                    variant=args.variant,
                    set=args.set,
                    folder=Path(args.output) if args.output else None,
                    data=args.data,
                    download=args.download,
                    weights=args.weights,
                    changes=changes(args),
                    device=args.device,
                    tell=progress,
                )
    except KeyboardInterrupt as stop:
        tell_how_to_go_on(stop)
        return 130
    if not result["main"]:
        return 0
    if args.json:
        print_json({name: result[name] for name in ("run", "best")})
    else:
        show(result, args)
    return 0


def check(args: Namespace) -> None:
    """Raises UsageError E706 for options that do not go together, or numbers that mean nothing."""
    from archc.errors import UsageError, word

    wrong = {
        f"--batch {args.batch}: at least one": args.batch is not None and args.batch < 1,
        f"--steps {args.steps}: at least one": args.steps is not None and args.steps < 1,
        f"--epochs {args.epochs}: a number above 0": args.epochs is not None
        and not 0 < args.epochs < inf,
        f"--seed {args.seed}: from 0 to 2^63 - 1": args.seed is not None
        and not 0 <= args.seed < 2**63,
    }
    for what, there in wrong.items():
        if there:
            raise UsageError.of("E706", what)
    if (args.spec is None) == (args.resume is None):
        help = "archc train net.yaml, or archc train --resume runs/NAME"
        raise UsageError.of("E706", "give a spec, or --resume with a run", help=help)
    if args.spec is not None and (Path(args.spec) / "run.json").exists():
        help = f"archc train --resume {word(args.spec)}"
        raise UsageError.of("E706", f"{args.spec} is a run, not a spec", help=help)
    given = [name for name in BEGINNING if getattr(args, name)]
    if args.resume is not None and given:
        raise UsageError.of(
            "E706",
            f"a run goes on as it was begun: --{given[0]} is for a new one",
            help=f"archc train SPEC --weights {word(args.resume)}/weights.safetensors -o ANOTHER",
        )


def changes(args: Namespace) -> dict[str, Any]:
    """The settings of the section that the options override."""
    given = {name: getattr(args, name) for name in CHANGES}
    return {name: value for name, value in given.items() if value is not None}


def tell_how_to_go_on(stop: KeyboardInterrupt) -> None:
    """Says what is saved. A second Ctrl-C has no turn to tell of."""
    from archc.errors import printable, word

    run = getattr(stop, "run", None)
    if run is None:
        print("\narchc: stopped at once; what was saved before is whole", file=sys.stderr)
        return
    print(f"\narchc: {printable(str(stop))}, and saved", file=sys.stderr)
    print(f"go on: archc train --resume {word(run.as_posix())}", file=sys.stderr)


def show(result: dict[str, Any], args: Namespace) -> None:
    """The best evaluation and where it is, and what can be done next."""
    from archc.cli.terminal import painter
    from archc.errors import printable

    numbers = [
        f"{printable(name)} {value:.{4 if name == 'epoch' else 5}g}"
        for name, value in result["best"].items()
        if value is not None
    ]
    where = printable(result["run"])
    if numbers:
        print("  ".join(["best" if result["chosen"] else "last", *numbers]))
    print(where)
    if args.quiet:
        return
    paint = painter(sys.stderr)
    part = "test" if "test" in result["parts"] else "val"
    hints = {
        f"archc eval {where}{' --part val' * (part == 'val')}": f"its numbers on the {part} part",
        f"archc build {where}": "verified ONNX",
        f"{where}/report.html": "the curves",
    }
    if result["draws"]:
        hints = {f"archc sample {where}": "what it draws or writes", **hints}
    print(file=sys.stderr)
    for command, does in hints.items():
        print(f"  {command:<{max(map(len, hints))}}  {paint(does, 'dim')}", file=sys.stderr)
