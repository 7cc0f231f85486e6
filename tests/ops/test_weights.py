"""The ops' weights have the names, shapes and first values of torch.nn's modules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.cases import Case, cases
from torch import Tensor, nn

from archc.ops.site import Site


def conv_like(kind: str) -> Any:
    def make(op: Any, site: Site) -> nn.Module | None:
        if op.kernel is None:
            return None
        more = {"output_padding": op.output_padding} if "Transpose" in kind else {}
        return getattr(nn, kind)(
            site["x"].dims[1], op.out, op.kernel, op.stride, op.padding if more else 0,
            dilation=op.dilation, groups=op.groups, bias=op.bias, **more,
        )  # fmt: skip

    return make


def normalised(op: Any, site: Site) -> Any:
    return site["x"].dims[-len(op.axes) :]


def recurrent(kind: str) -> Any:
    return lambda op, site: getattr(nn, kind)(
        site["x"].dims[2], op.hidden, op.layers, bias=op.bias, bidirectional=op.bidirectional
    )


def cell(kind: str) -> Any:
    return lambda op, site: getattr(nn, kind)(site["x"].dims[1], op.hidden, bias=op.bias)


MODULES: dict[str, Any] = {
    "linear": lambda op, site: nn.Linear(site["x"].dims[-1], op.out, op.bias),
    **{f"conv{n}d": conv_like(f"Conv{n}d") for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": conv_like(f"ConvTranspose{n}d") for n in (1, 2, 3)},
    "batch_norm": lambda op, site: nn.BatchNorm1d(
        site["x"].dims[1], affine=op.affine, track_running_stats=op.track
    ),
    "layer_norm": lambda op, site: nn.LayerNorm(
        normalised(op, site), elementwise_affine=op.affine, bias=op.bias
    ),
    "rms_norm": lambda op, site: nn.RMSNorm(normalised(op, site), elementwise_affine=op.affine),
    "group_norm": lambda op, site: nn.GroupNorm(op.groups, site["x"].dims[1], affine=op.affine),
    "instance_norm": lambda op, site: nn.InstanceNorm1d(site["x"].dims[1], affine=op.affine),
    "embedding": lambda op, site: nn.Embedding(op.num, op.dim) if op.num else None,
    "prelu": lambda op, site: nn.PReLU(op.num),
    "rnn": recurrent("RNN"),
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "rnn_cell": cell("RNNCell"),
    "lstm_cell": cell("LSTMCell"),
    "gru_cell": cell("GRUCell"),
}
WITHOUT_MODULE = {"swish", "weight", "moving_average"}


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.op.weight_names], ids=lambda case: case.id
)
def test_weights_are_those_of_pytorch_and_begin_as_they_do(case: Case) -> None:
    site = case.site()
    site.op.infer(site)
    if case.op.name in WITHOUT_MODULE:
        return
    torch.manual_seed(0)
    module = MODULES[case.op.name](case.op, site)
    if module is None:  # the weight is fed
        return
    buffers = dict(module.named_buffers())
    theirs = {k: v for k, v in module.state_dict().items() if k != "num_batches_tracked"}
    assert list(site.weights) == list(theirs)
    for name, weight in site.weights.items():
        value = theirs[name]
        turned = getattr(case.op, "layout", "") == "in_out" and name == "weight"
        assert weight.type.dims == tuple((value.T if turned else value).shape)
        assert weight.buffer == (name in buffers)
        check_begin(weight.init.kind, weight.init.args, value)


def check_begin(kind: str, args: tuple[Any, ...], value: Tensor) -> None:
    """Whether PyTorch's first values can have come from the initialiser."""
    match kind:
        case "zeros" | "ones":
            assert (value == (0 if kind == "zeros" else 1)).all()
        case "constant":
            assert (value == args[0]).all()
        case "uniform":
            low, high = args
            assert low == -high
            assert value.abs().max() <= high + 1e-6
            assert value.numel() < 12 or value.abs().max() > 0.6 * high
        case "normal":
            assert args == (0.0, 1.0)
            assert 0.5 < value.std() < 1.5
        case _:
            pytest.fail(f"unexpected initialiser {kind}")
