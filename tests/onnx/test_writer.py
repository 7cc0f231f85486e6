"""A written model is one standard file: onnx and onnxruntime read back what was said."""

import errno
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
import onnxruntime
import pytest

from archc.errors import InputError, UnsupportedError
from archc.safetensors import read, write_safetensors
from archc.weights import Entry, Region
from archc_onnx import writer
from archc_onnx.model import Graph, Model, Node, Tensor, ValueInfo
from archc_onnx.writer import write


def tensor(name: str, array: np.ndarray, dtype: str | None = None) -> Tensor:
    return Tensor(name, dtype or array.dtype.name, array.shape, array.tobytes())


def model(graph: Graph, opset: int = 18, ir_version: int = 8, **more) -> Model:
    return Model(graph, {"": opset}, ir_version, **more)


def scaled(weight: Tensor, **more) -> Model:
    """`y = x · weight` with a symbolic batch; the weight is float32[4, k]."""
    graph = Graph(
        "scaled",
        [Node("MatMul", ["x", weight.name], ["y"], "dense")],
        [ValueInfo("x", "float32", ("N", 4))],
        [ValueInfo("y", "float32", ("N", weight.dims[1]))],
        [weight],
    )
    return model(graph, **more)


def checked(path: Path) -> onnx.ModelProto:
    """The model as the onnx package reads it, after its full check with shape inference."""
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


def run(path: Path, **inputs: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3) / 7


# ---- what is read back


def test_a_model_runs_at_every_size_of_a_symbolic_dimension(tmp_path):
    write(scaled(tensor("dense.weight", WEIGHT)), tmp_path / "m.onnx")
    loaded = checked(tmp_path / "m.onnx")
    assert loaded.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    for batch in (1, 5):
        x = np.random.default_rng(batch).normal(size=(batch, 4)).astype(np.float32)
        np.testing.assert_allclose(run(tmp_path / "m.onnx", x=x)[0], x @ WEIGHT, rtol=1e-6)


@pytest.mark.parametrize(("ir_version", "opset"), [(8, 17), (8, 18), (9, 19), (10, 21)])
def test_versions_and_provenance_are_stamped_as_told(tmp_path, ir_version, opset):
    said = scaled(
        tensor("w", WEIGHT),
        opset=opset,
        ir_version=ir_version,
        producer_version="1.2.3",
        metadata={"digest": "ab12", "étiquettes": "chat\n犬 🐕"},
        doc="Zwölf Boxkämpfer",
    )
    said.graph.doc = "層"
    said.graph.nodes[0].doc = "projection — à gauche"
    said.graph.nodes[0].metadata = {"place": "spec.yaml:3:5"}
    write(said, tmp_path / "m.onnx")
    loaded = checked(tmp_path / "m.onnx")
    assert (loaded.ir_version, loaded.opset_import[0].version) == (ir_version, opset)
    assert (loaded.producer_name, loaded.producer_version) == ("archc", "1.2.3")
    assert (loaded.doc_string, loaded.graph.doc_string) == ("Zwölf Boxkämpfer", "層")
    assert loaded.graph.node[0].doc_string == "projection — à gauche"
    assert loaded.graph.node[0].metadata_props[0].value == "spec.yaml:3:5"
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_modelmeta().custom_metadata_map == said.metadata


def test_initialisers_of_every_dtype_reach_onnxruntime(tmp_path):
    arrays = {
        "bool": np.array([True, False, True]),
        "bfloat16": np.array([0x3F80, 0xC000, 0x3E80], np.uint16),  # 1, -2, 0.25
        **{t: np.array([1, 2, 3]).astype(t) for t in ("float16", "float32", "float64", "uint8")},
        **{t: np.array([-1, 2, 100]).astype(t) for t in ("int8", "int16", "int32", "int64")},
    }
    graph = Graph("dtypes")
    for dtype, array in arrays.items():
        graph.initialisers.append(tensor(dtype, array, dtype))
        graph.nodes.append(Node("Cast", [dtype], [f"{dtype}_out"], attributes={"to": 1}))
        graph.outputs.append(ValueInfo(f"{dtype}_out", "float32", (3,)))
    write(model(graph), tmp_path / "m.onnx")
    checked(tmp_path / "m.onnx")
    arrays["bfloat16"] = np.array([1, -2, 0.25])
    for expected, made in zip(arrays.values(), run(tmp_path / "m.onnx"), strict=True):
        np.testing.assert_array_equal(made, expected.astype(np.float32))


