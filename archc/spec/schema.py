"""JSON Schema of the language: the skeleton of a file, and one schema an op.

One `oneOf` over all ops names nothing useful and is slow, so a file is checked by the skeleton and
each step by its own op's schema; `archc.spec.publish` joins the same parts into one document for
editors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

from archc.errors import Diagnostic, Findings, did_you_mean
from archc.ir.types import DTYPES
from archc.ops.base import Op
from archc.ops.kinds import unequal
from archc.ops.registry import ops
from archc.place import Place
from archc.spec import slips
from archc.spec.accept import accepts
from archc.spec.data import Data, Mapping, Sequence, holds_formula, plain
from archc.spec.search import SECTION as SEARCH
from archc.spec.training import SECTION

KINDS = {  # of JSON's values, in the language's words
    "object": "a mapping", "array": "a list", "string": "a string", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "nothing",
}  # fmt: skip
NAMES = {"type": "object", "propertyNames": {"type": ["string", "integer"]}}
STEPS: dict[str, Any] = {"type": "array", "items": {"$ref": "#/$defs/step"}}

SIDE = {"type": "integer", "minimum": 1, "maximum": 8192}  # pixels
PREPROCESS: dict[str, Any] = {
    "type": "object",
    "description": "What `archc run` does to a picture.",
    "additionalProperties": False,
    "properties": {
        "size": {"anyOf": [SIDE, {"type": "array", "items": SIDE, "minItems": 1, "maxItems": 2}]},
        "crop": {"anyOf": [SIDE, {"type": "array", "items": SIDE, "minItems": 2, "maxItems": 2}]},
        "pad": {"type": "integer", "minimum": 0, "maximum": 8192},
        "mean": {"type": "array", "items": {"type": "number"}, "minItems": 1},
        "deviation": {
            "type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 1,
        },
        "colours": {"enum": ["RGB", "BGR", "grey"]},
        "scale": {"type": "number"},
        "invert": {"type": "boolean"},
    },
}  # fmt: skip

INPUT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "shape": {"type": "array", "description": "Sizes; a bare name is a symbolic dimension."},
        "dtype": {"enum": list(DTYPES)},
        "rest": {"type": "boolean", "description": "A block's other inputs, given by name."},
        "optional": {"type": "boolean", "description": "May be left out; `given(name)` tells."},
        "repeat": {"description": "Declares a list of inputs: a count or {variable: count}."},
        "when": {"description": "A formula over the file's parameters; if false, it is absent."},
    },
}
INPUTS: dict[str, Any] = {
    "description": "Values that are fed, by name: `image: [N, 3, 224, 224]`.",
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "array"}, INPUT, {"type": "null"}]},
        },
        {"type": "array", "items": {"type": "string"}},
    ],
}
REFERENCES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
OUTPUT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["value"],
    "properties": {
        "value": {"type": "string", "description": "The reference."},
        "when": {"description": "A formula; if false, there is no such output."},
    },
}
OUTPUTS: dict[str, Any] = {
    "description": "References by name, `logits: prev`; without it the last value is `output`.",
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, REFERENCES, OUTPUT]},
        },
        REFERENCES,
    ],
}


def template(*more: str) -> dict[str, Any]:
    """The schema of a block or a model."""
    properties: dict[str, Any] = {
        "doc": {"type": "string"},
        "inputs": INPUTS,
        "graph": STEPS,
        "outputs": OUTPUTS,
    }
    properties.update({key: {"type": "object"} for key in more})
    return {
        "type": "object",
        "required": ["graph"],
        "additionalProperties": False,
        "properties": properties,
    }


SKELETON: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "archc spec",
    "type": "object",
    "required": ["archc"],
    "additionalProperties": False,
    "properties": {
        "archc": {"const": 1, "description": "The language's version."},
        "name": {
            "type": "string",
            "description": "The network's name; the file's name without it.",
        },
        "task": {
            "type": "string",
            "description": "What the network is for, in a few words: `image classification`.",
        },
        "doc": {
            "type": "string",
            "description": "First the paper, `Title (authors, year).`, then what was new.",
        },
        "params": {
            "type": "object",
            "description": "Parameters and their defaults; a type name makes one required.",
        },
        "variants": {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "description": "Named sets of parameters, chosen with `path:variant`.",
        },
        "use": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Files whose blocks are used.",
        },
        "defaults": {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "description": "Attributes by op that hold for the whole spec.",
        },
        "inputs": INPUTS,
        "blocks": {"type": "object", "additionalProperties": template("params")},
        "graph": STEPS,
        "outputs": OUTPUTS,
        "models": {"type": "object", "additionalProperties": template()},
        "data": {
            "type": "object",
            "description": "Data by name, each `kind: {options}`, for `train` to refer to.",
            "additionalProperties": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "object", "minProperties": 1, "maxProperties": 1},
                ]
            },
        },
        "train": SECTION,
        "search": SEARCH,
        "weights": {
            "type": "object",
            "description": "How checkpoints are read: names to ignore, renames, transposes.",
            "additionalProperties": False,
            "properties": {
                "ignore": {"type": "array", "items": {"type": "string"}},
                "rename": {"type": "object", "additionalProperties": {"type": "string"}},
                "transpose": {"type": "array", "items": {"type": "string"}},
            },
        },
        "labels": {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}],
            "description": "Class names, written into the ONNX metadata.",
        },
        "preprocess": PREPROCESS,
    },
    "$defs": {"step": {"type": ["string", "object", "null"]}},
}


def attributes(op: type[Op]) -> dict[str, Any]:
    """The schema of an op's attribute mapping, without formulas."""
    properties = {
        name: {**attribute.kind.schema(), "description": attribute.doc}
        for name, attribute in op.attributes.items()
        if name != op.rest
    }
    return {
        "type": "object",
        "description": (op.__doc__ or "").strip(),
        "properties": properties,
        "additionalProperties": op.open_attributes or False,
    }


