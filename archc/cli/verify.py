"""Compare PyTorch with onnxruntime on random inputs, at several sizes of every symbolic dimension.

On a mismatch the first node that differs is named with its line in the spec, and the exit code
is 1. Without weights, ones that make every step matter are drawn from the seed.

Examples:
  archc verify resnet18
  archc verify specs/gpt2.yaml --set layers=2 --at N=2,T=16
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from archc.cli.export import add_weights
from archc.cli.options import add_at, add_choices, add_model, add_spec, check_sizes, choose_model
from archc.cli.trained import resolve
from archc.errors import printable


def configure(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_choices(parser)
    add_model(parser)
    add_weights(parser, "drawn weights")
    add_at(parser, "two of each")
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, help="of the largest magnitude expected (1e-4)"
    )
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda, for onnxruntime (cpu)")
    parser.add_argument("--threads", type=int, help="onnxruntime's threads; all processors without")


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.report import print_json
    from archc.cli.stages import Stages
    from archc.pipeline import compile

    backend("torch"), backend("onnx")
    ort = backend("ort")
    resolve(args)
    program = compile(args.spec, variant=args.variant, set=args.set)
    models = list(program.models)
    if args.model is not None:
        models = [choose_model(args.model, models, program.main)]
    stages, verdicts = Stages(args), []
    for model in models:
        if args.at:
            check_sizes(args.at, program.models[model].symbols())
        verdicts.append(
            ort.verify(
                program,
                model=model,
                weights=args.weights,
                seed=args.seed,
                at=args.at or None,
                tolerance=args.tolerance,
                device=args.device,
                threads=args.threads,
                progress=stages,
            )
        )
    stages.done()
    if args.json:
        print_json([as_json(verdict) for verdict in verdicts])
    else:
        for verdict in verdicts:
            print("\n".join(map(printable, lines(verdict))))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def lines(verdict: Any) -> list[str]:
    """What is told of one model."""
    result = []
    for one in verdict.comparisons:
        sizes = ", ".join(f"{name}={size}" for name, size in one.sizes.items()) or "as declared"
        how = "optimised" if one.optimised else "as written"
        gap = "shape or type differs" if one.difference == float("inf") else f"{one.difference:.1e}"
        result.append(f"{verdict.model}  {sizes}  {how:<10}  {one.output}  {gap}")
    mark = "agrees" if verdict.passed else "DIFFERS"
    gap = f"largest difference {verdict.difference:.1e} of {verdict.tolerance:.0e}"
    result.append(f"{verdict.model} {mark}: {gap}")
    if verdict.culprit is not None:
        first = verdict.culprit
        where = f"{first.path}, {first.op} ({first.place})"
        result.append(f"  first at {where}, by {first.difference:.1e}")
    return result


def as_json(verdict: Any) -> dict[str, object]:
    def number(value: float) -> float | str:
        return value if value < float("inf") else "inf"

    return {
        "model": verdict.model,
        "passed": verdict.passed,
        "difference": number(verdict.difference),
        "tolerance": verdict.tolerance,
        "comparisons": [
            {
                "sizes": dict(one.sizes),
                "optimised": one.optimised,
                "output": one.output,
                "difference": number(one.difference),
                "magnitude": one.magnitude,
            }
            for one in verdict.comparisons
        ],
        "culprit": None
        if verdict.culprit is None
        else {
            "path": verdict.culprit.path,
            "op": verdict.culprit.op,
            "place": verdict.culprit.place,
            "difference": number(verdict.culprit.difference),
        },
    }
