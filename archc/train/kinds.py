"""The kinds of data that a training knows: their options, what these can be, and their fields.

Who reads them is `archc_train`; tests hold both against each other. The names stand here, so that a
spec is checked where the data is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from pathlib import PurePath
from typing import Any, NamedTuple

from archc.errors import did_you_mean

PARTS = ("train", "val", "test")

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

CHOICE = ("range", "only", "without", *PARTS)
IMAGES = (
    "size", "crop", "pad", "scale", "colours", "invert", "mean", "deviation", "normalize", "turn",
)  # fmt: skip
PICTURES = (*IMAGES, "memory", "unreadable")
WORDS = ("tokenizer", "vocab", "window", "fields", "hub")
SERIES = ("history", "horizon", "series", "columns", "target", "scale", "missing")

Names = tuple[str, ...]


def of_fields(options: Map[str, Any]) -> Names | None:
    """As `fields` says; without it the data tells."""
    written = options.get("fields")
    return tuple(written) if isinstance(written, dict) else None


def of_text(options: Map[str, Any]) -> Names:
    return ("tokens", "mask", "length", "label") if options.get("label") else ("tokens", "next")


def of_windows(options: Map[str, Any]) -> Names:
    alone = "series" in options and "history" not in options
    own = ("series",) if alone else ("history", "future")
    return (*own, "label") if "label" in options else own


class Kind(NamedTuple):
    """A kind of source.

    The options that it knows besides `path`; its fields, None where only the data tells them; and
    whether it is read from files.
    """

    options: Names
    fields: Names | Callable[[Map[str, Any]], Names | None] | None
    files: bool = True

    def fields_with(self, options: Map[str, Any]) -> Names | None:
        return self.fields(options) if callable(self.fields) else self.fields


IMAGE = ("image", "label")
VECTOR = ("x", "label")
PAIR = ("source", "mask", "target", "next")
SEQUENCE = ("series", "mask", "length", "label")
KINDS: dict[str, Kind] = {
    "fashion_mnist": Kind((*CHOICE, *IMAGES), IMAGE),
    "mnist": Kind((*CHOICE, *IMAGES), IMAGE),
    "idx": Kind((*CHOICE, *IMAGES), IMAGE),
    "npz": Kind((*CHOICE, *IMAGES), None),
    "images": Kind((*CHOICE, *PICTURES), IMAGE),
    "table": Kind((*CHOICE, "fields", "scale", "missing", "hub"), of_fields),
    "text": Kind((*CHOICE, *WORDS, "label", "padding"), of_text),
    "pairs": Kind((*CHOICE, *WORDS, "shared", "header"), PAIR),
    "windows": Kind((*SERIES, "label", "hub"), of_windows),
    **dict.fromkeys(("sunspots", "co2", "macrodata"), Kind(SERIES, of_windows, files=False)),
    **dict.fromkeys(
        ("sequences", "japanese_vowels"), Kind((*CHOICE, "padding", "scale"), SEQUENCE)
    ),
    "digits": Kind((*CHOICE, *IMAGES), IMAGE, files=False),
    **dict.fromkeys(
        ("wine", "breast_cancer", "iris"), Kind((*CHOICE, "scale"), VECTOR, files=False)
    ),
    "diabetes": Kind((*CHOICE, "scale"), ("x", "target"), files=False),
    "dates": Kind(("count", "shared"), PAIR, files=False),
    "recall": Kind(("count", "length"), ("tokens", "label"), files=False),
    "sensors": Kind(("count", "length", "scale"), ("series", "label"), files=False),
    "hub": Kind((*CHOICE, *PICTURES, "name", "config", "fields"), of_fields),
}
TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
SUFFIXES = {
    ".npz": "npz", ".txt": "text", ".ts": "sequences", **dict.fromkeys(TABLES, "table"),
}  # fmt: skip


class Wrong(NamedTuple):
    """What is wrong with an option, and whether with its value rather than its name."""

    option: str
    code: str
    message: str
    help: str = ""
    value: bool = False


def kind_at(path: str) -> str | None:
    """The kind of a file, as its name tells; of folders and other files none."""
    return SUFFIXES.get(PurePath(path).suffix.lower())


def wrong(name: str, kind: Kind, options: Map[str, Any]) -> Iterator[Wrong]:
    """E806 for options that there are not, or that can have no such value; E807 for fields."""
    from jsonschema import Draft202012Validator

    fields = kind.fields_with(options)
    for option, value in options.items():
        if option in ("path", *kind.options):
            schema, spoken = OPTIONS[option]
            if not Draft202012Validator(schema).is_valid(value):
                what = f"{name}: '{option}' is {spoken}, found {value!r:.60}"
                yield Wrong(option, "E806", what, value=True)
        elif not isinstance(value, str):
            help = did_you_mean(option, kind.options)
            yield Wrong(option, "E806", f"{name} has no option '{option}'", help)
        elif fields is not None and option not in fields:
            help = did_you_mean(option, (*fields, *kind.options))
            yield Wrong(option, "E807", f"{name} has no field or option '{option}'", help)
        elif not value.isidentifier():
            what = f"{name}: the field '{option}' cannot be called {value!r:.40}"
            yield Wrong(option, "E807", what, "a name is letters, digits and _", value=True)