def test_scalars_and_empty_tensors(tmp_path):
    graph = Graph(
        "edges",
        [Node("Concat", ["none", "x"], ["joined"], attributes={"axis": 0}),
         Node("Add", ["joined", "half"], ["y"])],
        [ValueInfo("x", "float32", ("N",))],
        [ValueInfo("y", "float32", ("N",))],
        [tensor("none", np.zeros(0, np.float32)), tensor("half", np.array(0.5, np.float32))],
        [ValueInfo("joined", "float32", ("N",))],
    )  # fmt: skip
    write(model(graph), tmp_path / "m.onnx")
    checked(tmp_path / "m.onnx")
    assert run(tmp_path / "m.onnx", x=np.ones(2, np.float32))[0].tolist() == [1.5, 1.5]


def test_every_kind_of_attribute_and_an_absent_input(tmp_path):
    two = tensor("", np.array([2.0], np.float32))
    f1, n = {"dtype": "float32"}, ("N", 1, 6)
    graph = Graph(
        "attributes",
        [
            Node("Constant", [], ["two"], attributes={"value": two}),  # tensor
            Node("Constant", [], ["s"], attributes={"value_floats": [0.5, 1.5]}),  # floats
            Node("Constant", [], ["axes"], attributes={"value_ints": [2]}),  # ints
            Node("LeakyRelu", ["x"], ["a"], attributes={"alpha": 0.25}),  # float
            Node("ReduceSum", ["a", "axes"], ["b"], attributes={"keepdims": 1}),  # int
            Node("Pad", ["b", "pads", "", "axes"], ["c"], attributes={"mode": "edge"}),  # string
            Node("Mul", ["c", "two"], ["y"]),
            Node("ReduceSum", ["s"], ["z"], attributes={"keepdims": 0}),
            Node("If", ["flag"], ["w"], attributes={  # graphs
                "then_branch": Graph("yes", [Node("Neg", ["two"], ["t"])],
                                     outputs=[ValueInfo("t", dims=(1,), **f1)]),
                "else_branch": Graph("no", [Node("Exp", ["two"], ["e"])],
                                     outputs=[ValueInfo("e", dims=(1,), **f1)]),
            }),
        ],
        [ValueInfo("x", "float32", n), ValueInfo("flag", "bool", ())],
        [ValueInfo("y", "float32", ("N", 1, 3)), ValueInfo("z", "float32", ()),
         ValueInfo("w", "float32", (1,))],
        [tensor("pads", np.array([1, 1]))],
    )  # fmt: skip
    write(model(graph), tmp_path / "m.onnx")
    checked(tmp_path / "m.onnx")
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 1, 6)
    y, z, w = run(tmp_path / "m.onnx", x=x, flag=np.array(True))
    sums = np.where(x < 0, x / 4, x).sum(2, keepdims=True)
    np.testing.assert_allclose(y, 2 * sums.repeat(3, axis=2), rtol=1e-5)
    assert (z, w) == (2.0, -2.0)


