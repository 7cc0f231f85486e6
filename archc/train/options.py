"""Optimisers, schedules and clips with their options, and what values these can have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as Map
from math import isfinite
from typing import Any

from archc.errors import did_you_mean
from archc.place import Place
from archc.spec.data import Data, Mapping
from archc.spec.training import CLIPS, FLAGS, OPTIMIZERS, OURS, SCHEDULES
from archc.train.section import Choice

Fail = Callable[[str, str, Place | None, str], None]  # takes a code, what is wrong, where, and help
WORDS: dict[str, Map[str, Collection[str]]] = {
    "optimizer": {name: (*options, *OURS, *FLAGS) for name, options in OPTIMIZERS.items()},
    "schedule": SCHEDULES,
    "clip": dict.fromkeys(CLIPS, ("value",)),
}
KINDS = {"optimizer": "optimiser", "schedule": "schedule", "clip": "clip"}
MAIN = {"optimizer": "lr", "clip": "value"}  # what a bare number is

TRUTHS = ("amsgrad", "decoupled_weight_decay", "nesterov", "centered")
PAIRS = {"betas": 2, "etas": 2, "step_sizes": 2, "ns_coefficients": 3}  # how many numbers
OTHERS = ("line_search_fn", "adjust_lr_fn", "groups", "exempt", "others", "match", "eps")
SHARES = ("warmup_share", "start_factor", "final_factor")


def chosen(key: str, value: Any, data: Data | None, place: Place, fail: Fail) -> Choice:
    """What a setting chooses, and that there is such a thing with such options."""
    if key == "clip" and isinstance(value, int | float):
        value = {"norm": value}
    found = choice(value, place, MAIN.get(key, "value"))
    words = WORDS[key]
    if found.name not in words:
        help = did_you_mean(found.name, words)
        fail("E204", f"no {KINDS[key]} '{found.name}'", place, help)
        return found
    what = f"the {KINDS[key]} {found.name}"
    if key == "schedule" and "value" in found.options:
        example = next(iter(words[found.name]))
        help = f"schedule: {{{found.name}: {{{example}: {found.options['value']}}}}}"
        fail("E202", f"{what} takes options by their names", place, help)
        return found
    for option in found.options:
        if option not in words[found.name]:
            where = place_of(data, found.name, option, key=True) or place
            fail("E206", f"{what} has no option '{option}'", where,
                 did_you_mean(option, words[found.name]))  # fmt: skip
    if key == "clip" and "value" not in found.options:
        fail("E203", f"{what} says how much", place, f"clip: {{{found.name}: 1.0}}")
    for option, wanted in problems(key, found.name, found.options):
        where = place_of(data, found.name, option) or place
        seen = f", found {found.options[option]!r:.40}" if option in found.options else ""
        about = f"{what}: " + (f"{option}: " if key != "clip" else "")
        fail("E207", f"{about}expected {wanted}{seen}", where, "")
    return found


def choice(value: Any, place: Place, main: str = "value") -> Choice:
    """A name, or a mapping of one name to its options; a bare option is the main one."""
    if isinstance(value, str):
        return Choice(value, {}, place)
    [(name, options)] = value.items()
    if options is None:
        return Choice(name, {}, place)
    return Choice(name, options if isinstance(options, dict) else {main: options}, place)


def place_of(data: Data | None, name: str, option: str, *, key: bool = False) -> Place | None:
    """Where an option's value is written, or its own name."""
    options = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(options, Mapping):
        return options.place if options is not None else None
    entry = options.entries.get(option)
    if entry is None:
        return None
    return entry.key.place if key else entry.value.place


def problems(key: str, name: str, options: Map[str, Any]) -> Iterator[tuple[str, str]]:
    """Each option that has a value that it cannot have, and what it should be."""
    check = CHECKS[key]
    for option, value in options.items():
        wanted = check(option, value)
        if wanted is not None:
            yield option, wanted
    if (key, name) == ("schedule", "multi_step") and "at" not in options:
        yield "at", "a list of the epochs at which the rate falls"


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def of_optimizer(option: str, value: Any) -> str | None:
    """What torch does not say well; the rest it judges itself."""
    if option in (*TRUTHS, *FLAGS):
        return None if isinstance(value, bool) or value is None else "true or false"
    if option in PAIRS:
        count = PAIRS[option]
        right = isinstance(value, list) and len(value) == count and all(map(number, value))
        return None if right else f"a list of {count} numbers"
    if option in OTHERS or number(value):
        return None
    return "a number"


def of_schedule(option: str, value: Any) -> str | None:
    if option == "at":
        rising = isinstance(value, list) and value and all(map(number, value))
        return None if rising and min(value) >= 0 else "a list of epochs"
    if not number(value) or value < 0:
        return "a number that is not negative"
    if option == "warmup":
        return None if value == int(value) else "a whole number of steps"
    if option in SHARES:
        return None if 0 < value <= 1 else "more than 0, and at most 1"
    if option in ("every", "factor", "peak"):
        return None if value > 0 else "more than 0"
    return None


def of_clip(option: str, value: Any) -> str | None:
    return None if number(value) and value > 0 else "a number above 0"


CHECKS: dict[str, Callable[[str, Any], str | None]] = {
    "optimizer": of_optimizer,
    "schedule": of_schedule,
    "clip": of_clip,
}
