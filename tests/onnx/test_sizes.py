"""Sizes computed while a file runs are those that the types say."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_backend import run

from archc.ir.dims import Dim, Size, largest, symbol
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc_onnx.draft import Operand, finish
from archc_onnx.emitter import Emitter
from archc_onnx.model import Model
from archc_onnx.store import Store
from archc_onnx.target import Target
from archc_onnx.writer import write

ATOMS = st.sampled_from([symbol("N"), symbol("T"), 1, 2, 3, 7, -1, -4])


def combined(sizes: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    pairs = st.tuples(sizes, sizes)
    return (
        pairs.map(lambda p: p[0] + p[1])
        | pairs.map(lambda p: p[0] * p[1])
        | pairs.map(lambda p: p[0] - p[1])
        | st.tuples(sizes, st.integers(1, 5)).map(lambda p: p[0] // p[1])
        | pairs.map(largest)
    )


SIZES = st.recursive(ATOMS, combined, max_leaves=6)


@settings(max_examples=60)
@given(size=SIZES, n=st.integers(1, 9), t=st.integers(1, 9))
def test_every_size_is_computed_as_it_is_substituted(tmp_path_factory, size, n, t) -> None:
    assume(isinstance(size, Dim))
    assert isinstance(size, Dim)
    wanted = substitute(size, {"N": n, "T": t})
    assume(isinstance(wanted, int) and abs(wanted) < 2**31)
    emitter = Emitter(Target(), Store({}, {}), "m")
    dims = (symbol("N"), symbol("T") * 3 + 2)
    emitter.root.inputs.append(Operand(TensorType("bool", dims), emitter.root, "x"))
    result = emitter.size(size)
    emitter.root.outputs = [result]
    graph, _ = finish(emitter.root, {"y": result}, list(emitter.initialisers.items()))
    path = tmp_path_factory.mktemp("sizes") / "m.onnx"
    write(Model(graph, {"": 18}, 10), path)
    (found,) = run(path, {"x": np.zeros((n, 3 * t + 2), bool)}, "as written").values()
    assert found.tolist() == [wanted]
