"""What each op computes, said with PyTorch alone and independently of archc's own lowering.

`expected` gives an op's outputs at inference on real tensors. The table holds every op that models
can have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from ops.reference_losses import LOSSES
from ops.reference_shapes import (
    center_crop,
    gather,
    pad,
    rearrange,
    resize,
    slices,
    split,
    unsqueeze,
)
from torch import Tensor, nn

from archc.ops.base import Op

Inputs = Mapping[str, Tensor | tuple[Tensor, ...] | None]
Weights = Mapping[str, Tensor]
Result = Tensor | tuple[Tensor, ...]


@torch.no_grad()
def expected(op: Op, inputs: Inputs, weights: Weights) -> tuple[Tensor, ...]:
    """The op's outputs in eval mode; variadic inputs are tuples, absent optional ones None.

    Attributes hold numbers: symbolic sizes are bound before. `weights` has the fed ones, too.
    """
    a = SimpleNamespace(**op.values)
    result = TABLE[op.name](a, SimpleNamespace(**inputs), SimpleNamespace(**weights))
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def one(f: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda a, i, w: f(i.x)


def two(f: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda a, i, w: f(i.a, i.b)


def fold(f: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def all_of(a: Any, i: Any, w: Any) -> Tensor:
        first, *rest = i.inputs
        for other in rest:
            first = f(first, other)
        return first

    return all_of


def linear(a: Any, i: Any, w: Any) -> Tensor:
    weight = w.weight.T if a.layout == "in_out" else w.weight
    return F.linear(i.x, weight, w.bias if a.bias else None)


def same(sizes: list[int], kernel: list[int], stride: list[int], dilation: list[int]) -> list[int]:
    """F.pad's amounts, last axis first, for ceil(size / stride) places."""
    pads: list[int] = []
    for size, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max((math.ceil(size / s) - 1) * s + d * (k - 1) + 1 - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return pads


def conv(n: int) -> Callable[..., Tensor]:
    def apply(a: Any, i: Any, w: Any) -> Tensor:
        x, padding = i.x, a.padding
        if padding == "same":
            x = F.pad(x, same(x.shape[2:], w.weight.shape[2:], a.stride, a.dilation))
            padding = (0,) * n
        function = (F.conv1d, F.conv2d, F.conv3d)[n - 1]
        bias = w.bias if a.bias else None
        return function(x, w.weight, bias, a.stride, padding, a.dilation, a.groups)

    return apply


def conv_transpose(n: int) -> Callable[..., Tensor]:
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
    return lambda a, i, w: function(
        i.x, w.weight, w.bias if a.bias else None, a.stride, a.padding, a.output_padding, a.groups,
        a.dilation,
    )  # fmt: skip


def max_pool(n: int) -> Callable[..., Tensor]:
    def apply(a: Any, i: Any, w: Any) -> Tensor:
        x, padding, stride = i.x, a.padding, a.stride or a.kernel
        if padding == "same":
            pads = same(x.shape[2:], a.kernel, stride, a.dilation)
            x, padding = F.pad(x, pads, value=-math.inf), (0,) * n
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[n - 1]
        return function(x, a.kernel, stride, padding, a.dilation, a.ceil)

    return apply


def avg_pool(n: int) -> Callable[..., Tensor]:
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[n - 1]
    return lambda a, i, w: function(
        i.x, a.kernel, a.stride or a.kernel, a.padding, a.ceil, a.count_padding
    )


def batch_norm(a: Any, i: Any, w: Any) -> Tensor:
    mean, var = (w.running_mean, w.running_var) if a.track else (None, None)
    scale, shift = (w.weight, w.bias) if a.affine else (None, None)
    return F.batch_norm(i.x, mean, var, scale, shift, training=not a.track, eps=a.eps)


def layer_norm(a: Any, i: Any, w: Any) -> Tensor:
    shape = i.x.shape[-len(a.axes) :]
    weight = w.weight if a.affine else None
    return F.layer_norm(i.x, shape, weight, w.bias if a.affine and a.bias else None, a.eps)


def affine(a: Any, w: Any) -> dict[str, Tensor]:
    return {"weight": w.weight, "bias": w.bias} if a.affine else {}


def sinusoid(a: Any, i: Any, w: Any) -> Tensor:
    y = torch.empty(*i.x.shape, a.dim)
    for place in range(0, a.dim, 2):
        angle = i.x.double() / a.base ** (place / a.dim)
        y[..., place], y[..., place + 1] = torch.sin(angle), torch.cos(angle)
    return y


def recurrent(kind: str) -> Callable[..., Result]:
    def apply(a: Any, i: Any, w: Any) -> Result:
        more = {"nonlinearity": a.nonlinearity} if kind == "RNN" else {}
        module = getattr(nn, kind)(
            i.x.shape[2], a.hidden, a.layers, bias=a.bias, bidirectional=a.bidirectional,
            batch_first=True, **more,
        )  # fmt: skip
        module.load_state_dict(vars(w))
        state = None if i.h is None else (i.h, i.c) if kind == "LSTM" else i.h
        y, last = module.eval()(i.x, state)
        return (y, *last) if kind == "LSTM" else (y, last)

    return apply


def cell(kind: str) -> Callable[..., Result]:
    def apply(a: Any, i: Any, w: Any) -> Result:
        more = {"nonlinearity": a.nonlinearity} if kind == "RNNCell" else {}
        module = getattr(nn, kind)(i.x.shape[1], a.hidden, bias=a.bias, **more)
        module.load_state_dict(vars(w))
        return module(i.x, (i.h, i.c) if kind == "LSTMCell" else i.h)

    return apply


def attention(a: Any, i: Any, w: Any) -> Tensor:
    mask = i.mask
    if a.causal:
        queries, keys = i.q.shape[-2], i.k.shape[-2]
        seen = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)
        if mask is None:
            mask = seen
        elif mask.dtype == torch.bool:
            mask = mask & seen
        else:
            mask = mask.masked_fill(~seen, -math.inf)
    return F.scaled_dot_product_attention(i.q, i.k, i.v, mask, scale=a.scale)


