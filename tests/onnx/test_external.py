"""Weights in a data file: the model that stands there always finds the data it was written with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from archc_onnx import writer
from archc_onnx.model import Graph, Model, Node, Tensor, ValueInfo
from archc_onnx.writer import write

BIG = 500  # columns of a float32[4, BIG]: more than the 1 KiB from which a tensor is external


def summed(value: float, *more: Tensor) -> Model:
    """`y = x · big + small`, where `big` is external and filled with `value`, `small` is inline."""
    big = Tensor("big", "float32", (4, BIG), np.full((4, BIG), value, np.float32).data)
    small = Tensor("small", "float32", (1,), np.ones(1, np.float32).tobytes())
    graph = Graph(
        "summed",
        [Node("MatMul", ["x", "big"], ["xb"]), Node("Add", ["xb", "small"], ["y"])],
        [ValueInfo("x", "float32", ("N", 4))],
        [ValueInfo("y", "float32", ("N", BIG))],
        [big, *more, small],
    )
    return Model(graph, {"": 18}, 8)


def value_of(path: Path) -> float:
    """The value that the model at the path was made with, by running it."""
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": np.full((2, 4), 0.25, np.float32)})
    assert y.shape == (2, BIG)
    assert np.ptp(y) == 0
    return float(y[0, 0]) - 1


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def external_entries(proto: onnx.GraphProto) -> dict[str, dict[str, str]]:
    return {t.name: {e.key: e.value for e in t.external_data} for t in proto.initializer}


def test_big_tensors_stand_on_pages_of_one_data_file_and_small_ones_stay(tmp_path):
    odd = Tensor("odd", "uint8", (5001,), bytes(range(256)) * 19 + bytes(137))
    write(summed(3, odd), tmp_path / "m.onnx", external=True)
    model, data = files(tmp_path)
    assert model == "m.onnx"
    assert re.fullmatch(r"m\.onnx\.[0-9a-f]{16}\.data", data)
    graph = onnx.load(tmp_path / "m.onnx", load_external_data=False).graph
    assert external_entries(graph) == {
        "big": {"location": data, "offset": "0", "length": "8000"},
        "odd": {"location": data, "offset": "8192", "length": "5001"},
        "small": {},
    }
    assert (tmp_path / data).stat().st_size == 8192 + 5001
    loaded = onnx.load(tmp_path / "m.onnx").graph.initializer
    assert loaded[1].raw_data == odd.data
    assert value_of(tmp_path / "m.onnx") == 3


def test_a_model_above_the_limit_goes_to_a_data_file_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "LIMIT", 4000)
    write(summed(2), tmp_path / "m.onnx")
    assert len(files(tmp_path)) == 2
    assert value_of(tmp_path / "m.onnx") == 2


def test_a_model_without_big_tensors_has_no_data_file(tmp_path):
    model = summed(2)
    model.graph.initialisers.pop(0)
    write(model, tmp_path / "m.onnx", external=True)
    assert files(tmp_path) == ["m.onnx"]


def test_initialisers_of_subgraphs_are_external_too_and_a_shared_one_is_stored_once(tmp_path):
    weight = Tensor("w", "float32", (BIG,), np.full(BIG, 7, np.float32).tobytes())

    def branch(name: str, op: str) -> Graph:
        return Graph(
            name,
            [Node(op, ["x", "w"], [name])],
            outputs=[ValueInfo(name, "float32", (BIG,))],
            initialisers=[weight],
        )

    graph = Graph(
        "chosen",
        [Node("If", ["flag"], ["y"], attributes={
            "then_branch": branch("sum", "Add"), "else_branch": branch("product", "Mul")})],
        [ValueInfo("flag", "bool", ()), ValueInfo("x", "float32", (BIG,))],
        [ValueInfo("y", "float32", (BIG,))],
    )  # fmt: skip
    write(Model(graph, {"": 18}, 8), tmp_path / "m.onnx", external=True)
    (data,) = tmp_path.glob("*.data")
    assert data.stat().st_size == 4 * BIG
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    x = np.full(BIG, 2, np.float32)
    for flag, expected in ((True, 9), (False, 14)):
        (y,) = session.run(None, {"x": x, "flag": np.array(flag)})
        assert set(y.tolist()) == {expected}


def test_the_same_model_gives_the_same_two_files(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(summed(3), tmp_path / folder / "m.onnx", external=True)
    write(summed(3), tmp_path / "b" / "m.onnx", external=True)
    a, b = (
        {p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} for folder in ("a", "b")
    )
    assert a == b
    assert len(a) == 2


@pytest.mark.parametrize("external", [False, True])
def test_a_new_model_takes_the_old_data_away_and_nobody_elses(tmp_path, external):
    digest = "0123456789abcdef"
    others = ["n.onnx", f"m.{digest}.data", f"x.m.onnx.{digest}.data", "m.onnx.data"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    write(summed(1), tmp_path / "m.onnx", external=True)
    write(summed(2), tmp_path / "m.onnx", external=external)
    assert len(set(files(tmp_path)) - set(others)) == 1 + external
    assert set(others) < set(files(tmp_path))
    assert value_of(tmp_path / "m.onnx") == 2


# ---- when it does not end well


def broken(value: float, where: str) -> Model:
    """Like `summed`; the process ends while it writes the `data` or, after that, the `model`."""
    dims = (BIG,) if where == "data" else (10,)

    def chunks():
        yield bytes(4)
        if "ARCHC_TEST_KILL" in os.environ:
            os._exit(9)
        raise KeyboardInterrupt

    return summed(value, Tensor("broken", "float32", dims, chunks))


@pytest.mark.parametrize("where", ["data", "model"])
def test_an_interrupted_write_leaves_the_old_pair_and_nothing_else(tmp_path, where):
    write(summed(1), tmp_path / "m.onnx", external=True)
    before = files(tmp_path)
    for value in (1, 2):  # with the old weights, and with others
        with pytest.raises(KeyboardInterrupt):
            write(broken(value, where), tmp_path / "m.onnx", external=True)
        assert files(tmp_path) == before
        assert value_of(tmp_path / "m.onnx") == 1


@pytest.mark.parametrize("where", ["data", "model"])
def test_a_killed_process_leaves_the_old_pair_and_the_next_write_cleans_up(tmp_path, where):
    write(summed(1), tmp_path / "m.onnx", external=True)
    script = f"""
import importlib.util as u, pathlib
s = u.spec_from_file_location("t", {__file__!r}); t = u.module_from_spec(s)
s.loader.exec_module(t)
t.write(t.broken(2, {where!r}), pathlib.Path({str(tmp_path / "m.onnx")!r}), external=True)
"""
    environment = os.environ | {"ARCHC_TEST_KILL": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert killed.returncode == 9
    assert len(list(tmp_path.iterdir())) > 2
    assert value_of(tmp_path / "m.onnx") == 1
    write(summed(3), tmp_path / "m.onnx", external=True)
    assert value_of(tmp_path / "m.onnx") == 3
    assert len(files(tmp_path)) == 2


def test_a_write_does_not_take_away_what_another_is_writing(tmp_path):
    path = tmp_path / "m.onnx"

    def chunks():
        write(summed(5), path, external=True)  # as another process would, meanwhile
        yield bytes(4 * BIG)

    write(summed(6, Tensor("slow", "float32", (BIG,), chunks)), path, external=True)
    assert value_of(path) == 6
