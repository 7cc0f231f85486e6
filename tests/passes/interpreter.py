"""Programs run with NumPy, at inference: what the values of a pass's result are compared by."""

from __future__ import annotations

import re

import numpy as np

from archc.cost import sized
from archc.ir.derive import derived, sources
from archc.ir.nodes import InputNode, OpNode, WeightNode
from archc.ir.program import Program
from archc.ir.sites import spread
from archc.passes import flatten

SIZES = {"N": 2, "T": 3}  # of symbolic dimensions


def random_inputs(program: Program, seed: int = 0) -> dict[str, np.ndarray]:
    """Small numbers for each input of the main model."""
    rng = np.random.default_rng(seed)
    return {
        name: random_array(rng, type.dtype, sized(type, SIZES).dims)
        for name, type in program.model.input_types().items()
    }


def random_weights(program: Program, seed: int = 0) -> dict[str, np.ndarray]:
    """Numbers from 0.5 to 1.5 for each weight that is owned, so that none is a bad variance."""
    rng = np.random.default_rng(seed)
    return {
        entry.name: rng.uniform(0.5, 1.5, entry.type.dims).astype(entry.type.dtype)
        for entry in program.weights()
        if entry.owner is None
    }


def random_array(rng, dtype, dims):
    if dtype == "bool":
        return rng.integers(0, 2, dims).astype(bool)
    if dtype.startswith(("int", "uint")):
        return rng.integers(0, 4, dims).astype(dtype)
    return rng.uniform(-2, 2, dims).astype(dtype)


def weights_of(program: Program, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every weight by name: a tied one is its owner's, a derived one is computed."""
    found = {}
    for entry in program.weights():
        if entry.weight.derive is not None:
            read = {role: stored[name] for role, name, _ in sources(entry)}
            found[entry.name] = derived(entry.weight, read, entry.arguments)
        else:
            found[entry.name] = stored[entry.owner or entry.name]
    return found


def outputs(program: Program, inputs: dict[str, np.ndarray], stored: dict[str, np.ndarray]):
    """The main model's outputs by name."""
    weights = weights_of(program, stored)
    model = flatten(program).model
    graph = model.graph
    made: dict[int, tuple[np.ndarray, ...]] = {}
    for id, node in graph.nodes():
        if isinstance(node, InputNode):
            made[id] = (inputs[node.name],)
        elif isinstance(node, WeightNode):
            made[id] = (weights[node.ref.path],)
        else:
            assert isinstance(node, OpNode)
            given = [None if v is None else made[v.node][v.port] for v in graph.inputs(id)]
            made[id] = evaluated(node, given, weights)
    return {name: made[v.node][v.port] for name, v in model.outputs.items()}


def evaluated(node, given, weights):
    own = {port.name for port in node.op.inputs}
    where = spread(node.op, node.slots)
    read = {w.slot: weights[w.path] for w in node.weights}
    fed = [name for name in where if name not in own]
    read |= {name: given[where[name][0]] for name in fed}
    data = given[: len(given) - len(fed)]
    while data and data[-1] is None:
        data.pop()
    name = re.sub(r"\dd$", "", node.op.name)
    if name == "reshape":
        result = data[0].reshape(sized(node.types[0], SIZES).dims)
    elif name in OPS:
        result = OPS[name](node.op, read, *data)
    else:
        with np.errstate(all="ignore"):
            result = node.op.evaluate(*data)
        assert result is not None, f"{node.op.name} has no values here"
    return tuple(map(np.asarray, result if isinstance(result, tuple) else (result,)))


def linear(op, weights, x):
    matrix = weights["weight"] if op.layout == "in_out" else weights["weight"].T
    return x @ matrix + weights.get("bias", np.float32(0))


def batch_norm(op, weights, x):
    shape = (1, -1, *(1,) * (x.ndim - 2))
    if op.track:
        mean, var = weights["running_mean"].reshape(shape), weights["running_var"].reshape(shape)
    else:
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    y = (x - mean) / np.sqrt(var + np.float32(op.eps))
    return (
        (y * weights["weight"].reshape(shape) + weights["bias"].reshape(shape)) if op.affine else y
    )


def conv(op, weights, x):
    """Direct sums; stride 1, no padding, no dilation."""
    w, groups = weights["weight"], op.groups
    spatial = [size - k + 1 for size, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *spatial), x.dtype)
    inner, outer = w.shape[1], w.shape[0] // groups
    for place in np.ndindex(*spatial):
        window = tuple(slice(p, p + k) for p, k in zip(place, w.shape[2:], strict=True))
        for group in range(groups):
            part = x[:, group * inner : (group + 1) * inner, *window]
            kernels = w[group * outer : (group + 1) * outer]
            axes = list(range(1, part.ndim))
            y[:, group * outer : (group + 1) * outer, *place] = np.tensordot(
                part, kernels, (axes, axes)
            )
    return y + _bias(weights, y)


def conv_transpose(op, weights, x):
    """Direct sums; stride 1, no padding, no dilation."""
    w, groups = weights["weight"], op.groups
    spatial = [size + k - 1 for size, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    outer, inner = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], outer * groups, *spatial), x.dtype)
    for place in np.ndindex(*x.shape[2:]):
        window = tuple(slice(p, p + k) for p, k in zip(place, w.shape[2:], strict=True))
        for group in range(groups):
            part = x[:, group * inner : (group + 1) * inner, *place]
            kernels = w[group * inner : (group + 1) * inner]
            y[:, group * outer : (group + 1) * outer, *window] += np.tensordot(
                part, kernels, (1, 0)
            )
    return y + _bias(weights, y)


def _bias(weights, y):
    bias = weights.get("bias", np.zeros(y.shape[1], y.dtype))
    return bias.reshape(-1, *(1,) * (y.ndim - 2))


OPS = {
    "linear": linear,
    "batch_norm": batch_norm,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "weight": lambda op, weights: weights["weight"],
    "embedding": lambda op, weights, x: weights["weight"][x],
    "relu": lambda op, weights, x: np.maximum(x, 0),
    "tanh": lambda op, weights, x: np.tanh(x),
    "sigmoid": lambda op, weights, x: 1 / (1 + np.exp(-x)),
    "rms_norm": lambda op, weights, x: (
        x
        / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(op.eps))
        * weights.get("weight", np.float32(1))
    ),
    "swish": lambda op, weights, x: x / (1 + np.exp(-weights.get("beta", np.float32(op.beta)) * x)),
    "dropout": lambda op, weights, x: x,
    "drop_path": lambda op, weights, x: x,
    "resize": lambda op, weights, x: x,  # cases resample to the same size
}
