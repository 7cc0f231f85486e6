"""Graphs of what is computed, in the plainest form: what digests are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import blake2b

from archc.records import record

PORT_BITS = 16  # a value is a node's number, shifted, and the number of its output
PORT_MASK = (1 << PORT_BITS) - 1
HASH_BYTES = 16


@record
class Vertex:
    """A node: what it computes, of which values, and whether their order means nothing."""

    key: bytes
    inputs: tuple[int, ...] = ()
    unordered: bool = False


def hashed(*parts: bytes) -> bytes:
    """A hash of the parts, each with its length."""
    text = b"".join([len(part).to_bytes(8, "little") + part for part in parts])
    return blake2b(text, digest_size=HASH_BYTES).digest()


def reached(vertices: Sequence[Vertex], ends: Sequence[int]) -> bytearray:
    """Which vertices these values need: 1 for each that they do."""
    wanted = bytearray(len(vertices))
    for value in ends:
        wanted[value >> PORT_BITS] = 1
    for index in range(len(wanted) - 1, -1, -1):
        if wanted[index]:
            for value in vertices[index].inputs:
                wanted[value >> PORT_BITS] = 1
    return wanted


@dataclass(frozen=True, slots=True)
class Simplified:
    """Vertices, and the values that stand for the old ones by their numbers; -1 for none."""

    vertices: list[Vertex]
    values: list[int]

    def __getitem__(self, value: int) -> int:
        return self.values[value >> PORT_BITS] + (value & PORT_MASK)

    def __contains__(self, value: int) -> bool:
        return self.values[value >> PORT_BITS] >= 0


def simplified(
    vertices: Sequence[Vertex],
    ends: Sequence[int],
    sums: AbstractSet[bytes],
    unlike: AbstractSet[int],
) -> Simplified:
    """The vertices that `ends` need, with sums of sums as one sum, and equal ones as one.

    `sums` are the keys of what is associative; a sum within a sum is taken apart if nothing else
    uses it. Vertices in `unlike` are equal to no other.
    """
    wanted = reached(vertices, ends)
    inner = _inner(vertices, ends, sums, wanted)
    kept: list[Vertex] = []
    values = [-1] * len(vertices)
    parts: dict[int, list[int]] = {}  # of a sum that is part of another one: its operands
    known: dict[tuple[bytes, tuple[int, ...]], int] = {}
    for index, vertex in enumerate(vertices):
        if not wanted[index]:
            continue
        inputs: list[int] = []
        for value in vertex.inputs:
            source = value >> PORT_BITS
            if parts and source in parts:
                inputs += parts.pop(source)
            else:
                inputs.append(values[source] + (value & PORT_MASK))
        if index in inner:
            parts[index] = inputs
            continue
        if vertex.unordered:
            inputs.sort()
        key = (vertex.key, tuple(inputs))
        own = len(kept) << PORT_BITS
        if index not in unlike:
            own = known.setdefault(key, own)
        values[index] = own
        if own >> PORT_BITS == len(kept):
            kept.append(Vertex(*key, vertex.unordered))
    return Simplified(kept, values)


def _inner(
    vertices: Sequence[Vertex],
    ends: Sequence[int],
    sums: AbstractSet[bytes],
    wanted: Sequence[int],
) -> set[int]:
    """The sums that nothing but another such sum uses, and it once."""
    found = {
        value >> PORT_BITS
        for index, vertex in enumerate(vertices)
        if vertex.key in sums and wanted[index]
        for value in vertex.inputs
        if vertices[value >> PORT_BITS].key == vertex.key
    } - {value >> PORT_BITS for value in ends}
    if not found:
        return found
    uses = Counter(
        value >> PORT_BITS
        for index, vertex in enumerate(vertices) if wanted[index]
        for value in vertex.inputs
    )  # fmt: skip
    return {index for index in found if uses[index] == 1}


def absorbed(
    vertices: Sequence[Vertex], ends: Sequence[int], leaves: AbstractSet[int]
) -> Simplified:
    """The same graph with each of the leaves that is used once as a part of what uses it.

    It leaves nothing to tell apart but leaves that are shared.
    """
    uses = Counter(value >> PORT_BITS for vertex in vertices for value in vertex.inputs)
    once = {index for index in leaves if uses[index] == 1}
    once -= {value >> PORT_BITS for value in ends}
    kept: list[Vertex] = []
    values = [-1] * len(vertices)
    keys: dict[tuple[bytes, ...], bytes] = {}
    for index, vertex in enumerate(vertices):
        if index in once:
            continue
        parts = [vertices[i].key if (i := v >> PORT_BITS) in once else b"" for v in vertex.inputs]
        key = vertex.key
        if any(parts):
            given = (key, *(sorted(filter(None, parts)) if vertex.unordered else parts))
            if given not in keys:
                keys[given] = hashed(*given)
            key = keys[given]
        inputs = tuple([
            values[i] + (v & PORT_MASK) for v in vertex.inputs if (i := v >> PORT_BITS) not in once
        ])  # fmt: skip
        values[index] = len(kept) << PORT_BITS
        kept.append(Vertex(key, inputs, vertex.unordered))
    return Simplified(kept, values)
