"""Build a spec or a run: verified ONNX, PyTorch source, weights, the spec itself, and a report.

Writes model.onnx, model.py, weights.safetensors, spec.yaml and report.json. With several models
each has an ONNX and a source file of its own name. Nothing is replaced unless the build succeeds.

Examples:
  archc build resnet18                       into build/resnet18
  archc build runs/lenet5 -o deployed        a run, with the weights that it chose
  archc build net.yaml:small -o out --weights trained.safetensors
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archc.cli.export import add_weights, file_size
from archc.cli.options import add_choices, add_spec
from archc.cli.trained import resolve
from archc.errors import printable


def configure(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_choices(parser)
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="the folder to write into; build/NAME without"
    )
    add_weights(parser)
    parser.add_argument(
        "--target", metavar="TARGET", help='of the ONNX file: "ort>=1.20,cpu"; archc explain E602'
    )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not compare PyTorch with onnxruntime"
    )


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.build import build
    from archc.cli.report import print_json
    from archc.cli.stages import Stages
    from archc.pipeline import compile

    backend("torch"), backend("onnx")
    facts = resolve(args)
    program = compile(args.spec, variant=args.variant, set=args.set)
    program.metadata.update(facts)
    folder = Path(args.output) if args.output else Path("build") / program.name
    stages = Stages(args)
    report = build(
        program,
        folder,
        weights=args.weights,
        seed=args.seed,
        target=args.target,
        check=not args.no_verify,
        progress=stages,
    )
    stages.done()
    if args.json:
        print_json(report)
        return 0
    for name, size in report["files"].items():
        print(printable(f"{(folder / name).as_posix()}  {file_size(size)}"))
    for model, parity in report["parity"].items():
        print(f"{model}: PyTorch and onnxruntime agree to {parity:.1e}")
    return 0
