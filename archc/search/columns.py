"""A trial in Optuna's words, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from archc.search.holes import Choices, Hole, Real, Whole, spoken
from archc.search.record import Record, Step

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState


def state_of(record: Record) -> TrialState:
    """Optuna's state: what ends without having been trained to the end is pruned."""
    from optuna.trial import TrialState

    if record.told is None:
        return TrialState.RUNNING
    if record.state == "complete" and not record.stopped:
        return TrialState.COMPLETE
    return TrialState.FAIL if record.state == "failed" else TrialState.PRUNED


def columns(
    parameters: Mapping[str, Any], holes: Iterable[Hole]
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """What stands in the holes, by their names, and what may stand there.

    A hole is left out where a move took its place away, and where the origin has a value that the
    search would not choose.
    """
    values: dict[str, Any] = {}
    distributions: dict[str, BaseDistribution] = {}
    for hole in holes:
        try:
            value = hole.value(parameters)
        except (LookupError, TypeError):
            continue
        if hole.domain.holds(value):
            plain = isinstance(hole.domain, Whole | Real) or bool(hole.domain.numbers)
            values[hole.name] = value if plain else spoken(value)
            distributions[hole.name] = distribution(hole)
    return values, distributions


def distribution(hole: Hole) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    match hole.domain:
        case Whole(low, high, log):
            return IntDistribution(low, high, log=log)
        case Real(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choices(values) as choices:
            return CategoricalDistribution(choices.numbers or [spoken(one) for one in values])


def attributes(record: Record) -> dict[str, Any]:
    """What a trial has from its beginning."""
    found = {
        "spec": record.text,
        "digest": record.digest,
        "identity": record.identity,
        "parents": list(record.parents),
        "change": record.change,
        "evaluated": record.evaluated,
        "avoided": record.avoided,
        "parameters": dict(record.parameters),
    }
    return found if record.twin is None else {**found, "twin": record.twin}


def ending(record: Record) -> dict[str, Any]:
    """What a trial comes to, as one attribute: it is there as a whole or not at all."""
    found = {
        "state": record.state,
        "values": dict(record.values),
        "cost": record.cost,
        "rung": record.rung,
        "stopped": record.stopped,
        "why": record.why,
        "told": record.told,
    }
    return {"result": found}


def record_of(trial: FrozenTrial) -> Record:
    """A trial as it was recorded. What was written of an end that never came is left out.

    What other programs did to a study is a failure: a trial that they made, or ended.
    """
    known = trial.user_attrs
    if "spec" not in known:
        return Record(trial.number, "", "", state="failed", why="not of this search", told=0)
    assert trial.datetime_start is not None
    ended = trial.datetime_complete
    told: dict[str, Any] = {}
    if trial.state.is_finished():
        outside = {"state": "failed", "why": "ended by another program", "told": 0}
        told = known.get("result", outside)
    return Record(
        number=trial.number,
        text=known["spec"],
        digest=known["digest"],
        identity=known.get("identity", known["digest"]),
        parents=tuple(known["parents"]),
        change=known["change"],
        evaluated=known["evaluated"],
        avoided=known["avoided"],
        parameters=known["parameters"],
        twin=known.get("twin"),
        steps=tuple(Step(**one) for one in known.get("rungs", ())),
        began=trial.datetime_start.timestamp(),
        ended=None if ended is None else ended.timestamp(),
        **told,
    )
