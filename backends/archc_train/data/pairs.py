"""Pairs of texts, a source and what it is to become, for networks from sequence to sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from archc.arrays import Array
from archc_train.data.frames import frames, texts
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Column, Raw, Request, first
from archc_train.data.tokens import END, PAD, START, UNKNOWN, Coder, coder

SPECIAL = (PAD, START, END, UNKNOWN)
WANTED = (
    "a table with columns source and target (other names: fields: {source: en, target: de}), or a "
    "file of two columns without names, header: false"
)


def pairs(request: Request) -> Raw:
    """Fields `source` and `mask` `[N, S]`, `target` and `next` `[N, T]`.

    `target` begins with `<s>`; `next` is one further on and ends with `</s>`. All are padded with
    0, so that their loss is `cross_entropy: {ignore: 0}`.
    """
    header = bool(request.options.get("header", True))
    written = request.options.get("fields", {})
    usual = {"source": "source", "target": "target"} if header else {"source": "0", "target": "1"}
    wanted = {**usual, **{key: str(value) for key, value in written.items()}}
    found = {}
    for part, table in frames(request, header, texts=wanted.values()).items():
        if not header:
            table = table.set_axis([str(name) for name in table.columns], axis=1)
        found[part] = {
            field: np.array(texts(table, wanted[field], request), dtype=object) for field in usual
        }
    return Raw(found, finish=partial(encoded, request))


def encoded(
    request: Request, parts: Mapping[str, Mapping[str, Column]], facts: dict[str, Any]
) -> dict[str, dict[str, Column]]:
    """The pairs as numbers: one vocabulary for both sides, or with `shared: false` one each."""
    train = {side: [*np.asarray(first(parts)[side])] for side in ("source", "target")}
    if request.options.get("shared", True):
        both = coder(request, train["source"] + train["target"], SPECIAL, "words")
        coders = {"source": both, "target": both}
        facts.update(both.facts())
    else:
        asks = {
            "source": replace(request, known=request.known.get("source", {})),
            "target": request,
        }
        coders = {s: coder(asks[s], one, SPECIAL, "words") for s, one in train.items()}
        facts.update(coders["target"].facts())
        facts["source"] = coders["source"].facts()
    return {part: sides(coders, columns, request) for part, columns in parts.items()}


def sides(
    coders: Mapping[str, Coder], columns: Mapping[str, Column], request: Request
) -> dict[str, Column]:
    most = request.options.get("window")

    def numbered(side: str, before: str | None, after: str | None) -> Ragged:
        learnt = coders[side]
        begin, end = (
            np.array([learnt.number(one)] if one else [], dtype=np.int64) for one in (before, after)
        )

        def row(text: str) -> Array:
            return np.concatenate([begin, learnt.encode(text)[:most], end])

        own = {"symbol": "S", "mask": "mask"} if side == "source" else {}
        rows = [row(text) for text in np.asarray(columns[side])]
        return Ragged.of(rows, pad=learnt.number(PAD), **own)

    return {
        "source": numbered("source", None, END),
        "target": numbered("target", START, None),
        "next": numbered("target", None, END),
    }
