"""Protocol buffers' wire format, as far as ONNX files need it.

A message is built from the inside out, because a nested message is preceded by its length. Weights
are not copied into it: it holds the tensor, whose length is known from its type, in their stead.
Source: https://protobuf.dev/programming-guides/encoding; field numbers: onnx.proto3.
"""

from __future__ import annotations

import struct
from typing import Final

from archc_onnx.model import Tensor

FIELDS: Final[dict[str, dict[str, int]]] = {
    "ModelProto": {
        "ir_version": 1, "producer_name": 2, "producer_version": 3, "doc_string": 6, "graph": 7,
        "opset_import": 8, "metadata_props": 14,
    },
    "GraphProto": {
        "node": 1, "name": 2, "initializer": 5, "doc_string": 10, "input": 11, "output": 12,
        "value_info": 13,
    },
    "NodeProto": {
        "input": 1, "output": 2, "name": 3, "op_type": 4, "attribute": 5, "doc_string": 6,
        "domain": 7, "metadata_props": 9,
    },
    "AttributeProto": {
        "name": 1, "f": 2, "i": 3, "s": 4, "t": 5, "g": 6, "floats": 7, "ints": 8, "strings": 9,
        "type": 20,
    },
    "TensorProto": {
        "dims": 1, "data_type": 2, "name": 8, "raw_data": 9, "external_data": 13,
        "data_location": 14,
    },
    "ValueInfoProto": {"name": 1, "type": 2},
    "TypeProto": {"tensor_type": 1},
    "TypeProto.Tensor": {"elem_type": 1, "shape": 2},
    "TensorShapeProto": {"dim": 1},
    "TensorShapeProto.Dimension": {"dim_value": 1, "dim_param": 2},
    "StringStringEntryProto": {"key": 1, "value": 2},
    "OperatorSetIdProto": {"domain": 1, "version": 2},
}  # fmt: skip

_VARINT, _BYTES, _FIXED32 = 0, 2, 5  # wire types


def varint(value: int) -> bytes:
    """An integer in seven-bit groups, low first; a negative int64 as its 64-bit complement."""
    if 0 <= value < 0x80:  # nearly all of them
        return bytes((value,))
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{value} does not fit in 64 bits")
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


class Message:
    """The encoding of one message of the kind `kind`, field after field in the order of the calls.

    `pieces` are encoded bytes, and tensors where a tensor's data goes; `size` is their total length
    in bytes. Repeated numbers are written one by one, as ONNX's own serialisation does.
    """

    __slots__ = ("_numbers", "_tail", "pieces", "size")

    def __init__(self, kind: str) -> None:
        self._numbers = FIELDS[kind]
        self._tail = bytearray()  # the last of the pieces
        self.pieces: list[bytearray | Tensor] = [self._tail]
        self.size = 0

    def integer(self, field: str, value: int) -> None:
        self._append(self._key(field, _VARINT) + varint(value))

    def real(self, field: str, value: float) -> None:
        self._append(self._key(field, _FIXED32) + struct.pack("<f", value))

    def raw(self, field: str, value: bytes) -> None:
        self._append(self._key(field, _BYTES) + varint(len(value)) + value)

    def text(self, field: str, value: str) -> None:
        self.raw(field, value.encode())

    def optional(self, field: str, value: str) -> None:
        """Text that is left out where it is empty."""
        if value:
            self.text(field, value)

    def message(self, field: str, message: Message) -> None:
        self._append(self._key(field, _BYTES) + varint(message.size))
        for piece in message.pieces:
            if isinstance(piece, Tensor):
                self._defer(piece)
            else:
                self._append(piece)

    def data(self, field: str, tensor: Tensor) -> None:
        """The tensor's data, to be put here by whoever writes `pieces`."""
        self._append(self._key(field, _BYTES) + varint(tensor.nbytes))
        self._defer(tensor)

    def _key(self, field: str, wire_type: int) -> bytes:
        return varint(self._numbers[field] << 3 | wire_type)

    def _append(self, encoded: bytes | bytearray) -> None:
        self._tail += encoded
        self.size += len(encoded)

    def _defer(self, tensor: Tensor) -> None:
        self._tail = bytearray()
        self.pieces += tensor, self._tail
        self.size += tensor.nbytes
