"""Run a model in onnxruntime on inputs from files: .npy, .npz, .json or pictures.

The model is an ONNX file, the folder of a build, a run of `archc train`, or a spec, which is
exported with the given or the initial weights first.

Pictures, and rows of numbers in .json, are raw: what training did to its data is done to them, as
the model's metadata says. Arrays in .npy and .npz are fed as they are. Labels in the spec name the
classes of a single row of scores.

Examples:
  archc run build cat.jpg
  archc run lenet5 --weights trained.safetensors --input image=digit.png
  archc run runs/lenet5 --input image=digit.png
  archc run runs/wine row.json
  archc run gpt2.onnx --input tokens=tokens.json --output logits.npz
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from archc.cli.export import add_weights
from archc.cli.options import add_choices, add_model, add_spec
from archc.cli.trained import resolve
from archc.errors import UsageError, printable


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, "source", help="an ONNX file, a build's folder, a run, or a spec")
    parser.add_argument(
        "files", metavar="FILE", nargs="*", default=[], help="inputs, as for --input"
    )
    add_choices(parser)
    add_model(parser)
    add_weights(parser)
    parser.add_argument(
        "--input",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="an input's file; for a lone input, FILE will do",
    )
    parser.add_argument("--output", metavar="FILE.npz", help="write the outputs there")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument("--threads", type=int, help="threads within an op; all processors without")


def run(args: Namespace) -> int:
    from archc.backends import backend

    ort = backend("ort")
    with ExitStack() as stack:
        path = Path(args.source)
        if (path / "report.json").is_file():
            path = built(path, args.model)
        elif path.suffix != ".onnx":
            path = exported(args, stack)
        session = ort.open_session(path, device=args.device, threads=args.threads)
        metadata = ort.metadata(session)
        names = [one.name for one in session.get_inputs()]
        feeds = ort.load_inputs(session, pairs([*args.files, *args.input], names), metadata)
        outputs = ort.evaluate(session, feeds)
    if args.output:
        save(Path(args.output), outputs)
    return show(args, outputs, metadata.get("labels"))


def built(folder: Path, model: str | None) -> Path:
    """The ONNX file of a model that was built there. Raises UsageError E703."""
    files = {path.stem: path for path in sorted(folder.glob("*.onnx"))}
    if model is None and len(files) == 1:
        return next(iter(files.values()))
    if model not in files:
        what = f"has no model '{model}'" if model else f"has {len(files)} models"
        help = f"--model {' or '.join(files)}" if files else f"archc build SPEC -o {folder}"
        raise UsageError.of("E703", f"{printable(str(folder))} {what}", help=printable(help))
    return files[model]


def exported(args: Namespace, stack: ExitStack) -> Path:
    """The spec as an ONNX file in a temporary folder."""
    from tempfile import TemporaryDirectory

    from archc.backends import backend
    from archc.cli.options import choose_model
    from archc.pipeline import compile

    facts = resolve(args, "source")
    program = compile(args.source, variant=args.variant, set=args.set)
    program.metadata.update(facts)
    model = choose_model(args.model, list(program.models), program.main)
    path = Path(stack.enter_context(TemporaryDirectory())) / "model.onnx"
    backend("onnx").export(program, path, weights=args.weights, seed=args.seed, model=model)
    return path


def pairs(written: list[str], names: list[str]) -> dict[str, Path]:
    """`NAME=FILE` arguments; a lone input needs no name."""
    found: dict[str, Path] = {}
    for text in written:
        name, equals, file = text.partition("=")
        if not equals and len(names) == 1:
            name, file = names[0], text
        elif not equals:
            raise UsageError.of(
                "E712",
                f"an input is NAME=FILE, found '{text[:80]}'",
                help=f"the inputs are {', '.join(names)}",
            )
        if name in found:
            raise UsageError.of("E712", f"two files are given for the input '{name}'")
        found[name] = Path(file)
    return found


def save(path: Path, outputs: dict[str, Any]) -> None:
    import numpy as np

    from archc.files import replacing

    with replacing(path) as file:
        np.savez(file, **outputs)


def show(args: Namespace, outputs: dict[str, Any], labels: Any) -> int:
    from archc.cli.report import print_json

    if args.json:
        print_json(
            {
                name: {
                    "dtype": value.dtype.name,
                    "shape": list(value.shape),
                    "values": numbers(value),
                }
                for name, value in outputs.items()
            }
        )
        return 0
    for name, value in outputs.items():
        print(printable(f"{name}  {value.dtype.name}{list(value.shape)}"))
        print("\n".join("  " + line for line in lines(value, labels)))
    return 0


def numbers(value: Any) -> Any:
    """The values as JSON writes them; what is not finite as text."""
    if value.dtype.kind != "f":
        return value.tolist()

    def finite(item: Any) -> Any:
        if isinstance(item, list):
            return [finite(part) for part in item]
        return item if item - item == 0 else str(item)

    return finite(value.tolist())


def lines(value: Any, labels: Any) -> list[str]:
    """A few lines about one output: the best classes if labels name them, or its numbers."""
    import numpy as np

    if (
        isinstance(labels, list)
        and value.ndim == 2
        and value.shape[1] == len(labels)
        and value.shape[0] == 1
        and value.dtype.kind == "f"
    ):
        scores = value[0].astype(np.float64)
        if scores.min() < 0 or abs(scores.sum() - 1) > 1e-3:  # else they are chances already
            scores = np.exp(scores - scores.max())
            scores = scores / scores.sum()
        best = np.argsort(-scores)[:5]
        return [f"{scores[k]:6.1%}  {printable(str(labels[k]))}" for k in best]
    return np.array2string(value, precision=5, threshold=40, edgeitems=4).splitlines()[:24]