@cache
def _schema(op: str | None) -> dict[str, Any]:
    return SKELETON if op is None else attributes(ops()[op])


@cache
def _validator(op: str | None) -> Callable[[Any], Iterator[Any]]:
    from jsonschema import Draft202012Validator  # only where there is something to say

    return Draft202012Validator(_schema(op)).iter_errors


def _errors(op: str | None, value: Any) -> Iterator[Any]:
    """What jsonschema finds wrong with the value."""
    return iter(()) if accepts(_schema(op), value) else _validator(op)(value)


def check_file(data: Mapping) -> list[Diagnostic]:
    """What the skeleton finds wrong with a file."""
    value = {key: _without_steps(key, entry.value) for key, entry in data.entries.items()}
    return list(islice(_diagnostics(data, _errors(None, value)), Findings.MOST + 1))


def check_attributes(op: type[Op], data: Mapping) -> list[Diagnostic]:
    """What the op's schema finds wrong with literal attributes.

    Those that hold a formula are judged later.
    """
    value = {
        key: plain(entry.value)
        for key, entry in data.entries.items()
        if not holds_formula(entry.value)
    }
    return list(islice(_diagnostics(data, _errors(op.name, value), op), Findings.MOST + 1))


def check_section(
    data: Mapping, value: Any, schema: dict[str, Any]
) -> tuple[list[Diagnostic], list[list[Any]]]:
    """What a section's own schema finds wrong with it, `value` being the data with formulas done.

    Also where in it a value has another form than it should; a key too many is none.
    """
    from jsonschema import Draft202012Validator

    whole = {**schema, "$defs": SKELETON["$defs"]}
    errors = list(Draft202012Validator(whole).iter_errors(value))
    paths = [list(e.absolute_path) for e in errors if e.validator != "additionalProperties"]
    return list(_diagnostics(data, errors)), paths


def _without_steps(key: str | int, data: Data) -> Any:
    """The section as plain data.

    Steps, which are checked one by one, and kept sections are left empty.
    """
    if key in ("train", "search"):  # their own readers check them, once the parameters are known
        return {} if isinstance(data, Mapping) else plain(data)
    if key in ("params", "variants", "defaults"):
        if isinstance(data, Mapping):
            return {
                name: {} if isinstance(entry.value, Mapping) else plain(entry.value)
                for name, entry in data.entries.items()
            }
        return plain(data)
    if key == "graph":
        return [] if isinstance(data, Sequence) else plain(data)
    if key in ("blocks", "models") and isinstance(data, Mapping):
        return {
            name: {
                part: _without_steps(part, inner.value)
                for part, inner in entry.value.entries.items()
            }
            if isinstance(entry.value, Mapping)
            else plain(entry.value)
            for name, entry in data.entries.items()
        }
    return plain(data)


