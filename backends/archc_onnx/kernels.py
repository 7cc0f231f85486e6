"""Which element types onnxruntime's CPU kernels lack, and the types they are computed in instead.

Found by asking onnxruntime 1.20, the oldest supported; later ones have more. Operators that only
move values take every type. float16 needs no detour but where ONNX itself has none: onnxruntime
converts by itself around kernels without it. Of bfloat16 onnx.defs tells what ONNX has.
"""

from __future__ import annotations

from math import inf
from typing import Final

from archc.ir.types import DType
from archc_onnx.target import LOWEST_OPSET, Target

# What moves values without looking at them, in bfloat16, too.
_MOVING: Final = frozenset({
    "Cast", "Concat", "ConstantOfShape", "Gather", "Identity", "Reshape", "Scan", "Shape", "Slice",
    "Split", "Squeeze", "Transpose", "Unsqueeze",
})  # fmt: skip

# From which opset on ONNX itself has an operator in bfloat16, where that is later than all files'.
_BFLOAT16: Final[dict[str, float]] = {
    **dict.fromkeys(
        ["AveragePool", "Conv", "ConvTranspose", "Cos", "Elu", "GRU", "GlobalAveragePool",
         "GlobalMaxPool", "HardSigmoid", "InstanceNormalization", "LSTM", "MaxPool", "RNN",
         "Round", "Selu", "Sin", "Softplus", "Softsign"],
        22,
    ),
    "Gelu": 20, "Range": inf, "Shrink": inf,
}  # fmt: skip

_SMALL: Final[dict[DType, DType]] = {"int8": "int32", "int16": "int32", "uint8": "int32"}
_INT16: Final[dict[DType, DType]] = {"int16": "int32"}

_DETOURS: Final[dict[str, dict[DType, DType]]] = {
    **dict.fromkeys(
        ["Add", "Sub", "Mul", "Div", "Max", "Min", "Equal", "Less", "LessOrEqual", "Greater",
         "GreaterOrEqual"],
        _SMALL,
    ),
    **dict.fromkeys(["Neg", "ArgMax", "ArgMin", "Pad", "ReduceMax", "ReduceMin"], _INT16),
    "Where": {"int8": "int32", "int16": "int32", "bool": "uint8"},
    "Trilu": {"int8": "int64", "int16": "int64", "int32": "int64", "uint8": "int64"},
}  # fmt: skip

_NO_FLOAT64: Final = frozenset({
    "AveragePool", "Conv", "ConvTranspose", "Cos", "Erf", "Gelu", "InstanceNormalization", "LRN",
    "RNN", "Resize",
})  # fmt: skip


def missing(op_type: str, dtype: DType, target: Target) -> bool:
    """Whether the kernel of an operator lacks an element type on the target's device."""
    if dtype == "bfloat16":
        lacks = (target.opset or LOWEST_OPSET) < _BFLOAT16.get(op_type, LOWEST_OPSET)
        return lacks or (op_type not in _MOVING and target.device == "cpu")
    if dtype == "float64":
        return op_type in _NO_FLOAT64 and target.device == "cpu"
    return dtype in _DETOURS.get(op_type, {})


def detour(op_type: str, dtype: DType) -> DType | None:
    """The type that the operator is computed in instead; None where precision would be lost."""
    return "float32" if dtype == "bfloat16" else _DETOURS.get(op_type, {}).get(dtype)
