"""The hand-written encoding against the `onnx` package's own messages."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archc.ir.types import DTYPES, ITEM_BYTES
from archc_onnx.encode import (
    ATTRIBUTE_TYPES,
    DATA_TYPES,
    EXTERNAL,
    PRODUCER,
    encode_attribute,
    encode_model,
    encode_node,
    encode_tensor,
    encode_value_info,
)
from archc_onnx.model import Graph, Model, Node, Tensor, ValueInfo
from archc_onnx.protobuf import FIELDS, Message, varint

# ---- the same models, as the onnx package builds them


def tensor_proto(tensor: Tensor) -> onnx.TensorProto:
    proto = onnx.TensorProto(dims=tensor.dims, data_type=DATA_TYPES[tensor.dtype])
    if tensor.name:
        proto.name = tensor.name
    proto.raw_data = tensor.data
    return proto


def attribute_proto(name: str, value) -> onnx.AttributeProto:
    types = onnx.AttributeProto
    match value:
        case float():
            return types(name=name, type=types.FLOAT, f=value)
        case int():
            return types(name=name, type=types.INT, i=value)
        case str():
            return types(name=name, type=types.STRING, s=value.encode())
        case bytes():
            return types(name=name, type=types.STRING, s=value)
        case Tensor():
            return types(name=name, type=types.TENSOR, t=tensor_proto(value))
        case Graph():
            return types(name=name, type=types.GRAPH, g=graph_proto(value))
        case [str(), *_]:
            return types(name=name, type=types.STRINGS, strings=[s.encode() for s in value])
        case [*_] if any(isinstance(item, float) for item in value):
            return types(name=name, type=types.FLOATS, floats=value)
        case _:
            return types(name=name, type=types.INTS, ints=value)


def pairs(entries: dict[str, str]) -> list[onnx.StringStringEntryProto]:
    return [onnx.StringStringEntryProto(key=k, value=v) for k, v in entries.items()]


def set_text(proto, **texts: str) -> None:
    for field, text in texts.items():
        if text:
            setattr(proto, field, text)


def node_proto(node: Node) -> onnx.NodeProto:
    proto = onnx.NodeProto(op_type=node.op_type, input=node.inputs, output=node.outputs)
    set_text(proto, name=node.name, domain=node.domain, doc_string=node.doc)
    proto.attribute.extend(attribute_proto(k, v) for k, v in node.attributes.items())
    proto.metadata_props.extend(pairs(node.metadata))
    return proto


def value_info_proto(value: ValueInfo) -> onnx.ValueInfoProto:
    proto = onnx.ValueInfoProto(name=value.name)
    proto.type.tensor_type.elem_type = DATA_TYPES[value.dtype]
    proto.type.tensor_type.shape.SetInParent()
    for dim in value.dims:
        dimension = proto.type.tensor_type.shape.dim.add()
        if isinstance(dim, int):
            dimension.dim_value = dim
        else:
            set_text(dimension, dim_param=dim)
    return proto


def graph_proto(graph: Graph) -> onnx.GraphProto:
    proto = onnx.GraphProto(name=graph.name)
    proto.node.extend(map(node_proto, graph.nodes))
    proto.input.extend(map(value_info_proto, graph.inputs))
    proto.output.extend(map(value_info_proto, graph.outputs))
    proto.value_info.extend(map(value_info_proto, graph.value_infos))
    proto.initializer.extend(map(tensor_proto, graph.initialisers))
    set_text(proto, doc_string=graph.doc)
    return proto


def model_proto(model: Model) -> onnx.ModelProto:
    proto = onnx.ModelProto(ir_version=model.ir_version, producer_name=PRODUCER)
    set_text(proto, producer_version=model.producer_version, doc_string=model.doc)
    for domain, version in model.opsets.items():
        proto.opset_import.add(domain=domain, version=version)
    proto.metadata_props.extend(pairs(model.metadata))
    proto.graph.CopyFrom(graph_proto(model.graph))
    return proto


def encoded(message: Message) -> bytes:
    """All of the message, each tensor's data put where it goes."""
    data = b"".join(p.data if isinstance(p, Tensor) else bytes(p) for p in message.pieces)
    assert len(data) == message.size
    return data


# ---- tables


@pytest.mark.parametrize("kind", FIELDS)
def test_field_numbers_are_those_of_onnx(kind):
    message = onnx
    for part in kind.split("."):
        message = getattr(message, part)
    numbers = {f.name: f.number for f in message.DESCRIPTOR.fields}
    assert FIELDS[kind] == {name: numbers[name] for name in FIELDS[kind]}


