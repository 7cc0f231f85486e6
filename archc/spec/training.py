"""The `train:` section: the schema that `check` and editors use, and the words that it knows.

Optimisers are torch.optim's, metrics torchmetrics'. Their names stand here, too, so that a spec is
checked where neither is installed; tests hold both lists against those packages.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Schema = dict[str, Any]

FLAGS = ("maximize", "foreach", "differentiable", "capturable", "fused")  # how torch computes it
OURS = ("groups", "exempt", "others")  # options that every optimiser has here
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "adadelta": ("lr", "rho", "eps", "weight_decay"),
    "adafactor": ("lr", "beta2_decay", "eps", "d", "weight_decay"),
    "adagrad": ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    "adam": ("lr", "betas", "eps", "weight_decay", "amsgrad", "decoupled_weight_decay"),
    "adamax": ("lr", "betas", "eps", "weight_decay"),
    "adamw": ("lr", "betas", "eps", "weight_decay", "amsgrad"),
    "asgd": ("lr", "lambd", "alpha", "t0", "weight_decay"),
    "lbfgs": (
        "lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change", "history_size",
        "line_search_fn",
    ),
    "muon": (
        "lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps",
        "adjust_lr_fn",
    ),
    "nadam": ("lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay"),
    "radam": ("lr", "betas", "eps", "weight_decay", "decoupled_weight_decay"),
    "rmsprop": ("lr", "alpha", "eps", "weight_decay", "momentum", "centered"),
    "rprop": ("lr", "etas", "step_sizes"),
    "sgd": ("lr", "momentum", "dampening", "weight_decay", "nesterov"),
}  # fmt: skip
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": ("warmup",),
    "linear": ("warmup", "hold", "final"),
    "cosine": ("warmup", "hold", "final"),
    "exponential": ("warmup", "hold", "factor", "final"),
    "step": ("warmup", "every", "factor"),
    "multi_step": ("warmup", "at", "factor"),
    "one_cycle": ("peak", "warmup_share", "start_factor", "final_factor"),
    "plateau": ("factor", "patience", "threshold", "least"),
}


class Kind(NamedTuple):
    """A kind of metric: how many values it is measured of, and whether more of it is better."""

    inputs: int
    more: bool | None


METRICS = {
    "mean": Kind(1, None),
    **dict.fromkeys(("accuracy", "f1", "precision", "recall"), Kind(2, more=True)),
    **dict.fromkeys(("auroc", "average_precision", "r2", "psnr", "ssim"), Kind(2, more=True)),
    **dict.fromkeys(("mse", "rmse", "mae", "perplexity"), Kind(2, more=False)),
}
CLIPS = ("norm", "value")
DRAWS = (
    "normal",
    "uniform",
    "bernoulli",
    "integers",
    "ones",
    "zeros",
    "full",
)  # what feeds are made of

NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 1}
SEED: Schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
LENGTH: Schema = {"type": "number", "exclusiveMinimum": 0}
TIMED: Schema = {
    "anyOf": [NUMBER, {"type": "string", "pattern": "^="}],
    "description": "A number, or a formula over step, epoch and progress.",
}
CHOICE: Schema = {  # a name, or one name with its options
    "anyOf": [
        {"type": "string"},
        {"type": "object", "minProperties": 1, "maxProperties": 1},
    ]
}
STEP: Schema = {"$ref": "#/$defs/step"}
MODEL: Schema = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    "description": "The model that is updated, or a list; those that it calls are part of it.",
}
LEARNING: Schema = {
    "optimizer": {**CHOICE, "description": "By torch.optim's name: {adamw: {lr: 3.0e-4}}."},
    "schedule": {**CHOICE, "description": "How the rate changes: {cosine: {warmup: 500}}."},
    "clip": {
        "anyOf": [NUMBER, *CHOICE["anyOf"]],
        "description": "Gradients are cut before a step: 1.0 or {norm: 1.0}, {value: 0.5}.",
    },
    "clip_weights": {**LENGTH, "description": "Weights are kept within ± this (WGAN)."},
    "accumulate": {**COUNT, "description": "Batches whose gradients make one step."},
    "average": {
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
        "description": "The decay of a moving average of the weights, which is what is kept.",
    },
}
UPDATE: Schema = {
    "type": "object",
    "required": ["name", "model", "graph", "loss"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "description": "How later updates and metrics refer to it."},
        "model": MODEL,
        "graph": {
            "type": "array",
            "items": STEP,
            "minItems": 1,
            "description": "Steps over models, fields of the data, feeds and earlier updates.",
        },
        "loss": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": TIMED,
            "description": "The terms and their weights; what is minimised is the weighted sum.",
        },
        "repeat": {**COUNT, "description": "Steps in a row, each with new data and draws."},
        "every": {**COUNT, "description": "The update is made every so many turns."},
        **LEARNING,
    },
}
METRIC: Schema = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
    ]
}
PHASE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "set": {"type": "object", "description": "Parameters of the spec in this phase."},
        "epochs": LENGTH,
        "steps": COUNT,
        "batch": COUNT,
    },
}
SECTION: Schema = {
    "type": "object",
    "description": "How the network is trained.",
    "additionalProperties": False,
    "properties": {
        "data": {
            "type": ["string", "object"],
            "description": "A source of data by name, or sources with their fields renamed.",
        },
        "split": {
            "type": "object",
            "description": "Shares or counts of the parts, where the source has none.",
            "additionalProperties": False,
            "properties": {"val": LENGTH, "test": LENGTH, "seed": SEED},
        },
        "batch": {**COUNT, "description": "Items of a batch."},
        "epochs": {**LENGTH, "description": "How often the data is gone through."},
        "steps": {**COUNT, "description": "Turns of all updates, in place of epochs."},
        "seed": {**SEED, "description": "Of weights, order and draws."},
        "feed": {
            "type": "object",
            "description": "Values that are drawn anew for every step, {z: {normal: [N, 64]}}, "
            "and numbers that change with time.",
        },
        "augment": {
            "type": "array",
            "items": CHOICE,
            "description": "What is done to training images, by kornia's names.",
        },
        "model": {"type": "string", "description": "The model that `loss` is about."},
        "loss": {**STEP, "description": "The loss, one step: {cross_entropy: [logits, label]}."},
        **LEARNING,
        "updates": {
            "type": "array",
            "items": UPDATE,
            "minItems": 1,
            "description": "In place of `loss`: what is updated in turn, each by its own loss.",
        },
        "metrics": {
            "type": "object",
            "additionalProperties": METRIC,
            "description": "What evaluation reports: {accuracy: [logits, label]}.",
        },
        "best": {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "minProperties": 1, "maxProperties": 1},
            ],
            "description": "The metric that chooses the weights: accuracy, {minimize: loss}.",
        },
        "patience": {**COUNT, "description": "Evaluations without a better one before it stops."},
        "evaluate": {**COUNT, "description": "Turns between evaluations; an epoch without it."},
        "phases": {
            "type": "array",
            "description": "Stages in turn, such as growing: each with `set`, `epochs` or `steps`.",
            "items": PHASE,
            "minItems": 1,
        },
        "precision": {"enum": ["fp32", "bf16", "fp16"]},
        "compile": {"type": "boolean", "description": "Run through torch.compile."},
    },
}


def named(
    words: dict[str, tuple[str, ...]], more: tuple[str, ...] = (), *, bare: bool = True
) -> Schema:
    """A name, or one name with its options, for editors; `bare` if a number can be the main one."""
    known = {
        name: {
            "type": ["object", "number", "null"] if bare else ["object", "null"],
            "additionalProperties": False,
            "properties": {option: {} for option in (*options, *more)},
        }
        for name, options in words.items()
    }
    one: Schema = {"type": "object", "minProperties": 1, "maxProperties": 1}
    record = {**one, "additionalProperties": False, "properties": known}
    return {"anyOf": [{"enum": list(words)}, record]}


def published_section() -> Schema:
    """The section's schema with every word that it knows, for editors."""
    choices = {
        "optimizer": named(OPTIMIZERS, (*OURS, *FLAGS)),
        "schedule": named(SCHEDULES, bare=False),
        "clip": {"anyOf": [NUMBER, *named(dict.fromkeys(CLIPS, ()))["anyOf"][1:]]},
    }

    def with_words(properties: Schema) -> Schema:
        return {
            name: {**value, **choices[name]} if name in choices else value
            for name, value in properties.items()
        }

    properties = with_words(SECTION["properties"])
    update = {**UPDATE, "properties": with_words(UPDATE["properties"])}
    properties["updates"] = {**properties["updates"], "items": update}
    draws = {
        "type": "object",
        "properties": {
            **{name: {"$ref": f"#/$defs/op.{name}"} for name in DRAWS},
            "repeat": {"type": ["integer", "object"], "description": "Makes a list of it."},
            "when": {"type": "boolean", "description": "If false there is no such value."},
            "value": TIMED,
        },
    }
    properties["feed"] = {**properties["feed"], "additionalProperties": {"anyOf": [TIMED, draws]}}
    metric = {
        "anyOf": [
            *METRIC["anyOf"][:2],
            {
                "type": "object",
                "properties": {
                    **{name: {"type": ["object", "array", "null"]} for name in METRICS},
                    "in": {"type": ["string", "array"]},
                },
            },
        ]
    }
    properties["metrics"] = {**properties["metrics"], "additionalProperties": metric}
    return {**SECTION, "properties": properties}
