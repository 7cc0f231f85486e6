"""A canonical order for the nodes of a directed acyclic graph, so that equal graphs hash equally.

Nodes are coloured by what they compute and of what, then by who uses them, in turn, until no colour
splits any more: the colour refinement of Weisfeiler and Leman (1968), with ordered inputs. Nodes
that still look alike are told apart one by one, and what follows from each choice is worked out
before the next (McKay, 1981, without backtracking). What remains a matter of choice are symmetries,
where every choice gives the same result; were it ever not one, equal graphs could hash differently,
but never different graphs equally: what is hashed is the whole graph in the order that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from archc.ir.vertices import HASH_BYTES, PORT_BITS, PORT_MASK, Vertex

_ANY = PORT_MASK  # the slot of an input whose order means nothing
_FIRST = b"\0\0"  # the port 0, as nearly all are


@dataclass(frozen=True, slots=True)
class Canonical:
    """The graph's hash, and each vertex's place in the canonical order."""

    hash: bytes
    ranks: Sequence[int]


def canonical(vertices: Sequence[Vertex], outputs: Sequence[int]) -> Canonical:
    """The order and the hash of a graph whose vertices come after those they read.

    `outputs` are the values that it gives, in order.
    """
    ranks = _Colours(vertices, outputs).discrete()
    moved = [rank << PORT_BITS for rank in ranks]
    lines: list[bytes] = [b""] * len(vertices)
    for rank, vertex in zip(ranks, vertices, strict=True):
        key, inputs = vertex.key, vertex.inputs
        if len(inputs) == 1:  # as nearly always
            shown = b"%d" % (moved[inputs[0] >> PORT_BITS] + (inputs[0] & PORT_MASK))
        else:
            read = [moved[value >> PORT_BITS] + (value & PORT_MASK) for value in inputs]
            if vertex.unordered:
                read.sort()
            shown = b" ".join([b"%d" % value for value in read])
        lines[rank] = b"%d %d %d %b%b\n" % (len(key), len(inputs), vertex.unordered, key, shown)
    lines.append(b" ".join([b"%d" % _moved(value, ranks) for value in outputs]))
    return Canonical(blake2b(b"".join(lines), digest_size=HASH_BYTES).digest(), ranks)


def _port(port: int) -> bytes:
    return port.to_bytes(2, "little")


def _moved(value: int, ranks: Sequence[int]) -> int:
    return ranks[value >> PORT_BITS] << PORT_BITS | value & PORT_MASK


@dataclass(eq=False)
class _Colours:
    vertices: Sequence[Vertex]
    outputs: Sequence[int]
    users: list[list[tuple[int, int, int]]] = field(default_factory=list)  # (user, slot, port)

    def discrete(self) -> list[int]:
        """A colour of its own for each vertex, from 0 on."""
        count = len(self.vertices)
        hashes = self.by_inputs([vertex.key for vertex in self.vertices])
        distinct = len(set(hashes))
        if distinct < count:
            self.find_users()
        look: Callable[[list[bytes]], list[bytes]] = self.by_users
        idle = 0  # rounds, in either direction, that told nothing apart
        while distinct < count and idle < 2:
            hashes = look(hashes)
            look = self.by_inputs if look == self.by_users else self.by_users
            found = len(set(hashes))
            idle = idle + 1 if found == distinct else 0
            distinct = found
        order = {hash: rank for rank, hash in enumerate(sorted(set(hashes)))}
        colours = [order[hash] for hash in hashes]
        if distinct < count:
            colours = _Split(self, colours).all()
        return colours

    def by_inputs(self, given: list[bytes]) -> list[bytes]:
        """Colours by what each vertex is made of."""
        hashes: list[bytes] = []
        for vertex, own in zip(self.vertices, given, strict=True):
            parts = [
                hashes[value >> PORT_BITS]
                + (_port(port) if (port := value & PORT_MASK) else _FIRST)
                for value in vertex.inputs
            ]
            if vertex.unordered:
                parts.sort()
            text = b"%d %d %b%b" % (len(own), vertex.unordered, own, b"".join(parts))
            hashes.append(blake2b(text, digest_size=HASH_BYTES).digest())
        return hashes

    def by_users(self, given: list[bytes]) -> list[bytes]:
        """Colours by what each vertex is used for."""
        hashes = [b""] * len(given)
        for index in range(len(given) - 1, -1, -1):
            parts = [
                (b"output" if user < 0 else hashes[user]) + slot.to_bytes(4, "little") + _port(port)
                for user, slot, port in self.users[index]
            ]
            parts.sort()
            hashes[index] = blake2b(given[index] + b"".join(parts), digest_size=HASH_BYTES).digest()
        return hashes

    def find_users(self) -> None:
        self.users = [[] for _ in self.vertices]
        for index, vertex in enumerate(self.vertices):
            for slot, value in enumerate(vertex.inputs):
                where = _ANY if vertex.unordered else slot
                self.users[value >> PORT_BITS].append((index, where, value & PORT_MASK))
        for slot, value in enumerate(self.outputs):
            self.users[value >> PORT_BITS].append((-1, slot, value & PORT_MASK))


@dataclass(eq=False)
class _Split:
    """Tells apart vertices that look alike; colours only ever split, so the work stays local."""

    graph: _Colours
    colours: list[int]
    members: dict[int, list[int]] = field(default_factory=dict)
    next: int = 0

    def all(self) -> list[int]:
        for index, colour in enumerate(self.colours):
            self.members.setdefault(colour, []).append(index)
        self.next = len(self.members)
        colour = 0
        while colour < self.next:  # what is split off comes later
            while len(self.members[colour]) > 1:
                self.refine([self.recolour([self.members[colour].pop()])])
            colour += 1
        order = {colour: rank for rank, colour in enumerate(sorted(self.members))}
        return [order[colour] for colour in self.colours]

    def recolour(self, indices: list[int]) -> int:
        """Gives the vertices the next colour, and takes them out of their old one's members."""
        colour, self.next = self.next, self.next + 1
        for index in indices:
            self.colours[index] = colour
        self.members[colour] = indices
        return colour

    def refine(self, changed: list[int]) -> None:
        """Splits the colours around those that changed, and around what splits in turn."""
        while changed:
            near = {
                self.colours[index] for colour in changed for other in self.members[colour]
                for index in self.neighbours(other)
            }  # fmt: skip
            changed = []
            for colour in sorted(near):
                changed += self.split(colour)

    def split(self, colour: int) -> list[int]:
        """The new colours of what looks different in a colour's members; the least keep it."""
        found = self.members[colour]
        if len(found) == 1:
            return []
        looks: dict[tuple[object, ...], list[int]] = {}
        for index in found:
            looks.setdefault(self.look(index), []).append(index)
        if len(looks) == 1:
            return []
        first, *rest = sorted(looks)
        self.members[colour] = looks[first]
        return [self.recolour(looks[look]) for look in rest] + [colour]

    def look(self, index: int) -> tuple[object, ...]:
        vertex = self.graph.vertices[index]
        inputs = [_moved(value, self.colours) for value in vertex.inputs]
        if vertex.unordered:
            inputs.sort()
        uses = sorted(
            (-1 if user < 0 else self.colours[user], slot, port)
            for user, slot, port in self.graph.users[index]
        )
        return tuple(inputs), tuple(uses)

    def neighbours(self, index: int) -> set[int]:
        found = {value >> PORT_BITS for value in self.graph.vertices[index].inputs}
        found.update(user for user, _, _ in self.graph.users[index] if user >= 0)
        return found
