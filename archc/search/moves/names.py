"""Names: those that stay where positions shift, new ones, and references that have to follow.

The weights of a step without a name go by its position. A step that is put in or taken out shifts
the positions of those after it, so these get their old position as a name: `name: 3`.
"""

from __future__ import annotations

from collections.abc import Iterator

from archc.ir.nodes import CallNode, Node
from archc.search.candidate import Copy
from archc.search.edit import Edit, Path
from archc.search.moves.draft import Work
from archc.search.moves.view import Body, Row, Slot
from archc.spec.data import Mapping, Scalar
from archc.spec.formula import Formula


def pins(work: Work, body: Body, start: int) -> bool:
    """Keeps the names of what comes at `start` and after it; whether that can be done.

    Nothing needs a name where no weight goes by a position, and none was given a position's name
    before. In a loop, one name would have to be many.
    """
    rows, loops = _after(body, start)
    counted = [row for row in rows if row.step.body is None or row.step.name is not None]
    unnamed = [row for row in counted if row.step.name is None and row.copies]
    weights = any(row.has_weights for row in unnamed)
    if not unnamed or not (weights or has_numbers(body)):
        return True
    return not (loops or body.names_repeat) and all(pin(work, row) for row in unnamed)


def pin(work: Work, row: Row) -> bool:
    """Names a step by its position; whether that is one number or formula that is free."""
    if row.step.repeat is not None or row.step.scan is not None or row.body.names_repeat:
        return False
    where = [(copy, _segment(node)) for copy, node in row.nodes()]
    if any(number is None for _, number in where) or 0 < len(where) < len(row.copies):
        return False  # where it is left out, its name would still be taken
    numbers = {number for _, number in where}
    name = numbers.pop() if len(numbers) == 1 else _formula(row, where) if numbers else None
    if name is None or (isinstance(name, int) and _is_referred_to(row, str(name))):
        return not where
    work.draft(row).set_modifier("name", name)
    return True


def _formula(row: Row, where: list[tuple[Copy, int | None]]) -> str | None:
    """The position as a sum over the steps before, where some of them may be left out."""
    if row.body.is_grouping:
        return None
    terms, before = 0, row.body.rows[: row.index]
    parts: list[str] = []
    present: dict[int, int] = {}  # by scope: how many steps there are before
    for one in before:
        if one.step.repeat is not None or (one.step.body is not None and one.step.name is None):
            return None
        when = one.step.when
        if when is None:
            terms += 1
            continue
        formula = when.formula if isinstance(when, Scalar) else None
        if not isinstance(formula, Formula) or "prev" in formula.names:
            return None
        parts.append(f"(1 if {formula.text.strip()} else 0)")
        for copy in one.copies:
            scope = id(copy.frame.scope)
            there = copy.item.node is not None or copy.item.inside is not None
            present[scope] = present.get(scope, 0) + there
    if any(terms + present.get(id(copy.frame.scope), 0) != number for copy, number in where):
        return None
    return "=" + " + ".join([*([str(terms)] if terms else []), *parts])


def _segment(node: Node) -> int | None:
    """The number that a node without a name goes by."""
    path = node.path
    if isinstance(node, CallNode) and node.copies.start is not None:
        return None
    last = path.rpartition(".")[2]
    return int(last) if last.isdigit() else None


def _after(body: Body, start: int) -> tuple[list[Row], bool]:
    """The steps at and after a place in its scope, and whether a loop goes over any of them."""
    rows: list[Row] = []
    loops = False
    inner: list[Row] = body.rows[start:]
    while True:
        for row in inner:
            found = list(_unfolded(row))
            rows += found
            loops = loops or any(
                one.step.repeat is not None and one.step.name is None and one.copies
                for one in (row, *found)
            )
        if not body.is_grouping or body.outer is None:
            return rows, loops
        loops = loops or body.outer.step.repeat is not None
        inner = body.outer.body.rows[body.outer.index + 1 :]
        body = body.outer.body


def _unfolded(row: Row) -> Iterator[Row]:
    """The step itself, or all that an unnamed `do` holds, which stands in the scope around."""
    yield row
    if row.step.body is not None and row.step.name is None:
        for step in row.step.body:
            yield from _unfolded(row.view.rows[id(step.data)])


def home(body: Body) -> Iterator[Row]:
    """All steps of the scope that a body's names belong to."""
    while body.is_grouping and body.outer is not None:
        body = body.outer.body
    for row in body.rows:
        yield from _unfolded(row)