def test_every_element_type_has_its_onnx_number():
    names = {dtype: dtype.upper() for dtype in DTYPES} | {"float32": "FLOAT", "float64": "DOUBLE"}
    types = onnx.TensorProto.DataType
    assert {dtype: types.Value(name) for dtype, name in names.items()} == DATA_TYPES


def test_attribute_types_and_data_location_are_those_of_onnx():
    names = {"f": "FLOAT", "i": "INT", "s": "STRING", "t": "TENSOR", "g": "GRAPH"}
    names |= {kind: kind.upper() for kind in ("floats", "ints", "strings")}
    types = onnx.AttributeProto.AttributeType
    assert {kind: types.Value(name) for kind, name in names.items()} == ATTRIBUTE_TYPES
    assert onnx.TensorProto.EXTERNAL == EXTERNAL


# ---- single messages, byte for byte

names = st.text(st.characters(codec="utf-8"), max_size=6)
int64s = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-3, 300))
float32s = st.floats(width=32, allow_nan=False)


@st.composite
def tensors(draw) -> Tensor:
    dtype = draw(st.sampled_from(DTYPES))
    dims = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    length = int(np.prod(dims)) * ITEM_BYTES[dtype]
    return Tensor(draw(names), dtype, dims, draw(st.binary(min_size=length, max_size=length)))


value_infos = st.builds(
    ValueInfo,
    names,
    st.sampled_from(DTYPES),
    st.lists(st.one_of(st.integers(0, 1 << 40), names), max_size=4).map(tuple),
)
plain_attributes = st.one_of(
    int64s, float32s, names, st.binary(max_size=5), tensors(),
    st.lists(int64s, max_size=4), st.lists(float32s, max_size=4), st.lists(names, max_size=3),
)  # fmt: skip


def nodes(attributes=plain_attributes):
    some_names = st.lists(names, max_size=3)
    metadata = st.dictionaries(names, names, max_size=2)
    attributes = st.dictionaries(names, attributes, max_size=3)
    return st.builds(Node, names, some_names, some_names, names, names, attributes, names, metadata)


def graphs(node):
    values = st.lists(value_infos, max_size=2)
    some_nodes = st.lists(node, max_size=3)
    some_tensors = st.lists(tensors(), max_size=3)
    return st.builds(Graph, names, some_nodes, values, values, some_tensors, values, names)


models = st.builds(
    Model,
    graphs(nodes(plain_attributes | graphs(nodes()))),
    st.dictionaries(names, st.integers(1, 30), min_size=1, max_size=2),
    st.integers(1, 20),
    names,
    st.dictionaries(names, names, max_size=2),
    names,
)


@given(nodes())
def test_nodes_encode_to_the_bytes_of_onnx(node):
    theirs = node_proto(node).SerializeToString(deterministic=True)
    assert encoded(encode_node(node, {})) == theirs


@given(value_infos)
def test_value_infos_encode_to_the_bytes_of_onnx(value):
    theirs = value_info_proto(value).SerializeToString(deterministic=True)
    assert encoded(encode_value_info(value)) == theirs


@given(tensors())
def test_tensors_encode_to_the_bytes_of_onnx(tensor):
    theirs = tensor_proto(tensor).SerializeToString(deterministic=True)
    assert encoded(encode_tensor(tensor, None)) == theirs


@settings(max_examples=200)
@given(models)
def test_models_parse_to_what_onnx_builds(model):
    ours, theirs = onnx.ModelProto.FromString(encoded(encode_model(model, {}))), model_proto(model)
    assert ours == theirs
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )


# ---- what is refused


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_an_integer_beyond_64_bits_is_refused(value):
    with pytest.raises(ValueError, match="does not fit in 64 bits"):
        varint(value)


@pytest.mark.parametrize("value", [None, (1, 2), np.int64(3), np.zeros(2), {}])
def test_an_attribute_of_another_type_is_refused(value):
    with pytest.raises(TypeError, match="attribute 'alpha': no ONNX attribute holds a"):
        encode_attribute("alpha", value, {})


@pytest.mark.parametrize("value", [[1, "a"], [1.0, "a"], [[1]], [None]])
def test_a_list_of_mixed_or_unknown_items_is_refused(value):
    with pytest.raises(TypeError, match="attribute 'axes': a list holds numbers or text alone"):
        encode_attribute("axes", value, {})


def test_data_of_the_wrong_length_is_refused_where_the_tensor_is_made():
    with pytest.raises(ValueError, match=r"'w': float32\[2, 3\] takes 24 bytes, not 23"):
        Tensor("w", "float32", (2, 3), bytes(23))


def test_a_negative_dimension_or_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="negative dimension"):
        Tensor("w", "float32", (-1, 3), b"")
    with pytest.raises(ValueError, match="no ONNX element type for 'complex64'"):
        Tensor("w", "complex64", (), bytes(8))
