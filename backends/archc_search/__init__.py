"""Scores of candidates that need a backend: training, training-free scores, latency and memory.

`evaluator` is what the entry point `archc.evaluators` gives for `train`, `clock` measures a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.search.statics import CLOCKED

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc.search.candidate import Candidate
    from archc.search.section import Search
    from archc.search.trial import Evaluator


def evaluator(search: Search, origin: Candidate, options: Mapping[str, Any]) -> Evaluator:
    """Finds whatever a search asks for that does not follow from the graph alone.

    `data` among the options is where the files of the spec's data are, `download` whether they may
    be fetched, `device` one of auto and cpu. Raises as `archc.train.read` where something must be
    trained, and cannot be.
    """
    from archc_search.scorer import Scorer

    return Scorer(search, origin, **options)


def clock(model: Path, definition: Definition, threads: int = 1) -> dict[str, float]:
    """What CLOCKED names, of a definition's ONNX file, in a process of its own.

    Raises EvaluationError where it cannot be run.
    """
    from archc_search.clocked import timed

    return timed(model, definition, threads)


__all__ = ["CLOCKED", "clock", "evaluator"]
