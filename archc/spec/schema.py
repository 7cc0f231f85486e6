"""Files and steps against JSON Schema, and what is wrong with them in words.

One `oneOf` over all ops names nothing useful and is slow, so a file is checked by its skeleton
(`archc.spec.skeleton`) and each step by its own op's schema; `archc.spec.publish` joins the same
parts into one document for editors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

from archc.errors import Diagnostic, Findings, did_you_mean
from archc.ops.base import Op
from archc.ops.kinds import unequal
from archc.ops.registry import ops
from archc.place import Place
from archc.spec import slips
from archc.spec.accept import accepts
from archc.spec.data import Data, Mapping, Sequence, holds_formula, plain
from archc.spec.skeleton import SKELETON

KINDS = {  # of JSON's values, in the language's words
    "object": "a mapping", "array": "a list", "string": "a string", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "nothing",
}  # fmt: skip


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
