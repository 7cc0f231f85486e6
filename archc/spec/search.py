"""The `search:` section: the schema that `check` and editors use, and the words that it knows."""

from __future__ import annotations

from typing import Any

from archc.spec.training import CHOICE, COUNT, LENGTH, NUMBER

Schema = dict[str, Any]

MOVES = (
    "swap", "insert", "remove", "rewire", "skip", "duplicate", "repeat", "width", "kernel",
    "stride", "groups", "heads",
)  # fmt: skip
MEMBERS: Schema = {"type": "integer", "minimum": 2}
SHARE: Schema = {"type": "number", "minimum": 0}
STRATEGIES: dict[str, dict[str, Schema]] = {  # what each is told, beside what all of them know
    "random": {},
    "local": {"restart": {**COUNT, "description": "Neighbours in vain before it begins anew."}},
    "evolution": {
        "population": {**MEMBERS, "description": "How many are alive."},
        "tournament": {**COUNT, "description": "Of how many the best becomes a parent."},
    },
    "pareto": {
        "population": {**MEMBERS, "description": "How many are alive."},
        "tournament": {**COUNT, "description": "Of how many the best becomes a parent."},
    },
    "reinforce": {
        "rate": {**LENGTH, "description": "How far the controller moves at each trial."},
        "baseline": {
            **SHARE,
            "exclusiveMaximum": 1,
            "description": "The decay of the mean reward.",
        },
        "entropy": {**SHARE, "description": "How much it is worth to stay undecided."},
    },
    "surrogate": {
        "first": {**MEMBERS, "description": "Random candidates that it learns from first."},
        "pool": {**COUNT, "description": "Candidates that are ranked for each that is evaluated."},
        "population": {**COUNT, "description": "Of how many of the best mutants are made."},
    },
}
SEVERAL = ("random", "pareto")  # the strategies that know more than one objective

NAMES: Schema = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
BOUNDS: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
CHOICES: Schema = {"type": "array", "minItems": 1}
DOMAIN: Schema = {
    "anyOf": [
        CHOICES,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "choices": CHOICES,
                "int": BOUNDS,
                "float": BOUNDS,
                "log": {"type": "boolean", "description": "Steps are factors, not sums."},
                "when": {
                    "type": ["boolean", "string"],
                    "description": "A formula over the parameters: whether the choice matters.",
                },
            },
        },
    ],
    "description": "A list of choices, {int: [1, 6]}, {float: [1e-4, 0.1], log: true}.",
}
SECTION: Schema = {
    "type": "object",
    "description": "What architecture search may change, and what it looks for.",
    "additionalProperties": False,
    "properties": {
        "vary": {
            "type": "object",
            "additionalProperties": DOMAIN,
            "description": "Parameters and what they may be; a path walks lists and records, "
            "`depths.*`.",
        },
        "moves": {
            "type": "object",
            "additionalProperties": False,
            "description": "Structural moves: which kinds, and inside which blocks or scopes.",
            "properties": {
                "within": {**NAMES, "description": "Blocks, models and named steps; all without."},
                "kinds": {
                    "type": "array",
                    "items": {"enum": list(MOVES)},
                    "minItems": 1,
                    "description": "All of them without it.",
                },
            },
        },
        "objectives": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {"maximize": NAMES, "minimize": NAMES},
            "description": "What is sought: {maximize: accuracy, minimize: latency_ms}.",
        },
        "limits": {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    NUMBER,
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "minProperties": 1,
                        "properties": {"least": NUMBER, "most": NUMBER},
                    },
                ]
            },
            "description": "The most of a number, {params: 5.0e6}, or {least: …, most: …}.",
        },
        "strategy": {
            **CHOICE,
            "description": "How candidates are chosen; evolution without it, or pareto "
            "with several objectives.",
        },
        "budget": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "trials": {**COUNT, "description": "Candidates that are evaluated."},
                "seconds": {**LENGTH, "description": "Of all evaluations together."},
            },
            "description": "When the search ends, whichever comes first.",
        },
        "evaluate": {
            "type": "object",
            "additionalProperties": False,
            "description": "How a candidate is scored.",
            "properties": {
                "epochs": {
                    "anyOf": [LENGTH, {"type": "array", "items": LENGTH, "minItems": 1}],
                    "description": "Of training; a list are rungs, each for the best of the one "
                    "before.",
                },
                "keep": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "exclusiveMaximum": 1,
                    "description": "The share that is promoted to the next rung, 1/3.",
                },
                "inherit": {
                    "type": "boolean",
                    "description": "A child begins with its parent's weights.",
                },
                "timeout": {
                    **LENGTH,
                    "description": "Seconds that a candidate may take on a rung.",
                },
                "threads": {**COUNT, "description": "Of onnxruntime where latency is measured."},
            },
        },
        "seed": {"type": "integer", "minimum": 0},
    },
}


def published_section() -> Schema:
    """The section's schema with every word that it knows, for editors."""
    known = {
        name: {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": dict.fromkeys(options, NUMBER),
        }
        for name, options in STRATEGIES.items()
    }
    one = {"type": "object", "minProperties": 1, "maxProperties": 1}
    record = {**one, "additionalProperties": False, "properties": known}
    strategy = {"anyOf": [{"enum": list(STRATEGIES)}, record]}
    properties = SECTION["properties"]
    return {
        **SECTION,
        "properties": {**properties, "strategy": {**properties["strategy"], **strategy}},
    }
