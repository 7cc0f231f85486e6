"""What a training feeds besides the data: values that are drawn, and numbers that change with time.

feed:
  z: {normal: [N, =latent]}                            drawn anew for every step
  noise: {normal: [N, =size], repeat: {size: =sizes}}  a list of inputs
  alpha: =min(1, 2 * progress)                         a number
  beta: {value: =progress, when: =annealed}            one that may not be there
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Fed:
    """A fed number, and when it is there."""

    value: Data
    when: Data | None = None


def is_number(data: Data) -> bool:
    return isinstance(data, Scalar) or (isinstance(data, Mapping) and "value" in data)


def number_of(data: Data) -> Fed:
    if isinstance(data, Mapping):
        return Fed(data.entries["value"].value, data.get("when"))
    return Fed(data)


def draws(feed: Map[str, Data]) -> dict[str, Data]:
    """What is drawn, as steps."""
    return {
        name: drawn(name, value)
        for name, value in feed.items()
        if isinstance(value, Mapping) and not is_number(value)
    }


def drawn(name: str, data: Mapping) -> Data:
    """`{normal: [N, 64]}` as the step `{normal: {shape: [N, 64]}, name: …}`."""
    entries: dict[str | int, Entry] = {}
    for key, entry in data.entries.items():
        value = entry.value
        if isinstance(value, Sequence) and key != "repeat":
            value = Mapping({"shape": Entry(Scalar("shape", value.place), value)}, value.place)
        entries[key] = Entry(entry.key, value)
    entries["name"] = Entry(Scalar("name", data.place), Scalar(name, data.place))
    return Mapping(entries, data.place)
