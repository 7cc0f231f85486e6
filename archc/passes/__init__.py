"""Rewritings of programs, one a file, and the orders in which they are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archc.errors import UsageError, did_you_mean
from archc.ir.program import Program
from archc.ir.verify import verify
from archc.passes.base import Pass
from archc.passes.canonicalise import Canonicalise
from archc.passes.common_subexpressions import CommonSubexpressions
from archc.passes.dead_code import DeadCode
from archc.passes.expand import Expand
from archc.passes.flatten import flatten
from archc.passes.fold_batch_norm import FoldBatchNorm
from archc.passes.fold_constants import FoldConstants
from archc.passes.fold_scale import FoldScale
from archc.passes.specialise import Specialise

Step = Callable[[Program], Program]  # a pass, or a plain function

PIPELINES: dict[str, tuple[Step, ...]] = {
    # what training may run: no weight goes, no value changes
    "training": (Canonicalise(), CommonSubexpressions(), Canonicalise()),
    # the same, and what only the given values of weights and statistics allow
    "inference": (
        Canonicalise(), FoldBatchNorm(), CommonSubexpressions(), FoldConstants(), Canonicalise(),
        DeadCode(),
    ),
    # one model as one graph, seen through all blocks
    "flat": (
        flatten, Canonicalise(), CommonSubexpressions(), FoldConstants(), Canonicalise(),
        DeadCode(),
    ),
    "flat-inference": (
        flatten, Canonicalise(), FoldBatchNorm(), CommonSubexpressions(), FoldConstants(),
        Canonicalise(), DeadCode(),
    ),
}  # fmt: skip


def run(program: Program, pipeline: str | Sequence[Step]) -> Program:
    """The program after each step of a pipeline, by its name or as steps, verified after each.

    UsageError E706 for an unknown name, InternalError if a step breaks a rule.
    """
    if isinstance(pipeline, str) and pipeline not in PIPELINES:
        help = did_you_mean(pipeline, PIPELINES)
        raise UsageError.of("E706", f"there is no pipeline '{pipeline}'", help=help)
    for step in PIPELINES[pipeline] if isinstance(pipeline, str) else pipeline:
        program = step(program)
        if not isinstance(step, Pass):  # a pass verifies what it gives
            verify(program)
    return program


__all__ = [
    "PIPELINES", "Canonicalise", "CommonSubexpressions", "DeadCode", "Expand", "FoldBatchNorm",
    "FoldConstants", "FoldScale", "Pass", "Specialise", "Step", "flatten", "run",
]  # fmt: skip
