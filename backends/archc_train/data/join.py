"""Fields by other names, and several sources as one set, each drawn by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from archc.errors import InputError, did_you_mean
from archc.train.kinds import PARTS
from archc_train.data.part import Batch, DataSet, Order, Part, Share, hash_of, stream
from archc_train.data.raw import ALL


@dataclass(frozen=True, slots=True)
class Renamed:
    """A part whose fields go by other names."""

    part: Part
    names: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.part)

    def named(self, batch: Batch) -> Batch:
        return {self.names.get(name, name): value for name, value in batch.items()}

    def batch(self, items: Tensor) -> Batch:
        return self.named(self.part.batch(items))

    def stream(self, order: Order, number: int, share: Share) -> Iterator[Batch]:
        return map(self.named, stream(self.part, order, number, share))


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts side by side that have nothing to do with each other.

    An epoch is the longest one's; in training each is drawn in an order of its own, so that no item
    belongs to another. Measured, item k is each one's k-th, from its beginning again at its end.
    """

    parts: Mapping[str, Part]

    def __len__(self) -> int:
        return max(map(len, self.parts.values()))

    def batch(self, items: Tensor) -> Batch:
        found: Batch = {}
        for part in self.parts.values():
            found |= part.batch(items % len(part))
        return found

    def stream(self, order: Order, number: int, share: Share) -> Iterator[Batch]:
        streams = [
            stream(part, own(order, name, len(part)), number, share)
            for name, part in self.parts.items()
        ]
        for batches in zip(*streams, strict=True):
            yield {name: value for batch in batches for name, value in batch.items()}


def own(order: Order, name: str, count: int) -> Order:
    """A source's own order. Raises E807 where it is smaller than a batch."""
    if count < order.size:
        raise InputError.of(
            "E807", f"a batch of {order.size} is larger than the {count} items of '{name}'",
            help=f"batch: {count}",
        )  # fmt: skip
    return Order(count, order.size, hash_of(order.seed, name))


def renamed(data: DataSet, names: Mapping[str, Any]) -> DataSet:
    """The set with fields by other names. Raises E807 for a field that there is not."""
    for old, new in names.items():
        if old not in data.types:
            raise InputError.of(
                "E807", f"{data.name} has no field or option '{old}'",
                help=did_you_mean(old, data.types),
            )  # fmt: skip
        if not isinstance(new, str) or not new.isidentifier():
            raise InputError.of(
                "E807", f"{data.name}: the field '{old}' cannot be called {new!r:.40}",
                help="a name is letters, digits and _",
            )  # fmt: skip
    if not names:
        return data
    now = {old: names.get(old, old) for old in data.types}
    twice = [new for new in now.values() if list(now.values()).count(new) > 1]
    if twice:
        raise InputError.of("E807", f"{data.name} has two fields called '{twice[0]}'")
    facts = dict(data.facts)
    if "scale" in facts:
        facts["scale"] = {now.get(name, name): value for name, value in facts["scale"].items()}
    return replace(
        data,
        parts={part: Renamed(items, names) for part, items in data.parts.items()},
        types={now[old]: type for old, type in data.types.items()},
        facts=facts,
        asked=frozenset(now[n] for n in data.asked) | frozenset(names.values()),
        columns=frozenset(now.get(n, n) for n in data.columns),
    )


def joined(sources: list[DataSet]) -> DataSet:
    """Several sources as one set; `facts["sources"]` are each one's own facts.

    Raises E807 where two have a field of one name.
    """
    if len(sources) == 1:
        return sources[0]
    types: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for one in sources:
        both = types.keys() & one.types.keys()
        if both:
            name = min(both)
            raise InputError.of(
                "E807", f"two sources have a field called '{name}'",
                help=f"rename it: data: {{{one.name}: {{{name}: {name}_2}}}}",
            )  # fmt: skip
        types |= one.types
        facts = {**one.facts, **facts}
    scales = {field: s for one in sources for field, s in one.facts.get("scale", {}).items()}
    facts |= {"scale": scales} if scales else {}
    facts["sources"] = {one.name: dict(one.facts) for one in sources}
    parts = {
        part: Joined({one.name: one.parts[part] for one in sources})
        for part in (*PARTS, ALL)
        if all(part in one.parts for one in sources)
    }
    return DataSet(
        " + ".join(one.name for one in sources), parts, types, facts,
        frozenset().union(*(one.asked for one in sources)),
        frozenset().union(*(one.columns for one in sources)),
    )  # fmt: skip
