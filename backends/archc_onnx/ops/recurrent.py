"""Recurrent networks as ONNX's LSTM, GRU and RNN, a node a layer.

ONNX has the gates of one layer in another order than PyTorch, both directions in one tensor, and
both biases in another. The initialisers are the weights so arranged, written gate by gate, under
names that say the weight and the order: `rnn.weight_ih_l0/iofc`. A weight that is fed as a value is
arranged by nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc_onnx.arrange import arranged
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines

# ONNX's order of the gates, counted in PyTorch's: i f g o, and r z n.
_ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
_SUFFIXES = {"lstm": "iofc", "gru": "zrh", "rnn": "stacked"}
_OP_TYPES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}


def recurrent(at: At) -> list[Operand]:
    op, x = at.op, at["x"]
    batch, steps, _ = x.type.dims
    suffixes = [suffix for suffix, _ in op.parts(1)]
    initial = [_initial(at, name) for name in op.carried]
    value = at.transpose(x, [1, 0, 2], "steps_first")
    finals: list[list[Operand]] = []
    for layer in range(op.layers):
        own = suffixes[layer * op.directions : (layer + 1) * op.directions]
        begin = [parts[layer] if parts else None for parts in initial]
        outputs = _layer(at, layer, own, value, begin)
        finals.append(outputs[1:])
        value = outputs[0]
        if layer + 1 < op.layers:
            value = at.transpose(value, [0, 2, 1, 3], f"l{layer}/joined")
            value = at.reshape(value, (steps, batch, op.directions * op.hidden), f"l{layer}/y")
    y = at.reshape(at.transpose(value, [2, 0, 1, 3], "batch_first"), at.type.dims, "joined")
    states = [
        parts[0] if len(parts) == 1 else at.add("Concat", *parts, to=at.types[1], axis=0)
        for parts in zip(*finals, strict=True)
    ]
    return [y, *states]


def _initial(at: At, name: str) -> list[Operand]:
    """The initial state of each layer; none where the network begins with zeros."""
    given, op = at.optional(name), at.op
    if given is None:
        return []
    if op.layers == 1:
        return [given]
    sizes = at.emitter.integers([op.directions] * op.layers)
    type = given.type.with_dims((op.directions, *given.type.dims[1:]))
    return at.several("Split", [given, sizes], [type] * op.layers, axis=0)


def _layer(
    at: At, layer: int, suffixes: Sequence[str], x: Operand, states: Sequence[Operand | None]
) -> list[Operand]:
    """Y `[T, directions, N, hidden]` and the last states `[directions, N, hidden]`."""
    op, kind = at.op, at.op.name
    steps, batch, _ = x.type.dims
    inputs: list[Operand | None] = [
        x,
        _arranged(at, "weight_ih", [f"weight_ih_{s}" for s in suffixes]),
        _arranged(at, "weight_hh", [f"weight_hh_{s}" for s in suffixes]),
        None,
        None,
        *states,
    ]
    if op.bias:
        names = [f"bias_{which}_{s}" for s in suffixes for which in ("ih", "hh")]
        inputs[3] = _arranged(at, "bias", names)
    while inputs[-1] is None:
        inputs.pop()
    attributes: dict[str, Any] = {"hidden_size": op.hidden}
    if op.bidirectional:
        attributes["direction"] = "bidirectional"
    if kind == "gru":
        attributes["linear_before_reset"] = 1
    if kind == "rnn":
        attributes["activations"] = [op.nonlinearity.capitalize()] * op.directions
    dims: tuple[Size, ...] = (op.directions, batch, op.hidden)
    state = x.type.with_dims(dims)
    types = [x.type.with_dims((steps, *dims)), *(state for _ in op.carried)]
    return at.several(_OP_TYPES[kind], inputs, types, hint=f"l{layer}", **attributes)


def _arranged(at: At, what: str, names: Sequence[str]) -> Operand:
    """Weights of one layer with ONNX's order of gates: all directions, and both biases in a row."""
    op = at.op
    order = _ORDERS[op.name]
    if any(name not in at.weights for name in names):
        return _by_nodes(at, what, [at.weight(name) for name in names], order)
    store = at.emitter.store
    weights = [at.weights[name] for name in names]
    owners = [store.owner(weight.path) for weight in weights]
    entries = [
        store.entry(owner).converted(weight.type.dtype)
        for owner, weight in zip(owners, weights, strict=True)
    ]
    rest = entries[0].shape[1:]
    rows = sum(entry.shape[0] for entry in entries) // op.directions
    name = f"{owners[0].replace('bias_ih', 'bias')}/{_SUFFIXES[op.name]}"
    tensor = arranged(name, entries, order, (op.directions, rows, *rest))
    return at.emitter.arrange(name, owners, tensor)


def _by_nodes(at: At, what: str, values: Sequence[Operand], order: Sequence[int]) -> Operand:
    """The same for values that are there only while the file runs."""
    hidden, directions = at.op.hidden, at.op.directions
    gates: list[Operand] = []
    for value in values:
        if len(order) == 1:
            gates.append(value)
            continue
        sizes = at.emitter.integers([hidden] * len(order))
        type = value.type.with_dims((hidden, *value.type.dims[1:]))
        parts = at.several("Split", [value, sizes], [type] * len(order), axis=0)
        gates += [parts[gate] for gate in order]
    rest = values[0].type.dims[1:]
    rows = hidden * len(order) * len(values)
    type = TensorType(values[0].type.dtype, (rows, *rest))
    joined = gates[0]
    if len(gates) > 1:
        joined = at.add("Concat", *gates, to=type, hint=what, axis=0)
    return at.reshape(joined, (directions, rows // directions, *rest), what)


LINES: Lines = dict.fromkeys(_OP_TYPES, recurrent)
