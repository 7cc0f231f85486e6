"""What a source can be told, and whether it is told right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archc.errors import Diagnostic, InputError, did_you_mean
from archc_train.data.raw import PARTS

Schema = dict[str, Any]

COUNT: Schema = {"type": "integer", "minimum": 1}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string"}
NUMBERS: Schema = {"type": "array", "items": NUMBER, "minItems": 1}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
SIDES: Schema = {"anyOf": [COUNT, {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2}]}
VALUES: Schema = {"type": "object", "minProperties": 1}
SUBSET: dict[str, Schema] = {
    "range": {
        "type": "array",
        "items": {"type": "number", "minimum": 0},
        "minItems": 2,
        "maxItems": 2,
    },
    "only": VALUES,
    "without": VALUES,
}
OPTIONS: dict[str, tuple[Schema, str]] = {
    "path": (TEXT, "a path"),
    # which items
    "range": (SUBSET["range"], "[from, to], shares up to 1 or counts"),
    "only": (VALUES, "values of a field, {label: [0, 1]}"),
    "without": (VALUES, "values of a field, {label: 9}"),
    **{
        part: (
            {"type": "object", "additionalProperties": False, "properties": SUBSET},
            "what is chosen of this part, {without: {label: 9}}",
        )
        for part in PARTS
    },
    # images
    "size": (SIDES, "the shorter side, or [height, width]"),
    "crop": (SIDES, "a side, or [height, width]"),
    "pad": ({"type": "integer", "minimum": 0}, "a whole number of pixels"),
    "scale": ({"type": ["number", "boolean"]}, "a number; of vectors true or false"),
    "colours": ({"enum": ["RGB", "BGR", "grey"]}, "RGB, BGR or grey"),
    "invert": (FLAG, "true or false"),
    "mean": (NUMBERS, "a number a channel"),
    "deviation": (NUMBERS, "a number a channel"),
    "normalize": (
        {
            "anyOf": [
                FLAG,
                {
                    "type": "object",
                    "required": ["mean", "deviation"],
                    "additionalProperties": False,
                    "properties": {"mean": NUMBERS, "deviation": NUMBERS},
                },
            ]
        },
        "true, false, or {mean: …, deviation: …}",
    ),
    "turn": ({"enum": [0, 90, 180, 270]}, "0, 90, 180 or 270 degrees, counter-clockwise"),
    "memory": ({"type": "number", "minimum": 0}, "GiB of pictures that are held at most"),
    "unreadable": ({"enum": ["error", "skip"]}, "error or skip"),
    # texts
    "tokenizer": (TEXT, "characters, words, bpe, or the path of a tokenizer.json"),
    "vocab": (COUNT, "how many tokens are learnt at most"),
    "window": (COUNT, "how many tokens"),
    "label": ({"type": ["boolean", "string"]}, "true for labelled texts; of a series a column"),
    "padding": ({"enum": ["before", "after"]}, "before or after"),
    "shared": (FLAG, "true or false"),
    "header": (FLAG, "true or false"),
    "hub": (TEXT, "the name of a set that `datasets` fetches"),
    # sets that are made
    "count": (COUNT, "how many items"),
    "length": (COUNT, "how many steps"),
    # tables and series
    "fields": (
        {"type": "object", "minProperties": 1, "additionalProperties": TEXTS},
        "columns by field, {x: [width, height], label: species}",
    ),
    "missing": ({"enum": ["error", "drop", "interpolate"]}, "error, drop or interpolate"),
    "columns": (TEXTS, "a column or a list of columns"),
    "target": (TEXTS, "a column or a list of columns"),
    "history": (COUNT, "how many rows"),
    "horizon": (
        {"anyOf": [COUNT, {"type": "array", "items": COUNT, "minItems": 1}]},
        "how many rows ahead, or a list of them",
    ),
    "series": (COUNT, "how many rows"),
    "name": (TEXT, "the name of a set"),
    "config": (TEXT, "a configuration of the set"),
}


def check(name: str, options: Mapping[str, Any]) -> None:
    """E806 for every option that has another kind of value than it takes."""
    from jsonschema import Draft202012Validator

    found: list[Diagnostic] = []
    for key, value in options.items():
        schema, spoken = OPTIONS[key]
        error = next(Draft202012Validator(schema).iter_errors(value), None)
        if error is not None:
            what = f"{name}: '{key}' is {spoken}, found {value!r:.60}"
            found.append(Diagnostic("E806", what))
    if found:
        raise InputError(found)


def unknown(name: str, key: str, known: tuple[str, ...]) -> InputError:
    """E806 for an option that this kind of source does not have."""
    return InputError.of("E806", f"{name} has no option '{key}'", help=did_you_mean(key, known))
