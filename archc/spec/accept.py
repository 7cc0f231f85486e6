"""A quick yes: whether a value meets a JSON Schema of the simple kind that `check` uses.

jsonschema says what is wrong, and takes longer to import than a small spec to compile. So it is
asked only where this module cannot say yes. A keyword that is not known here is a no, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_WITHOUT_EFFECT = frozenset({"$schema", "$defs", "title", "description"})


def accepts(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any] | None = None) -> bool:
    """Whether the value certainly meets the schema."""
    top = schema if root is None else root
    for key, wanted in schema.items():
        if key in _WITHOUT_EFFECT:
            continue
        check = _KEYWORDS.get(key)
        if check is None or not check(wanted, value, schema, top):
            return False
    return True


_Schema = Mapping[str, Any]


def _type(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    return any(_TYPES[name](value) for name in names)


def _properties(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(accepts(one, value[key], root) for key, one in wanted.items() if key in value)


def _additional(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    if not isinstance(value, dict):
        return True
    rest = [value[key] for key in value if key not in schema.get("properties", {})]
    if isinstance(wanted, bool):
        return wanted or not rest
    return all(accepts(wanted, one, root) for one in rest)


def _names(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not isinstance(value, dict) or all(accepts(wanted, key, root) for key in value)


def _required(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not isinstance(value, dict) or all(key in value for key in wanted)


def _items(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not isinstance(value, list) or all(accepts(wanted, one, root) for one in value)


def _any_of(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return any(accepts(one, value, root) for one in wanted)


def _const(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return type(wanted) is type(value) and bool(wanted == value)


def _enum(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return any(_const(one, value, schema, root) for one in wanted)


def _minimum(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not _TYPES["number"](value) or value >= wanted


def _above(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not _TYPES["number"](value) or value > wanted


def _maximum(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not _TYPES["number"](value) or value <= wanted


def _least_items(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not isinstance(value, list) or len(value) >= wanted


def _most_items(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    return not isinstance(value, list) or len(value) <= wanted


def _unique(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    if not wanted or not isinstance(value, list):
        return True
    return all(isinstance(one, str) for one in value) and len(set(value)) == len(value)


def _reference(wanted: Any, value: Any, schema: _Schema, root: _Schema) -> bool:
    head, _, name = str(wanted).rpartition("/")
    found = root.get("$defs", {}).get(name) if head == "#/$defs" else None
    return found is not None and accepts(found, value, root)


_KEYWORDS: dict[str, Callable[[Any, Any, _Schema, _Schema], bool]] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "anyOf": _any_of,
    "const": _const,
    "enum": _enum,
    "minimum": _minimum,
    "exclusiveMinimum": _above,
    "maximum": _maximum,
    "minItems": _least_items,
    "maxItems": _most_items,
    "uniqueItems": _unique,
    "$ref": _reference,
}
