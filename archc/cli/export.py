"""Write the ONNX file of a spec or a run, for a target.

Examples:
  archc export resnet50 -o resnet50.onnx
  archc export gpt2 --weights gpt2.safetensors --target "ort>=1.20,cpu,fp16" -o gpt2.onnx
  archc export runs/lenet5 -o lenet5.onnx      with the weights that it chose
  archc export specs/vae.yaml -o vae/          one file a model
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archc.cli.options import add_choices, add_model, add_spec, choose_model
from archc.cli.trained import resolve
from archc.errors import printable


def configure(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_choices(parser)
    add_model(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.onnx",
        help="where to write; NAME.onnx without, a folder for several models",
    )
    add_weights(parser)
    parser.add_argument(
        "--target", metavar="TARGET", help='such as "ort>=1.20,cpu,fp16"; archc explain E602'
    )


def add_weights(parser: ArgumentParser, without: str = "initial values") -> None:
    parser.add_argument(
        "--weights", metavar="FILE", help=f".safetensors, .pt, .pth or .npz; {without} without"
    )
    parser.add_argument("--seed", type=int, default=0, help=f"of the {without} (0)")


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.stages import Stages
    from archc.pipeline import compile

    onnx = backend("onnx")
    facts = resolve(args)
    program = compile(args.spec, variant=args.variant, set=args.set)
    program.metadata.update(facts)
    models = [choose_model(args.model, list(program.models), program.main)]
    if args.model is None and len(program.models) > 1:
        models = list(program.models)
    stages, written = Stages(args), []
    for model in models:
        path = output_path(args.output, program.name, model, several=len(models) > 1)
        stages(f"{model} → {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.export(
            program, path, weights=args.weights, seed=args.seed, target=args.target, model=model
        )
        written.append(path)
    stages.done()
    return show(args, written)


def output_path(output: str | None, name: str, model: str, several: bool) -> Path:
    """Where a model's file goes: the path given, or one file a model in the folder given."""
    if several:
        return Path(output or name) / f"{model}.onnx"
    path = Path(output or f"{name}.onnx")
    return path / f"{model}.onnx" if path.is_dir() or (output and output.endswith("/")) else path


def show(args: Namespace, written: list[Path]) -> int:
    from archc.cli.report import print_json

    sizes = {path.as_posix(): path.stat().st_size for path in written}
    if args.json:
        print_json([{"file": path, "bytes": size} for path, size in sizes.items()])
        return 0
    for path, size in sizes.items():
        print(printable(f"{path}  {file_size(size)}"))
    return 0


def file_size(size: int) -> str:
    """`1.6 kB`, `46.8 MB`."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.3g} {unit}"
    return f"{size} B"
