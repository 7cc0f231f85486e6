"""Reading the weights that an op's line has below it in the text form of programs."""

from __future__ import annotations

from archc.init import Init
from archc.ir.nodes import Derivation, Weight, WeightRef
from archc.ir.notation import Reader


def weight(reader: Reader, slot: str, own: str) -> Weight:
    """`: TYPE INITIALISER as PATH buffer frozen tie PATH derived RULE {…} (…)`, behind its slot.

    `own` is its path where it says none.
    """
    reader.expect(":")
    type, init = reader.type(), _init(reader)
    path = reader.word() if reader.keyword("as") else own
    buffer, frozen = bool(reader.keyword("buffer")), bool(reader.keyword("frozen"))
    tie = weight_ref(reader) if reader.keyword("tie") else None
    derive = _derivation(reader) if reader.keyword("derived") else None
    trained = not (buffer or frozen)
    return Weight(slot, path, type, init, buffer=buffer, trained=trained, tie=tie, derive=derive)


def weight_ref(reader: Reader) -> WeightRef:
    """`PATH`, or `PATH of MODEL`."""
    path = reader.word()
    return WeightRef(path, reader.word() if reader.keyword("of") else None)


def _init(reader: Reader) -> Init:
    at = reader.position
    kind = reader.word()
    args = [reader.value() for _ in reader.items(")")] if reader.take("(") else []
    try:
        return Init(kind, tuple(args))
    except ValueError as error:
        reader.fail(str(error), at)


def _derivation(reader: Reader) -> Derivation:
    rule, values = reader.word(), reader.mapping()
    sources: list[tuple[str, Weight]] = []
    reader.expect("(")
    while not reader.take(")"):
        role = reader.word()
        sources.append((role, weight(reader, role, "")))
    return Derivation(rule, tuple(sources), tuple(values.items()))