def _diagnostics(
    data: Data, errors: Iterable[Any], op: type[Op] | None = None
) -> Iterator[Diagnostic]:
    """What jsonschema found, each at its place in the file; of one key too many, so of each."""
    for error in chain.from_iterable(map(_inside, errors)):
        where, inside = _walk(data, list(error.absolute_path))
        if error.validator != "additionalProperties" or not isinstance(inside, Mapping):
            yield _diagnostic(error, where, op)
            continue
        known = list(error.schema.get("properties", {}))
        code, what = ("E206", f"{op.name}: no attribute") if op else ("E201", "no key")
        for key in (key for key in inside.entries if key not in known):
            place = inside.entries[key].key.place
            help = slips.within(op.name, str(key), known) if op else did_you_mean(str(key), known)
            yield Diagnostic(code, f"{what} '{key}'", place, help=help)


def _diagnostic(error: Any, where: Place, op: type[Op] | None) -> Diagnostic:
    """A jsonschema error about the value at a place."""
    subject = f"{op.name}: " if op else ""
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        help = "begin with: archc: 1" if missing == "archc" else ""
        return Diagnostic("E203", f"{subject}'{missing}' is missing", where, help=help)
    if list(error.absolute_path) == ["archc"]:
        return Diagnostic(
            "E110",
            f"this archc reads language version 1, found {error.instance!r}",
            where,
            help="a newer version needs a newer archc: pip install --upgrade archc-compiler",
        )
    path = ".".join(map(str, error.absolute_path))
    wanted = _spoken(error, op)
    help = EXAMPLES.get(path, "") if op is None else ""
    if error.validator == "enum":
        help = did_you_mean(str(error.instance), map(str, error.validator_value))
    elif "number" in wanted:
        help = unequal(error.instance)
    return Diagnostic(
        "E207" if op else "E202",
        f"{subject}{path}: {wanted}, found {_shown(error.instance)}",
        where,
        help=help,
    )


EXAMPLES = {"outputs": "outputs: {logits: prev}, or a list of names"}


def _inside(error: Any) -> Iterator[Any]:
    """An error in alternatives as those inside the one that fits best; any other as it is.

    That alternative fits best in which a path to an error goes furthest.
    """
    context = error.context if error.validator in ("anyOf", "oneOf") else ()
    best = max(context, key=lambda inner: len(inner.absolute_path), default=error)
    if len(best.absolute_path) == len(error.absolute_path):
        yield error
        return
    for inner in context:
        if inner.relative_schema_path[0] == best.relative_schema_path[0]:
            yield from _inside(inner)


def _spoken(error: Any, op: type[Op] | None) -> str:
    if op is not None and error.absolute_path:
        attribute = op.attributes.get(str(error.absolute_path[0]))
        if attribute is not None:
            return f"expected {attribute.kind.spoken}"
    if any(inner.validator in ("minProperties", "maxProperties") for inner in error.context or ()):
        return "expected a name, or one name with its options"
    if error.validator in ("type", "anyOf"):
        found = dict.fromkeys(_kinds({error.validator: error.validator_value}))
        return "expected " + (" or ".join(found) or "another kind of value")
    if error.validator == "enum":
        return "expected one of " + ", ".join(map(str, error.validator_value))
    known = BOUNDS.get(error.validator, error.validator)
    return f"expected {known} {error.validator_value}"


BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minItems": "a list of at least",
    "minProperties": "a mapping of at least",
    "maxProperties": "a mapping of at most",
}


def _kinds(schema: dict[str, Any]) -> Iterator[str]:
    """The kinds of value that a schema allows, as far as it says."""
    said = schema.get("type", [])
    for kind in said if isinstance(said, list) else [said]:
        yield KINDS[kind]
    for inner in schema.get("anyOf", []):
        yield from _kinds(inner)


def _shown(value: Any) -> str:
    if isinstance(value, dict) and len(value) > 1:
        return f"a mapping of {len(value)}"
    if isinstance(value, dict | list):
        what = "mapping" if isinstance(value, dict) else "list"
        return f"a {what}" if value else f"an empty {what}"
    return "nothing" if value is None else repr(value)[:60]


def _walk(data: Data, path: list[Any]) -> tuple[Place, Data]:
    for key in path:
        if isinstance(data, Mapping) and key in data.entries:
            data = data.entries[key].value
        elif isinstance(data, Sequence) and isinstance(key, int) and key < len(data.items):
            data = data.items[key]
        else:
            break
    return data.place, data
