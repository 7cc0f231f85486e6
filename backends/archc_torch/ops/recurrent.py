"""Recurrent networks, and single steps of them."""

from __future__ import annotations

from archc.ops.recurrent import _Recurrent
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use

SETTINGS = (
    "{inner}, {hidden}, num_layers={layers|1}, {more}bias={bias|True}, batch_first=True, "
    "dropout={dropout|0.0}, bidirectional={bidirectional|False}, dtype={dtype|None}"
)


def network(module: str, function: str) -> Line:
    """A network over whole sequences; it has a dropout only where it has layers to drop between."""

    def constructor(use: Use) -> Expr:
        more = "nonlinearity={nonlinearity|'tanh'}, " if module == "nn.RNN" else ""
        return use.write(
            f"{module}({SETTINGS.replace('{more}', more)})",
            inner=use.width(use.type("x").dims[-1], "input_size"),
            hidden=use.width(use.op.values["hidden"], "hidden_size", "hidden"),
            dropout=use.attribute("dropout") if use.op.values["layers"] > 1 else 0.0,
        )

    def applied(use: Use) -> Expr:
        if not use.given("h"):
            return use.write("{self}({x})")
        return use.write("{self}({x}, ({h}, {c}))" if module == "nn.LSTM" else "{self}({x}, {h})")

    def call(use: Use) -> Expr:
        """The function behind the module, which takes weights as a list and wants a first state."""
        op = use.op
        assert isinstance(op, _Recurrent)
        states = [use.expr(name) if use.given(name) else zeros(use) for name in op.carried]
        state = states[0] if len(states) == 1 else use.write("({states*})", states=states)
        name = f"torch.rnn_{op.values['nonlinearity']}" if module == "nn.RNN" else function
        return use.write(
            f"{name}({{x}}, {{state}}, [{{weights*}}], {{bias}}, {{layers}}, {{dropout}}, "
            "self.training, {bidirectional}, True)",
            state=state,
            weights=[use.weight(weight) for weight in op.weight_names],
            bias=op.values["bias"],
        )

    if module == "nn.LSTM":
        return Line(call, constructor, applied, "{y}, ({h}, {c})")
    return Line(call, constructor, applied, "{y}, {h}")


def zeros(use: Use) -> Expr:
    """The state before the first position."""
    return use.write("{x}.new_zeros({sizes*})", sizes=use.sizes(use.outs[1].dims))


def cell(module: str, function: str) -> Line:
    state = "({h}, {c})" if module == "nn.LSTMCell" else "{h}"
    weights = "{weight_ih}, {weight_hh}, {bias_ih|None}, {bias_hh|None}"

    def constructor(use: Use) -> Expr:
        more = ", nonlinearity={nonlinearity|'tanh'}" if module == "nn.RNNCell" else ""
        return use.write(
            f"{module}({{inner}}, {{hidden}}, bias={{bias|True}}{more}, dtype={{dtype|None}})",
            inner=use.width(use.type("x").dims[-1], "input_size"),
            hidden=use.width(use.op.values["hidden"], "hidden_size", "hidden"),
        )

    def call(use: Use) -> Expr:
        name = (
            f"torch.rnn_{use.op.values['nonlinearity']}_cell"
            if module == "nn.RNNCell"
            else function
        )
        return use.write(f"{name}({{x}}, {state}, {weights})")

    return Line(call, constructor, f"{{self}}({{x}}, {state})")


LINES = {
    "rnn": network("nn.RNN", ""),
    "lstm": network("nn.LSTM", "torch.lstm"),
    "gru": network("nn.GRU", "torch.gru"),
    "rnn_cell": cell("nn.RNNCell", ""),
    "lstm_cell": cell("nn.LSTMCell", "torch.lstm_cell"),
    "gru_cell": cell("nn.GRUCell", "torch.gru_cell"),
}
