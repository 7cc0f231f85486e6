"""Plain scalars by the core schema of YAML 1.2 (section 10.3.2)."""

from __future__ import annotations

import re

from archc.spec.data import Plain

_INT = re.compile(r"[-+]?[0-9]+\Z")


_OCTAL = re.compile(r"0o[0-7]+\Z")


_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")


_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


_SPECIAL: dict[str, Plain] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), ".Inf": float("inf"), ".INF": float("inf"),
    "+.inf": float("inf"), "+.Inf": float("inf"), "+.INF": float("inf"),
    "-.inf": float("-inf"), "-.Inf": float("-inf"), "-.INF": float("-inf"),
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip


_NUMERIC_START = frozenset("0123456789+-.")


_LONGEST_NUMBER = 400


def resolve(text: str) -> Plain:
    """A plain scalar's value by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] not in _NUMERIC_START or len(text) > _LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text)
    if _OCTAL.match(text):
        return int(text[2:], 8)
    if _HEX.match(text):
        return int(text[2:], 16)
    return float(text) if _FLOAT.match(text) else text
