"""Scores of candidates that need a backend: training, training-free scores, latency and memory.

`evaluator` is what the entry point `archc.evaluators` gives for `train`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


__all__ = ["evaluator"]