def test_a_loop_reads_its_own_initialisers_and_the_outer_ones(tmp_path):
    body = Graph(
        "step",
        [Node("MatMul", ["h", "w"], ["wh"]), Node("Add", ["wh", "bias"], ["h_next"]),
         Node("Identity", ["go"], ["go_on"]), Node("Identity", ["h_next"], ["seen"])],
        [ValueInfo("i", "int64", ()), ValueInfo("go", "bool", ()),
         ValueInfo("h", "float32", (1, 3))],
        [ValueInfo("go_on", "bool", ()), ValueInfo("h_next", "float32", (1, 3)),
         ValueInfo("seen", "float32", (1, 3))],
        [tensor("bias", np.array([1, 2, 3], np.float32))],
    )  # fmt: skip
    graph = Graph(
        "looped",
        [Node("Loop", ["steps", "", "x"], ["last", "all"], attributes={"body": body})],
        [ValueInfo("steps", "int64", ()), ValueInfo("x", "float32", (1, 3))],
        [ValueInfo("last", "float32", (1, 3)), ValueInfo("all", "float32", ("steps", 1, 3))],
        [tensor("w", WEIGHT[:3])],
    )
    write(model(graph), tmp_path / "m.onnx")
    checked(tmp_path / "m.onnx")
    x = np.ones((1, 3), np.float32)
    last, seen = run(tmp_path / "m.onnx", steps=np.array(3), x=x)
    states = [x]
    for _ in range(3):
        states.append(states[-1] @ WEIGHT[:3] + np.array([1, 2, 3], np.float32))
    np.testing.assert_allclose(seen, states[1:], rtol=1e-6)
    np.testing.assert_array_equal(last, seen[-1])


# ---- the file


