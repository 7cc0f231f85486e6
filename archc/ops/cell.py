"""One step of a recurrent network, for `scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Bool, Int, Text
from archc.ops.site import Site, TypingError
from archc.ops.sizes import around

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class _Cell(Op):
    gates: ClassVar[int] = 1
    inputs: ClassVar[tuple[Input, ...]] = (Input("x"), Input("h"))
    weights = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    hidden = attr(Int(1), doc="the state's size", main=True)
    bias = attr(Bool(), True, "add learned biases")

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.inputs[1:])

    def infer(self, at: Site) -> tuple[TensorType, ...]:
        x = at.rank("x", 2)
        at.floating()
        at.matching("x", *self.outputs)
        state = x.with_dims((x.dims[0], self.hidden))
        for name in self.outputs:
            if at[name] != state:
                raise TypingError(
                    "E304", f"{self.name}: the state does not fit", about=name,
                    label=f"expected {state}", notes=(f"found {at[name]}",),
                )  # fmt: skip
        rows, init = self.gates * self.hidden, around(self.hidden)
        at.weight("weight_ih", (rows, x.dims[1]), init, x.dtype)
        at.weight("weight_hh", (rows, self.hidden), init, x.dtype)
        if self.bias:
            at.weight("bias_ih", (rows,), init, x.dtype)
            at.weight("bias_hh", (rows,), init, x.dtype)
        return tuple(state for _ in self.outputs)

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        batch, features = at["x"].dims
        return batch * self.gates * self.hidden * (features + self.hidden)

    def _map(self, build: Build, which: str, x: Term) -> Term:
        """`W x + b` with the weights of one kind, `ih` or `hh`."""
        weight = build.weight(f"weight_{which}")
        if not self.bias:
            return build.op("linear", x, bias=False, weight=weight)
        return build.op("linear", x, weight=weight, bias=build.weight(f"bias_{which}"))


class RNNCell(_Cell):
    """`h' = tanh(W_ih x + b_ih + W_hh h + b_hh)` (Elman, 1990), as torch.nn.RNNCell.

    Shapes: x `[N, F]`, h and h' `[N, hidden]`. The weights are one matrix and one bias of
    `[hidden, …]` each, uniform in ±1/√hidden at first.
    """

    nonlinearity = attr(Text(("tanh", "relu")), "tanh", "what the new state passes through")
    examples = (
        example("rnn_cell: 4", x="[N, 3]", h="[N, 4]"),
        example("rnn_cell: {hidden: 2, nonlinearity: relu, bias: false}", x="[N, 3]", h="[N, 2]"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        x, h = terms
        total = build.op("add", self._map(build, "ih", x), self._map(build, "hh", h))
        return build.op(self.nonlinearity, total)


class LSTMCell(_Cell):
    """`c' = f·c + i·g`, `h' = o·tanh(c')` (Hochreiter and Schmidhuber, 1997), as torch.nn.LSTMCell.

    i, f, g and o, in this order, are the sigmoid (g: tanh) of `W_ih x + b_ih + W_hh h + b_hh`.
    Shapes: x `[N, F]`, h, c, h' and c' `[N, hidden]`. The weights are one matrix and one bias of
    `[4·hidden, …]` each, uniform in ±1/√hidden at first.
    """

    gates = 4
    inputs = (Input("x"), Input("h"), Input("c"))
    examples = (
        example("lstm_cell: 4", x="[N, 3]", h="[N, 4]", c="[N, 4]"),
        example("lstm_cell: {hidden: 2, bias: false}", x="[N, 3]", h="[N, 2]", c="[N, 2]"),
    )

    def expand(self, build: Build, *terms: Term) -> tuple[Term, ...]:
        x, h, c = terms
        total = build.op("add", self._map(build, "ih", x), self._map(build, "hh", h))
        i, f, g, o = build.outputs("split", total, into=["i", "f", "g", "o"], axis=-1)
        i, f, o = (build.op("sigmoid", gate) for gate in (i, f, o))
        kept, new = build.op("mul", f, c), build.op("mul", i, build.op("tanh", g))
        after = build.op("add", kept, new)
        return build.op("mul", o, build.op("tanh", after)), after


class GRUCell(_Cell):
    """`h' = (1 - z)·n + z·h` (Cho et al., 2014), as torch.nn.GRUCell.

    r and z are the sigmoid of `W_ih x + b_ih + W_hh h + b_hh`, n is
    `tanh(W_in x + b_in + r·(W_hn h + b_hn))`, stored in this order. Shapes: x `[N, F]`, h and h'
    `[N, hidden]`. The weights are one matrix and one bias of `[3·hidden, …]` each, uniform in
    ±1/√hidden at first.
    """

    gates = 3
    examples = (
        example("gru_cell: 4", x="[N, 3]", h="[N, 4]"),
        example("gru_cell: {hidden: 2, bias: false}", x="[N, 3]", h="[N, 2]"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        x, h = terms
        names = ["r", "z", "n"]
        xr, xz, xn = build.outputs("split", self._map(build, "ih", x), into=names, axis=-1)
        hr, hz, hn = build.outputs("split", self._map(build, "hh", h), into=names, axis=-1)
        r, z = (build.op("sigmoid", build.op("add", *pair)) for pair in ((xr, hr), (xz, hz)))
        n = build.op("tanh", build.op("add", xn, build.op("mul", r, hn)))
        return build.op("add", n, build.op("mul", z, build.op("sub", h, n)))
