"""A use of a block that gets a copy of the block for itself, so that a move changes it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from archc.elaborate.scope import OpChoice
from archc.search.edit import Edit
from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.say import at
from archc.search.moves.swap import called
from archc.search.moves.view import Row, View
from archc.search.moves.words import Mention, Words
from archc.search.section import Moves
from archc.spec.ast import TYPE_NAMES, Template
from archc.spec.data import Data, Mapping, Scalar, plain

if TYPE_CHECKING:
    from archc.search.candidate import Candidate

MOST = 40  # blocks of a file


def draw(
    candidate: Candidate,
    chosen: Moves,
    kind: str,
    finder: Callable[[View, Random], Iterator[Move]],
    random: Random,
) -> Move | None:
    """A move within a copy of a block that one of its uses gets, which is drawn.

    None if it has none there; others are not looked at, since each has to be compiled for it.
    """
    view = candidate.view.within(chosen.within)
    uses = _uses(view)
    if not uses or len(view.file.blocks) >= MOST:
        return None
    row, template = random.choice(uses)
    name = view.words.fresh(_base(template.name))
    draft = Draft(row)
    draft.set_head(name, plain(row.step.value) if row.step.value is not None else None)
    blocks = candidate.file.data.get("blocks")
    own = blocks.get(template.name) if isinstance(blocks, Mapping) else None
    assert own is not None
    edits = (Edit("put", ("blocks", name), plain(own)), *draft.edits)
    inner = candidate.with_edits(edits).view.within((name,))
    move = next((one for one in finder(inner, random) if not one.values), None)
    if move is None:
        return None
    what = f"{move.what}; {name} is a copy of {template.name} for {at(row)}"
    return Move(kind, what, (*edits, *move.edits))


def tidied(candidate: Candidate, move: Move) -> Move:
    """The move, and without the copies of blocks that nothing calls any more after it."""
    own = (candidate.origin or candidate).file.blocks
    copies = [name for name in candidate.file.blocks if name not in own]
    if not copies:
        return move
    mentions = Words.of(move.made(candidate).file.data).mentions
    gone: list[str] = []
    while unused := [
        name for name in copies if name not in gone and not _is_called(name, mentions, gone)
    ]:
        gone += unused
    return replace(move, edits=(*move.edits, *(Edit("remove", ("blocks", name)) for name in gone)))


def _is_called(name: str, mentions: Map[str, list[Mention]], gone: list[str]) -> bool:
    """Whether anything but the block itself, and blocks that are gone, speaks of it."""
    ends = {("blocks", one) for one in (name, *gone)}
    return any(one.path[:2] not in ends for one in mentions.get(name, ()))


def _uses(view: View) -> list[tuple[Row, Template]]:
    """Steps that call a block of the file which other steps call, too."""
    calls: dict[str, list[tuple[Row, Template]]] = {}
    for row in view.rows.values():
        template = called(row) if row.is_seen and row.step.scan is None else None
        if template is None or template is not view.file.blocks.get(template.name):
            continue
        if _has_own_attributes(row) or not view.weights_are_free(row):
            continue
        if any(_is_quoted(one.default) for one in template.parameters):
            continue
        calls.setdefault(template.name, []).append((row, template))
    bodies = {id(body) for body in view.bodies}
    return [
        use
        for uses in calls.values()
        for use in uses
        if len(uses) > 1 and id(use[0].body) in bodies
    ]


def _has_own_attributes(row: Row) -> bool:
    """Whether a parameter that chose the block gave it arguments."""
    if isinstance(row.step.head, str):
        return False
    heads = (row.view.elaborator.head(copy.frame, row.step)[0] for copy in row.copies)
    return any(not isinstance(one, OpChoice) or one.attributes for one in heads)


def _is_quoted(data: Data) -> bool:
    """Whether a text is written that would be a type's name without its quotes."""
    return isinstance(data, Scalar) and not data.plain and data.value in TYPE_NAMES


def _base(name: str) -> str:
    head, _, last = name.rpartition("_")
    return head if head and last.isdigit() else name
