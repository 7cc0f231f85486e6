"""What a training's evaluations tell: terms of losses and metrics, and which chooses the best."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from collections.abc import Sequence as Sequence_
from typing import Any

from archc.errors import did_you_mean
from archc.place import Place
from archc.spec.data import Data, Mapping
from archc.spec.training import METRICS
from archc.train.options import Fail
from archc.train.section import Metric, Training, Update

DIRECTIONS = ("minimize", "maximize")


def term_names(updates: Sequence_[Update]) -> list[str]:
    """The names of what evaluation tells of the losses; `loss` is the weighted sum."""
    return [
        f"{update.name}.{name}" if len(updates) > 1 else name
        for update in updates
        for name in dict.fromkeys((*(n for n in update.loss if n != "loss"), "loss"))
    ]


def result_names(training: Training) -> list[str]:
    """The names of all that an evaluation tells."""
    metrics = (metric.name for metric in training.metrics)
    return list(dict.fromkeys([*term_names(training.updates), *metrics]))


def metrics_of(
    data: Data | None, plain: Map[str, Any], updates: Sequence_[Update], fail: Fail
) -> Iterator[Metric]:
    """The metrics of a section's `metrics`, whose values are `plain`."""
    terms = term_names(updates)
    entries = data.entries.items() if isinstance(data, Mapping) else ()
    places = {str(key): entry.key.place for key, entry in entries}
    for name, value in plain.items():
        place = places.get(name)
        same = [f"{update.name}.{name}" for update in updates]
        if name in terms and value not in same:
            help = "call the metric otherwise"
            fail("E211", f"the loss is told as '{name}' already", place, help)
            continue
        found = metric(name, value, place, fail)
        if found is not None:
            yield found


def metric(name: str, value: Any, place: Place | None, fail: Fail) -> Metric | None:
    """One metric; None where it has no sense."""
    kind, inputs = name, value
    options: dict[str, Any] = {}
    if isinstance(value, str):
        if name in METRICS and name != "mean":
            help = f"{name}: [{value}, label]; the mean of {value} goes by a name of its own"
            fail("E802", f"{name} is told what it is measured of by a list", place, help)
            return None
        kind, inputs = "mean", [value]
    elif isinstance(value, dict):
        kinds = [key for key in value if key != "in"]
        if len(kinds) != 1:
            help = f"{name}: {{accuracy: {{top_k: 5}}, in: [logits, label]}}"
            fail("E802", f"the metric '{name}' has one kind", place, help)
            return None
        kind, options, inputs = kinds[0], value[kinds[0]] or {}, value.get("in", [])
        if isinstance(options, list):
            options, inputs = {}, options
        inputs = [inputs] if isinstance(inputs, str) else inputs
    if kind not in METRICS:
        fail("E204", f"no metric '{kind}'", place, did_you_mean(kind, METRICS))
        return None
    wanted = METRICS[kind].inputs
    if len(inputs) != wanted:
        what = f"{kind} is measured of {'one value' if wanted == 1 else 'two values'}"
        example = "[logits]" if wanted == 1 else "[logits, label]"
        help = f"{name}: {{{kind}: {example}}}"
        fail("E802", f"{what}, found {len(inputs)}", place, help)
        return None
    return Metric(name, kind, tuple(map(str, inputs)), options, place)


def best_of(
    data: Data | None, value: Any, metrics: Sequence_[Metric], terms: Sequence_[str], fail: Fail
) -> tuple[str, bool] | None:
    """What `best` says: the number that chooses, and whether more of it is better."""
    if value is None or data is None:
        return None
    place = data.place
    if isinstance(value, dict):
        [(direction, name)] = value.items()
        if direction not in DIRECTIONS:
            what = f"'best' does not know '{direction}'"
            fail("E206", what, place, did_you_mean(str(direction), DIRECTIONS))
    else:
        direction, name = "", value
    kinds = {metric.name: metric.kind for metric in metrics}
    if name in terms:
        return name, direction == "maximize"
    if name not in kinds:
        what = f"'best' asks for '{name}', which no evaluation tells"
        fail("E204", what, place, did_you_mean(str(name), [*terms, *kinds]))
        return None
    more = METRICS[kinds[name]].more
    if more is None and not direction:
        what = f"nothing says whether more of '{name}' is better"
        fail("E203", what, place, f"best: {{minimize: {name}}}, or {{maximize: {name}}}")
    return name, direction == "maximize" if direction else bool(more)
