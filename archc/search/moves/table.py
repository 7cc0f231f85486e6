"""Ops that can stand for each other."""

from __future__ import annotations

ACTIVATIONS = (
    "relu", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "mish", "tanh", "selu", "relu6",
)  # fmt: skip
GATES = ("sigmoid", "hard_sigmoid")
POOLS = tuple((f"max_pool{n}d", f"avg_pool{n}d") for n in (1, 2, 3))
RECURRENT = ("rnn", "gru", "lstm")  # by their weights
NORMS = {  # by rank, those of a picture and those of a sequence
    "channels": ("batch_norm", "group_norm", "instance_norm"),
    "features": ("layer_norm", "rms_norm"),
}
