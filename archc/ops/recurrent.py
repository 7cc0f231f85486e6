"""Recurrent networks over whole sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Bool, Float, Int, Text
from archc.ops.site import Site, TypingError
from archc.ops.sizes import around


class _Recurrent(Op):
    gates: ClassVar[int] = 1
    carried: ClassVar[tuple[str, ...]] = ("h",)
    training = True  # dropout between the layers
    inputs: ClassVar[tuple[Input, ...]] = (Input("x"), Input("h", optional=True))
    weights = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    hidden = attr(Int(1), doc="the state's size", main=True)
    layers = attr(Int(1, 1_000), 1, "how many layers, each reading the outputs of the one before")
    bidirectional = attr(Bool(), False, "read the sequence from its end, too")
    bias = attr(Bool(), True, "add learned biases")
    dropout = attr(Float(0, 1), 0.0, "the share of values dropped between layers while training")

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("y", *self.carried)

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def weight_names(self) -> tuple[str, ...]:
        return tuple(
            f"{name}_{suffix}" for suffix, _ in self.parts(1) for name, _ in self.shapes(1)
        )

    def parts(self, features: Size) -> Iterator[tuple[str, Size]]:
        """The weights' suffix and the input's size, layer by layer, as PyTorch orders them."""
        for layer in range(self.layers):
            size = features if layer == 0 else self.hidden * self.directions
            for direction in ("", "_reverse")[: self.directions]:
                yield f"l{layer}{direction}", size

    def shapes(self, features: Size) -> Iterator[tuple[str, tuple[Size, ...]]]:
        """The weights of one layer and direction."""
        rows = self.gates * self.hidden
        yield "weight_ih", (rows, features)
        yield "weight_hh", (rows, self.hidden)
        if self.bias:
            yield "bias_ih", (rows,)
            yield "bias_hh", (rows,)

    def infer(self, at: Site) -> tuple[TensorType, ...]:
        x = at.rank("x", 3)
        at.floating()
        at.matching("x", *self.carried)
        batch, steps, features = x.dims
        state = x.with_dims((self.layers * self.directions, batch, self.hidden))
        given = [name for name in self.carried if at.optional(name) is not None]
        for name in given:
            if at[name] != state:
                raise TypingError(
                    "E304", f"{self.name}: the initial state does not fit", about=name,
                    label=f"expected {state}", notes=(f"found {at[name]}",),
                )  # fmt: skip
        if given and len(given) < len(self.carried):
            absent = next(name for name in self.carried if name not in given)
            raise TypingError(
                "E307", f"{self.name}: the initial '{absent}' is missing", about=given[0],
                help="give all initial states, or none to begin with zeros",
            )  # fmt: skip
        init = around(self.hidden)
        for suffix, size in self.parts(features):
            for name, dims in self.shapes(size):
                at.weight(f"{name}_{suffix}", dims, init, x.dtype)
        y = x.with_dims((batch, steps, self.directions * self.hidden))
        return (y, *(state for _ in self.carried))

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        batch, steps, features = at["x"].dims
        rows = self.gates * self.hidden
        each: Size = 0
        for _, size in self.parts(features):
            each = each + rows * (size + self.hidden)
        return batch * steps * each


class RNN(_Recurrent):
    """`h' = tanh(W_ih x + b_ih + W_hh h + b_hh)` along axis 1 (Elman, 1990), as torch.nn.RNN.

    Shapes: x `[N, T, F]`, always with the batch first; h `[layers·directions, N, hidden]`, zeros if
    left out; y `[N, T, directions·hidden]`, the last layer's states, and h, every layer's last.
    Weights carry PyTorch's names (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, `_reverse`
    for the other direction) and start uniform in ±1/√hidden.
    """

    nonlinearity = attr(Text(("tanh", "relu")), "tanh", "what the new state passes through")
    examples = (
        example("rnn: 4", x="[N, T, 3]"),
        example("rnn: {hidden: 2, bias: false}", x="[2, T, 3]"),
        example(
            "rnn: {hidden: 3, layers: 2, bidirectional: true, nonlinearity: relu, dropout: 0.5}",
            x="[N, 4, 2]",
            h="[4, N, 3]",
        ),
    )


class LSTM(_Recurrent):
    """`c' = f·c + i·g`, `h' = o·tanh(c')` along axis 1 (Hochreiter and Schmidhuber, 1997).

    i, f, g and o, in this order, are the sigmoid (g: tanh) of `W_ih x + b_ih + W_hh h + b_hh`, as
    in torch.nn.LSTM. Shapes: x `[N, T, F]`, always with the batch first; h and c
    `[layers·directions, N, hidden]`, zeros if left out; y `[N, T, directions·hidden]`, the last
    layer's states, and h and c, every layer's last. Weights carry PyTorch's names (weight_ih_l0,
    weight_hh_l0, bias_ih_l0, bias_hh_l0, `_reverse` for the other direction) and start uniform in
    ±1/√hidden.
    """

    gates = 4
    carried = ("h", "c")
    inputs = (Input("x"), Input("h", optional=True), Input("c", optional=True))
    examples = (
        example("lstm: 4", x="[N, T, 3]"),
        example(
            "lstm: {hidden: 3, bidirectional: true}", x="[N, T, 2]", h="[2, N, 3]", c="[2, N, 3]"
        ),
        example("lstm: {hidden: 3, layers: 2, bidirectional: true, bias: false}", x="[2, 4, 2]"),
        example("lstm: {hidden: 2, layers: 3, dropout: 0.5}", x="[N, 3, 2]"),
    )


class GRU(_Recurrent):
    """`h' = (1 - z)·n + z·h` along axis 1 (Cho et al., 2014), as torch.nn.GRU.

    r and z are the sigmoid of `W_ih x + b_ih + W_hh h + b_hh`, n is
    `tanh(W_in x + b_in + r·(W_hn h + b_hn))`, stored in this order; ONNX stores z first and calls
    this form linear_before_reset. Shapes: x `[N, T, F]`, always with the batch first; h
    `[layers·directions, N, hidden]`, zeros if left out; y `[N, T, directions·hidden]`, the last
    layer's states, and h, every layer's last. Weights carry PyTorch's names (weight_ih_l0,
    weight_hh_l0, bias_ih_l0, bias_hh_l0, `_reverse` for the other direction) and start uniform in
    ±1/√hidden.
    """

    gates = 3
    examples = (
        example("gru: 4", x="[N, T, 3]"),
        example("gru: {hidden: 3, layers: 2, bidirectional: true}", x="[N, T, 2]", h="[4, N, 3]"),
        example("gru: {hidden: 2, bias: false, dropout: 0.5}", x="[2, 3, 2]"),
    )