def reduction(f: Callable[..., Tensor], **more: str) -> Callable[..., Tensor]:
    def apply(a: Any, i: Any, w: Any) -> Tensor:
        axes = tuple(range(i.x.ndim)) if a.axes is None else a.axes
        extra = {name: getattr(a, source) for name, source in more.items()}
        return f(i.x, dim=axes, keepdim=a.keep, **extra)

    return apply


def prod(a: Any, i: Any, w: Any) -> Tensor:
    x = i.x
    axes = range(x.ndim) if a.axes is None else (axis % x.ndim for axis in a.axes)
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=a.keep)
    return x


def full(a: Any, value: float) -> Tensor:
    return torch.full(a.shape, value, dtype=getattr(torch, a.dtype))


def constant(a: Any, i: Any, w: Any) -> Tensor:
    value = torch.tensor(a.value)
    return value if a.dtype is None else value.to(getattr(torch, a.dtype))


TABLE: dict[str, Callable[[Any, Any, Any], Result]] = {
    "linear": linear,
    # Convolutions and pooling
    "conv1d": conv(1),
    "conv2d": conv(2),
    "conv3d": conv(3),
    "conv_transpose1d": conv_transpose(1),
    "conv_transpose2d": conv_transpose(2),
    "conv_transpose3d": conv_transpose(3),
    "max_pool1d": max_pool(1),
    "max_pool2d": max_pool(2),
    "max_pool3d": max_pool(3),
    "avg_pool1d": avg_pool(1),
    "avg_pool2d": avg_pool(2),
    "avg_pool3d": avg_pool(3),
    "adaptive_avg_pool1d": lambda a, i, w: F.adaptive_avg_pool1d(i.x, a.size),
    "adaptive_avg_pool2d": lambda a, i, w: F.adaptive_avg_pool2d(i.x, a.size),
    "adaptive_avg_pool3d": lambda a, i, w: F.adaptive_avg_pool3d(i.x, a.size),
    "adaptive_max_pool1d": lambda a, i, w: F.adaptive_max_pool1d(i.x, a.size),
    "adaptive_max_pool2d": lambda a, i, w: F.adaptive_max_pool2d(i.x, a.size),
    "adaptive_max_pool3d": lambda a, i, w: F.adaptive_max_pool3d(i.x, a.size),
    "global_avg_pool": one(lambda x: x.flatten(2).mean(2)),
    "global_max_pool": one(lambda x: x.flatten(2).amax(2)),
    # Normalisation
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": lambda a, i, w: F.rms_norm(
        i.x, i.x.shape[-len(a.axes) :], w.weight if a.affine else None, a.eps
    ),
    "group_norm": lambda a, i, w: F.group_norm(i.x, a.groups, **affine(a, w), eps=a.eps),
    "instance_norm": lambda a, i, w: F.instance_norm(i.x, **affine(a, w), eps=a.eps),
    "local_response_norm": lambda a, i, w: F.local_response_norm(i.x, a.size, a.alpha, a.beta, a.k),
    # Embeddings, sequences, attention
    "embedding": lambda a, i, w: F.embedding(i.x, w.weight),
    "one_hot": lambda a, i, w: F.one_hot(i.x.long(), a.num).to(getattr(torch, a.dtype)),
    "sinusoid": sinusoid,
    "rnn": recurrent("RNN"),
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "rnn_cell": cell("RNNCell"),
    "lstm_cell": cell("LSTMCell"),
    "gru_cell": cell("GRUCell"),
    "attention": attention,
    "dropout": lambda a, i, w: F.dropout(i.x, a.rate, training=False),
    "drop_path": one(lambda x: x),
    # Activations
    "identity": one(lambda x: x),
    "relu": one(F.relu),
    "relu6": one(F.relu6),
    "leaky_relu": lambda a, i, w: F.leaky_relu(i.x, a.slope),
    "prelu": lambda a, i, w: F.prelu(i.x, w.weight),
    "elu": lambda a, i, w: F.elu(i.x, a.alpha),
    "selu": one(F.selu),
    "celu": lambda a, i, w: F.celu(i.x, a.alpha),
    "gelu": lambda a, i, w: F.gelu(i.x, approximate=a.approximate),
    "sigmoid": one(torch.sigmoid),
    "hard_sigmoid": one(F.hardsigmoid),
    "silu": one(F.silu),
    "swish": lambda a, i, w: i.x / (1 + torch.exp(-(w.beta if a.learned else a.beta) * i.x)),
    "hard_swish": one(F.hardswish),
    "mish": one(F.mish),
    "tanh": one(torch.tanh),
    "hard_tanh": lambda a, i, w: F.hardtanh(i.x, a.min, a.max),
    "softplus": lambda a, i, w: F.softplus(i.x, a.beta, a.threshold),
    "softsign": one(F.softsign),
    "softshrink": lambda a, i, w: F.softshrink(i.x, a.threshold),
    "hardshrink": lambda a, i, w: F.hardshrink(i.x, a.threshold),
    "tanhshrink": one(F.tanhshrink),
    "threshold": lambda a, i, w: F.threshold(i.x, a.threshold, a.value),
    "log_sigmoid": one(F.logsigmoid),
    "softmax": lambda a, i, w: F.softmax(i.x, a.axis),
    "log_softmax": lambda a, i, w: F.log_softmax(i.x, a.axis),
    "glu": lambda a, i, w: F.glu(i.x, a.axis),
    # Arithmetic
    "add": fold(torch.add),
    "mul": fold(torch.mul),
    "maximum": fold(torch.maximum),
    "minimum": fold(torch.minimum),
    "sub": two(torch.sub),
    "div": two(torch.div),
    "floor_div": two(torch.floor_divide),
    "mod": two(torch.remainder),
    "pow": two(torch.pow),
    "neg": one(torch.neg),
    "abs": one(torch.abs),
    "sign": one(torch.sign),
    "square": one(torch.square),
    "sqrt": one(torch.sqrt),
    "rsqrt": one(torch.rsqrt),
    "reciprocal": one(torch.reciprocal),
    "exp": one(torch.exp),
    "log": one(torch.log),
    "sin": one(torch.sin),
    "cos": one(torch.cos),
    "erf": one(torch.erf),
    "floor": one(torch.floor),
    "ceil": one(torch.ceil),
    "round": one(torch.round),
    "clamp": lambda a, i, w: torch.clamp(i.x, a.min, a.max),
    "zeros_like": one(torch.zeros_like),
    "ones_like": one(torch.ones_like),
    # Comparison, logic, choice
    "equal": two(torch.eq),
    "not_equal": two(torch.ne),
    "less": two(torch.lt),
    "less_equal": two(torch.le),
    "greater": two(torch.gt),
    "greater_equal": two(torch.ge),
    "logical_and": fold(torch.logical_and),
    "logical_or": fold(torch.logical_or),
    "logical_not": one(torch.logical_not),
    "where": lambda a, i, w: torch.where(i.condition, i.a, i.b),
    "cast": lambda a, i, w: i.x.to(getattr(torch, a.to)),
    # Products and reductions
    "matmul": two(torch.matmul),
    "einsum": lambda a, i, w: torch.einsum(a.equation, *i.inputs),
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "max": reduction(torch.amax),
    "min": reduction(torch.amin),
    "prod": prod,
    "logsumexp": reduction(torch.logsumexp),
    "norm": reduction(torch.linalg.vector_norm, ord="p"),
    "var": reduction(torch.var, correction="correction"),
    "std": reduction(torch.std, correction="correction"),
    "argmax": lambda a, i, w: torch.argmax(i.x, a.axis, a.keep),
    "argmin": lambda a, i, w: torch.argmin(i.x, a.axis, a.keep),
    "cumsum": lambda a, i, w: torch.cumsum(i.x, a.axis),
    # Shapes and parts
    "reshape": lambda a, i, w: i.x.reshape(a.shape),
    "flatten": lambda a, i, w: i.x.flatten(a.start, a.end),
    "transpose": lambda a, i, w: i.x.mT if a.order is None else i.x.permute(a.order),
    "squeeze": lambda a, i, w: i.x.squeeze(a.axes),
    "unsqueeze": unsqueeze,
    "expand": lambda a, i, w: i.x.expand(a.shape),
    "rearrange": rearrange,
    "slice": slices,
    "gather": gather,
    "split": split,
    "unstack": lambda a, i, w: i.x.unbind(a.axis),
    "center_crop": center_crop,
    "tril": lambda a, i, w: torch.tril(i.x, a.diagonal),
    "triu": lambda a, i, w: torch.triu(i.x, a.diagonal),
    "concat": lambda a, i, w: torch.cat(i.inputs, a.axis),
    "stack": lambda a, i, w: torch.stack(i.inputs, a.axis),
    "pad": pad,
    "tile": lambda a, i, w: torch.tile(i.x, a.repeats),
    "roll": lambda a, i, w: torch.roll(i.x, a.by, a.axes),
    "flip": lambda a, i, w: torch.flip(i.x, a.axes),
    "resize": resize,
    "pixel_shuffle": lambda a, i, w: F.pixel_shuffle(i.x, a.factor),
    "pixel_unshuffle": lambda a, i, w: F.pixel_unshuffle(i.x, a.factor),
    # Sources
    "range": lambda a, i, w: a.start + a.step * torch.arange(a.length),
    "constant": constant,
    "full": lambda a, i, w: full(a, a.value),
    "zeros": lambda a, i, w: full(a, 0),
    "ones": lambda a, i, w: full(a, 1),
    "weight": lambda a, i, w: w.weight,
    "moving_average": lambda a, i, w: w.average,
    **LOSSES,
    "stop_gradient": one(torch.detach),
}