def has_numbers(body: Body) -> bool:
    """Whether a step of the scope has a number as its name, which no other may go by."""
    for row in home(body):
        if row.name is not None:
            found = [row.name]
        else:  # a formula gives it, if it has one
            found = [copy.item.path.rpartition(".")[2] for copy in row.copies if row.step.name]
        if any(one.isdigit() for one in found):
            return True
    return False


def _is_referred_to(row: Row, name: str) -> bool:
    """Whether a reference means something else by the name."""
    template = row.view.path_of(row.body.template)
    return any(one.whole for one in row.view.words.of_name(name, template))


# ---- references


def references(row: Row) -> list[Slot | Path] | None:
    """All places that read a named step by its plain name: inputs, and the template's outputs.

    None where it is spoken of in another way, as `conv1.weight` or in a formula, or where the name
    means several steps.
    """
    name, view, body = row.name, row.view, row.body
    template = view.path_of(body.template)
    mentions = view.words.of_name(name, template) if name is not None else []
    if not mentions:
        return []
    others = [one for one in view.rows.values() if one.body.template is body.template]
    if sum(one.name == name for one in others) > 1:
        return None
    if any(one.name == name for one in body.template.inputs):
        return None
    slots = (slot for one in others for slot in one.slots if not slot.implicit)
    places: dict[Path, Slot | Path] = {
        (*slot.row.path, *slot.part): slot for slot in slots if slot.text == name
    }
    outputs = body.template.outputs
    for key, entry in outputs.entries.items() if isinstance(outputs, Mapping) else ():
        value, part = entry.value, (*template, "outputs", key)
        if isinstance(value, Mapping):
            value, part = value.entries["value"].value, (*part, "value")
        if isinstance(value, Scalar) and value.value == name and value is not entry.key:
            places[part] = part
    fits = all(one.whole and one.path in places for one in mentions)
    return list(places.values()) if fits else None


def referred(work: Work, row: Row, text: str) -> bool:
    """Lets all that reads the step by name read something else; whether all of it can."""
    places = references(row)
    for place in places or ():
        if isinstance(place, Slot):
            work.draft(place.row).refer(place, text)
        else:
            work.others.append(Edit("put", place, text))
    return places is not None


def is_used_by_name(row: Row) -> bool:
    """Whether anything speaks of the step by its name."""
    if row.name is None:
        return row.step.name is not None  # a formula gives it
    template = row.view.path_of(row.body.template)
    return bool(row.view.words.of_name(row.name, template))


def reads_above(body: Body, index: int) -> bool:
    """Whether something reads the value that `prev` means before the step at `index`.

    At the end of a body that is its own value: a `do`'s, or an output's of the template.
    """
    if index < len(body.rows):
        row = body.rows[index]
        return row.reads_prev and bool(row.copies)
    if body.outer is not None:
        return _is_read(body.outer)
    outputs = body.template.outputs
    if not isinstance(outputs, Mapping):
        return outputs is None
    for entry in outputs.entries.values():
        value = entry.value
        if isinstance(value, Mapping):
            value = value.entries["value"].value
        if isinstance(value, Scalar) and value.value == "prev":
            return True
    return False


def _is_read(row: Row) -> bool:
    """Whether the value of a `do` is read: by name, or by the step after it."""
    return is_used_by_name(row) or reads_above(row.body, row.index + 1)


def writable(work: Work, row: Row) -> str | None:
    """A name by which a step's value can be read, a new one if it has none.

    None where its weights go by its position, or where one name would be many.
    """
    if row.step.name is not None:
        return None if row.name is None or row.name.isdigit() else row.name
    if row.body.names_repeat or row.has_weights or row.step.body is not None:
        return None
    if row.step.repeat is not None or row.step.scan is not None:
        return None
    draft = work.draft(row)
    data = draft.data.get("name") if isinstance(draft.data, Mapping) else None
    if data is not None:  # this move has pinned it
        return None
    name = row.view.words.fresh(stem(row.head))
    draft.set_modifier("name", name)
    return name


STEMS = {"conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "batch_norm": "bn"}


def stem(head: str) -> str:
    """What steps of an op or a block are called, before the number."""
    word = "".join(c if c.isalnum() or c == "_" else "" for c in head) or "step"
    return STEMS.get(word, word)


__all__ = [
    "has_numbers",
    "is_used_by_name",
    "pin",
    "pins",
    "reads_above",
    "references",
    "referred",
    "stem",
    "writable",
]
