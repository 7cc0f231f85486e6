"""Plain-Python models to protobuf messages, field by field.

Within a message fields stand in the order of their numbers, as ONNX's own serialisation has them,
with two exceptions: a model's graph comes last and a graph's initialisers come last, so that all
that is not weights stands at the head of the file. A field that is empty text is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archc.ir.types import DType
from archc_onnx.model import AttributeValue, Graph, Model, Node, Tensor, ValueInfo
from archc_onnx.protobuf import Message

PRODUCER: Final = "archc"

DATA_TYPES: Final[dict[DType, int]] = {
    "float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
    "float16": 10, "float64": 11, "bfloat16": 16,
}  # fmt: skip
"""TensorProto.DataType."""

ATTRIBUTE_TYPES: Final[dict[str, int]] = {
    "f": 1, "i": 2, "s": 3, "t": 4, "g": 5, "floats": 6, "ints": 7, "strings": 8,
}  # fmt: skip
"""AttributeProto.AttributeType, by the field that holds the value."""

EXTERNAL: Final = 1  # TensorProto.DataLocation


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor's data stands outside of the model: a file beside it, and a byte of it."""

    location: str
    offset: int


Slots = Mapping[Tensor, Slot]


def encode_model(model: Model, slots: Slots) -> Message:
    """The ModelProto; `slots` are the initialisers whose data is outside of the file."""
    message = Message("ModelProto")
    message.integer("ir_version", model.ir_version)
    message.text("producer_name", PRODUCER)
    message.optional("producer_version", model.producer_version)
    message.optional("doc_string", model.doc)
    for domain, version in model.opsets.items():
        opset = Message("OperatorSetIdProto")
        opset.text("domain", domain)
        opset.integer("version", version)
        message.message("opset_import", opset)
    _metadata(message, model.metadata)
    message.message("graph", encode_graph(model.graph, slots))
    return message


def encode_graph(graph: Graph, slots: Slots) -> Message:
    message = Message("GraphProto")
    for node in graph.nodes:
        message.message("node", encode_node(node, slots))
    message.text("name", graph.name)
    message.optional("doc_string", graph.doc)
    for value in graph.inputs:
        message.message("input", encode_value_info(value))
    for value in graph.outputs:
        message.message("output", encode_value_info(value))
    for value in graph.value_infos:
        message.message("value_info", encode_value_info(value))
    for tensor in graph.initialisers:
        message.message("initializer", encode_tensor(tensor, slots.get(tensor)))
    return message


def encode_node(node: Node, slots: Slots) -> Message:
    message = Message("NodeProto")
    for name in node.inputs:
        message.text("input", name)
    for name in node.outputs:
        message.text("output", name)
    message.optional("name", node.name)
    message.text("op_type", node.op_type)
    for name, value in node.attributes.items():
        message.message("attribute", encode_attribute(name, value, slots))
    message.optional("doc_string", node.doc)
    message.optional("domain", node.domain)
    _metadata(message, node.metadata)
    return message


def encode_attribute(name: str, value: AttributeValue, slots: Slots) -> Message:
    """The AttributeProto; its kind follows from the value's Python type (TypeError if it has none).

    Numbers of NumPy are refused, as are lists that mix text with numbers.
    """
    message = Message("AttributeProto")
    message.text("name", name)
    match value:
        case float():
            kind = "f"
            message.real(kind, value)
        case int():
            kind = "i"
            message.integer(kind, value)
        case str() | bytes():
            kind = "s"
            message.raw(kind, value.encode() if isinstance(value, str) else value)
        case Tensor():
            kind = "t"
            message.message(kind, encode_tensor(value, None))
        case Graph():
            kind = "g"
            message.message(kind, encode_graph(value, slots))
        case list():
            kind = _encode_list(message, name, value)
        case _:
            raise TypeError(f"attribute '{name}': no ONNX attribute holds a {type(value).__name__}")
    message.integer("type", ATTRIBUTE_TYPES[kind])
    return message


def _encode_list(message: Message, name: str, values: list[int] | list[float] | list[str]) -> str:
    items: list[object] = list(values)
    integers = [item for item in items if isinstance(item, int)]
    numbers = [item for item in items if isinstance(item, (int, float))]
    texts = [item for item in items if isinstance(item, str)]
    if len(integers) == len(items):
        for integer in integers:
            message.integer("ints", integer)
        return "ints"
    if len(numbers) == len(items):
        for number in numbers:
            message.real("floats", number)
        return "floats"
    if len(texts) == len(items):
        for text in texts:
            message.text("strings", text)
        return "strings"
    raise TypeError(f"attribute '{name}': a list holds numbers or text alone, not {items!r:.80}")


def encode_tensor(tensor: Tensor, slot: Slot | None) -> Message:
    message = Message("TensorProto")
    for dim in tensor.dims:
        message.integer("dims", dim)
    message.integer("data_type", DATA_TYPES[tensor.dtype])
    message.optional("name", tensor.name)
    if slot is None:
        message.data("raw_data", tensor)
        return message
    message.message("external_data", _pair("location", slot.location))
    message.message("external_data", _pair("offset", str(slot.offset)))
    message.message("external_data", _pair("length", str(tensor.nbytes)))
    message.integer("data_location", EXTERNAL)
    return message


def encode_value_info(value: ValueInfo) -> Message:
    shape = Message("TensorShapeProto")
    for dim in value.dims:
        dimension = Message("TensorShapeProto.Dimension")
        if isinstance(dim, str):
            dimension.optional("dim_param", dim)
        else:
            dimension.integer("dim_value", dim)
        shape.message("dim", dimension)
    tensor_type = Message("TypeProto.Tensor")
    tensor_type.integer("elem_type", DATA_TYPES[value.dtype])
    tensor_type.message("shape", shape)  # present even for a scalar: absent means an unknown rank
    type_ = Message("TypeProto")
    type_.message("tensor_type", tensor_type)
    message = Message("ValueInfoProto")
    message.text("name", value.name)
    message.message("type", type_)
    return message


def _metadata(message: Message, metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        message.message("metadata_props", _pair(key, value))


def _pair(key: str, value: str) -> Message:
    message = Message("StringStringEntryProto")
    message.text("key", key)
    message.text("value", value)
    return message
