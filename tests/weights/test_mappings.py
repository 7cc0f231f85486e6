"""A mapping of arrays as weights."""

from __future__ import annotations

import numpy as np
import pytest
from weights.samples import arrays_of_every_type, refusal

from archc.weights import open_weights


def test_a_mapping_gives_its_arrays_by_name_and_type():
    arrays = arrays_of_every_type()
    weights = open_weights(arrays)
    assert list(weights) == list(arrays)
    for name, entry in weights.items():
        assert np.array_equal(entry.array(), arrays[name])
        assert entry.dtype == arrays[name].dtype.name
        assert entry.nbytes == arrays[name].nbytes
        assert b"".join(entry.chunks()) == arrays[name].tobytes()
    assert open_weights(weights) is weights
    assert str(weights["a.int8"]) == "a.int8 int8[3, 5]"


def test_an_entry_cannot_change_the_array_it_came_from():
    array = np.zeros(3)
    entry = open_weights({"w": array})["w"]
    with pytest.raises(ValueError, match="read-only"):
        entry.array()[0] = 1
    array[0] = 1  # whose flags are untouched


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 22])
def test_bytes_are_the_same_in_pieces_of_any_size(size):
    array = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    for layout in (array, array.T, array[:, ::2], array[::-1], np.asfortranarray(array)):
        entry = open_weights({"w": layout})["w"]
        pieces = list(entry.chunks(size))
        assert b"".join(pieces) == layout.tobytes()
        assert max(map(len, pieces)) <= max(size, 4)
    big = open_weights({"w": array.astype(">i4")})["w"]
    assert b"".join(big.chunks(size)) == array.astype("<i4").tobytes()


def test_tensors_of_pytorch_are_arrays_too():
    torch = pytest.importorskip("torch")
    values = torch.randn(4, 6)
    given = {
        "w": torch.nn.Parameter(values),
        "b": values.to(torch.bfloat16),
        "t": values.t(),
        "n": torch.tensor(3),
    }
    weights = open_weights(given)
    assert {n: e.type for n, e in weights.items()} == {
        "w": "float32[4, 6]", "b": "bfloat16[4, 6]", "t": "float32[6, 4]", "n": "int64[]"
    }  # fmt: skip
    assert b"".join(weights["w"].chunks()) == values.numpy().tobytes()
    assert b"".join(weights["t"].chunks()) == values.numpy().T.tobytes()
    bits = values.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(weights["b"].array(), bits)


def test_bfloat16_of_another_package_is_held_as_bits():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    entry = open_weights({"w": np.array([1.0, -2.0], ml_dtypes.bfloat16)})["w"]
    assert entry.dtype == "bfloat16"
    assert entry.array().tolist() == [0x3F80, 0xC000]


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"w": [1.0, 2.0]}, "'w' is a list, not an array"),
        ({"state_dict": {"w": np.zeros(1)}}, "give the state dict itself"),
        ({3: np.zeros(1)}, "named 3"),
        ({"w": np.zeros(1, complex)}, "'w' has the type complex128"),
        ({"w": np.array([None])}, "'w' has the type object"),
        ({"w": np.zeros(1, np.uint16)}, "'w' has the type uint16"),
    ],
)
def test_a_mapping_of_anything_else_is_refused(mapping, complaint):
    assert complaint in refusal(mapping)
