"""The skeleton of a spec file as JSON Schema: its sections, and what each holds.

Steps are left open here. Each is checked by its own op's schema (`archc.spec.schema`), and `train`
and `search` by schemas of their own.
"""

from __future__ import annotations

from typing import Any

from archc.ir.types import DTYPES
from archc.spec.search import SECTION as SEARCH
from archc.spec.training import SECTION as TRAIN

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
        "train": TRAIN,
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