def fields(data: bytes) -> list[tuple[int, int]]:
    """(field number, length of the payload) of every field of a message."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        length = varint()
        found.append((key >> 3, length if key & 7 == 2 else 0))
        at += found[-1][1]
    return found


def test_the_graph_is_one_field_and_the_weights_end_the_file(tmp_path):
    write(scaled(tensor("w", WEIGHT), metadata={"a": "b"}), tmp_path / "m.onnx")
    data = (tmp_path / "m.onnx").read_bytes()
    assert [number for number, _ in fields(data)] == [1, 2, 8, 14, 7]
    assert data.endswith(WEIGHT.tobytes())


@pytest.fixture
def opened():
    """Makes a file of the given bytes, open for reading until the test ends."""
    with ExitStack() as files:

        def make(path: Path, data: bytes) -> BinaryIO:
            path.write_bytes(data)
            return files.enter_context(path.open("rb"))

        yield make


@pytest.mark.parametrize("failure", ["EXDEV", "EINVAL", "ENOSYS", "EOPNOTSUPP", None])
def test_the_file_does_not_depend_on_where_the_bytes_come_from(
    tmp_path, monkeypatch, opened, failure
):
    weight = np.random.default_rng(1).normal(size=(4, 70_001)).astype(np.float32)
    raw = weight.tobytes()
    file = opened(tmp_path / "weights", b"head" + raw + b"tail")
    if failure:

        def refuse(*args):
            raise OSError(getattr(errno, failure), "no")

        monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    sources = {
        "bytes": raw,
        "array": weight.data,
        "chunks": lambda: (raw[i : i + 999] for i in range(0, len(raw), 999)),
        "region": Region(file.fileno(), 4, len(raw)),
    }
    for name, data in sources.items():
        write(scaled(Tensor("w", "float32", weight.shape, data)), tmp_path / f"{name}.onnx")
    written = {name: (tmp_path / f"{name}.onnx").read_bytes() for name in sources}
    assert len(set(written.values())) == 1
    np.testing.assert_array_equal(
        onnx.numpy_helper.to_array(checked(tmp_path / "region.onnx").graph.initializer[0]), weight
    )


def test_weights_of_the_store_are_written_from_a_file_and_from_their_initialiser(tmp_path):
    stored = Entry("dense.weight", "float32", (4, 3), lambda: WEIGHT)
    write_safetensors(tmp_path / "w.safetensors", [stored])
    with read(tmp_path / "w.safetensors") as weights:
        mapped = Tensor.of(weights["dense.weight"])
        assert isinstance(mapped.data, Region)
        write(scaled(mapped), tmp_path / "mapped.onnx")
    write(scaled(Tensor.of(stored.renamed("k"), "dense.weight")), tmp_path / "made.onnx")
    written = {(tmp_path / f"{name}.onnx").read_bytes() for name in ("mapped", "made")}
    assert len(written) == 1
    assert WEIGHT.tobytes() in written.pop()


def test_a_link_to_a_model_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.onnx").write_bytes(b"old")
    (tmp_path / "m.onnx").symlink_to(tmp_path / "real" / "a.onnx")
    weight = tensor("w", np.zeros((4, 100), np.float32))
    write(scaled(weight), tmp_path / "m.onnx", external=True)
    assert (tmp_path / "m.onnx").is_symlink()
    x = np.ones((1, 4), np.float32)
    assert run(tmp_path / "real" / "a.onnx", x=x)[0].shape == (1, 100)


def test_a_model_above_the_limit_is_refused_in_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "LIMIT", 100)
    with pytest.raises(UnsupportedError, match="E620"):
        write(scaled(tensor("w", WEIGHT)), tmp_path / "m.onnx", external=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", [{"ir_version": None}, {"ir_version": 0}, {"opsets": {}}])
def test_a_model_states_its_versions(tmp_path, broken):
    said = scaled(tensor("w", WEIGHT))
    for name, value in broken.items():
        setattr(said, name, value)
    with pytest.raises(ValueError, match="an ONNX file states"):
        write(said, tmp_path / "m.onnx")


# ---- failures leave what was there


@pytest.mark.parametrize("made", [47, 49])
def test_chunks_of_another_length_leave_the_old_file(tmp_path, made):
    (tmp_path / "m.onnx").write_bytes(b"old")
    weight = Tensor("w", "float32", (4, 3), lambda: [bytes(40), bytes(made - 40)])
    with pytest.raises(ValueError, match="w: its data has"):
        write(scaled(weight), tmp_path / "m.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_bytes() == b"old"


@pytest.mark.parametrize("external", [False, True])
def test_a_truncated_weight_file_is_refused(tmp_path, opened, external):
    file = opened(tmp_path / "weights", bytes(2000))
    weight = Tensor("w", "float32", (4, 125), Region(file.fileno(), 8, 2000))
    with pytest.raises(InputError, match=r"E503.*the file of the weights ends within 'w'"):
        write(scaled(weight), tmp_path / "m.onnx", external=external)
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    with pytest.raises(InputError, match="E521"):
        write(scaled(tensor("w", WEIGHT)), tmp_path / "none" / "m.onnx")


def python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the script in a fresh process, with what this file defines as `t`."""
    loader = (
        "import importlib.util as u, os, sys;"
        f"s = u.spec_from_file_location('t', {__file__!r});"
        "t = u.module_from_spec(s); s.loader.exec_module(t)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", loader + script, *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    write(scaled(tensor("w", WEIGHT)), tmp_path / "m.onnx")
    old = (tmp_path / "m.onnx").read_bytes()
    killed = python(
        """
def chunks():
    yield bytes(24)
    os._exit(9)
t.write(t.scaled(t.Tensor("w", "float32", (4, 3), chunks)), t.Path(sys.argv[1]))
""",
        tmp_path / "m.onnx",
    )
    assert killed.returncode == 9, killed.stderr
    assert (tmp_path / "m.onnx").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 2
    write(scaled(tensor("w", WEIGHT)), tmp_path / "m.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
@pytest.mark.parametrize("external", [False, True])
def test_memory_does_not_grow_with_the_weights(tmp_path, external):
    (tmp_path / "weights").write_bytes(b"")
    os.truncate(tmp_path / "weights", 200 << 20)
    measured = python(
        """
def peak():
    [line] = [l for l in open("/proc/self/status") if l.startswith("VmHWM")]
    return int(line.split()[1]) << 10
columns = 300 * 2**20 // 16
made = t.Tensor("made", "float32", (4, columns), lambda: (bytes(1 << 20) for _ in range(300)))
file = open(sys.argv[2], "rb")
read = t.Region(file.fileno(), 0, 200 << 20)
model = t.scaled(made)
model.graph.initialisers.append(t.Tensor("read", "uint8", (200 << 20,), read))
t.write(t.scaled(t.tensor("w", t.WEIGHT)), t.Path(sys.argv[1]))
before = peak()
t.write(model, t.Path(sys.argv[1]), external=sys.argv[3] == "True")
print(peak() - before)
""",
        tmp_path / "m.onnx", tmp_path / "weights", external,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    assert int(measured.stdout) < 64 << 20
    assert sum(p.stat().st_size for p in tmp_path.glob("m.onnx*")) >= 500 << 20
