"""safetensors files: written as a stream, read where they are, and refused when hostile."""

from __future__ import annotations

import contextlib
import json
import pickle
import random as chance
import struct

import numpy as np
import pytest
from weights.samples import arrays_of_every_type, entries, refusal

from archc.errors import InputError
from archc.init import Init
from archc.safetensors import write_safetensors
from archc.weights import Entry, initial, open_weights


def test_what_is_written_is_read_back_as_it_was(tmp_path):
    arrays, path = arrays_of_every_type(), tmp_path / "w.safetensors"
    write_safetensors(path, entries(arrays), {"format": "pt", "digest": "é"})
    with open_weights(path) as weights:
        assert weights.keys() == arrays.keys()
        assert weights.metadata == {"format": "pt", "digest": "é"}
        for name, array in arrays.items():
            assert np.array_equal(weights[name].array(), array)
            assert weights[name].dtype == array.dtype.name
            assert not weights[name].array().flags.writeable


def test_the_official_reader_and_writer_agree(tmp_path):
    official = pytest.importorskip("safetensors.numpy")
    arrays = {n: np.asarray(a) for n, a in arrays_of_every_type().items()}
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    write_safetensors(ours, entries(arrays), {"format": "np"})
    official.save_file(arrays, theirs, {"format": "np"})
    read = official.load_file(ours)
    assert {n: a.dtype for n, a in read.items()} == {n: a.dtype for n, a in arrays.items()}
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())
    with open_weights(theirs) as weights:
        assert all(np.array_equal(weights[n].array(), array) for n, array in arrays.items())
        assert weights.metadata == {"format": "np"}


def test_pytorchs_bfloat16_passes_through_a_file(tmp_path):
    torch = pytest.importorskip("torch")
    official = pytest.importorskip("safetensors.torch")
    tensor, path = torch.randn(5, 3).to(torch.bfloat16), tmp_path / "w.safetensors"
    write_safetensors(path, entries({"w": tensor}))
    assert torch.equal(official.load_file(path)["w"], tensor)
    with open_weights(path) as weights:
        assert weights["w"].type == "bfloat16[5, 3]"


def test_the_same_entries_in_any_order_give_the_same_aligned_bytes(tmp_path):
    one, two = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    all_entries = list(entries(arrays_of_every_type()))
    write_safetensors(one, all_entries, {"b": "1", "a": "2"})
    write_safetensors(two, all_entries[::-1], {"a": "2", "b": "1"})
    assert one.read_bytes() == two.read_bytes()
    with open_weights(one) as weights:
        for entry in weights.values():
            assert entry.region.offset % max(1, entry.nbytes // max(1, entry.size)) == 0


def test_a_file_is_mapped_and_copied_without_passing_through_python(tmp_path, monkeypatch):
    one, two = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    write_safetensors(one, entries(arrays_of_every_type()))
    monkeypatch.setattr(Entry, "chunks", None)
    with open_weights(one) as weights:
        assert weights["a.float32"].array().base is not None
        write_safetensors(two, weights.values())
    assert one.read_bytes() == two.read_bytes()


def test_a_file_can_be_rewritten_while_it_is_read(tmp_path):
    path = tmp_path / "w.safetensors"
    write_safetensors(path, entries({"w": np.arange(10), "v": np.arange(5)}))
    with open_weights(path) as weights:
        write_safetensors(path, [weights["w"]])
        assert weights["v"].array().tolist() == [0, 1, 2, 3, 4]  # of the file as it was opened
    with open_weights(path) as weights:
        assert list(weights) == ["w"]


def test_an_array_outlives_its_file(tmp_path):
    path = tmp_path / "w.safetensors"
    write_safetensors(path, entries({"w": np.arange(10), "v": np.arange(3)}))
    with open_weights(path) as weights:
        array = weights["w"].array()
    assert array.sum() == 45
    with open_weights(path) as weights:
        pass
    with pytest.raises(ValueError, match="'w' is read after its file was closed"):
        weights["w"].array()


def test_initial_weights_are_entries_like_any_other(tmp_path):
    path, init = tmp_path / "w.safetensors", Init("normal", (0.02,))
    entry = initial("w", "bfloat16", (300, 7), init, seed=3)
    write_safetensors(path, [entry])
    with open_weights(path) as weights:
        assert np.array_equal(weights["w"].array(), entry.array())
        assert weights["w"].digest() == entry.digest()


def test_a_name_given_twice_or_a_wrong_length_is_refused(tmp_path):
    [entry] = entries({"w": np.zeros(3)})
    with pytest.raises(ValueError, match="two entries are called 'w'"):
        write_safetensors(tmp_path / "w", [entry, entry])
    short = Entry("w", "float64", (4,), entry.load)
    with pytest.raises(ValueError, match="24 bytes came, and 32 were said"):
        write_safetensors(tmp_path / "w", [short])
    assert not [*tmp_path.iterdir()]


def hostile(header, data=b"", length=None):
    """A safetensors file with any header at all."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(begin, end, shape=(2,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not a file of weights that archc knows"),
        (b"\x02\0\0", "is not a file of weights"),
        (hostile({}, length=2**63), "is not a file of weights"),
        (hostile({}, length=100_000_001), "is not a file of weights"),
        (hostile({}, length=2_000_000), "claims 2,000,000 bytes"),
        (hostile({"w": tensor(0, 8)}, b"\0" * 8)[:40], "claims"),
        (hostile({"w": tensor(0, 8)}, b"\0" * 7), "take 8 bytes, and 7 are there"),
        (hostile({"w": tensor(0, 8)}, b"\0" * 9), "take 8 bytes, and 9 are there"),
        (hostile({"w": tensor(4, 12)}, b"\0" * 12), "'w' comes after a hole"),
        (hostile({"v": tensor(0, 8), "w": tensor(4, 12)}, b"\0" * 12), "'w' overlaps"),
        (hostile({"v": tensor(0, 8), "w": tensor(0, 8)}, b"\0" * 8), "'w' overlaps"),
        (hostile({"w": tensor(-8, 0)}), "data_offsets of 'w' are [-8, 0]"),
        (hostile({"w": tensor(8, 0)}, b"\0" * 8), "does not take -8 bytes"),
        (hostile({"w": tensor(0, 8, [-2])}, b"\0" * 8), "the shape of 'w' is [-2]"),
        (hostile({"w": tensor(0, 8, [2**32, 2**32])}, b"\0" * 8), "does not take 8 bytes"),
        (hostile({"w": tensor(0, 0, [2**63, 0])}), "the shape of 'w'"),
        (hostile({"w": tensor(0, 4, [1] * 33)}, b"\0" * 4), "the shape of 'w'"),
        (hostile({"w": tensor(0, 8, [2.0])}, b"\0" * 8), "the shape of 'w' is [2.0]"),
        (hostile({"w": tensor(False, 8)}, b"\0" * 8), "data_offsets of 'w' are [False, 8]"),
        (hostile({"w": tensor(0, 8, dtype="F8_E4M3")}, b"\0" * 8), "has the type 'F8_E4M3'"),
        (hostile({"w": tensor(0, 8, dtype=["F32"])}, b"\0" * 8), "has the type ['F32']"),
        (hostile({"w": {**tensor(0, 8), "more": 1}}, b"\0" * 8), "does not have exactly"),
        (hostile({"w": [0, 8]}, b"\0" * 8), "does not have exactly"),
        (hostile({"w": tensor(0, 2, dtype="BOOL")}, b"\1\2"), "holds more than 0 and 1"),
        (hostile({"__metadata__": {"a": 1}}), "no map of strings"),
        (hostile({"__metadata__": "a"}), "no map of strings"),
        (hostile(b'{"w":{},"w":{}}'), "has a key twice"),
        (hostile(b'{"w":{"dtype":"F32","dtype":"F16"}}'), "has a key twice"),
        (hostile(b'{"w":NaN}'), "holds NaN"),
        (hostile(b'{"w":' + b"9" * 5000 + b"}"), "not a valid safetensors"),
        (hostile(b'{"\\ud800":' + json.dumps(tensor(0, 0, [0])).encode() + b"}"), "surrogate"),
        (hostile(b'{"w":' + b"[" * 4_000), "recursion"),
        (hostile(b'{"w":' + b"[" * 100_000), "other things than tensors"),
        (hostile(b"{}{}"), "Extra data"),
        (hostile(b'{"w":\xff}'), "utf-8"),
        (hostile(b"{"), "not a valid safetensors"),
    ],
)
def test_a_hostile_safetensors_file_is_refused(tmp_path, content, complaint):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert complaint in refusal(path)


def test_what_the_format_leaves_free_is_accepted(tmp_path):
    """The order of the names, spaces after the header, tensors without elements anywhere."""
    path = tmp_path / "w.safetensors"
    header = {"v": tensor(8, 8, [0]), "w": tensor(0, 8), "u": tensor(0, 0, [0, 5])}
    path.write_bytes(hostile(json.dumps(header).encode() + b"   ", b"\0" * 8))
    with open_weights(path) as weights:
        assert {name: entry.shape for name, entry in weights.items()} == {
            "v": (0,), "w": (2,), "u": (0, 5)
        }  # fmt: skip


def test_a_header_whose_length_looks_like_a_pickle_is_no_pickle(tmp_path):
    path = tmp_path / "w.safetensors"
    text = json.dumps({"w": tensor(0, 8)}).encode().ljust(0x0480)
    path.write_bytes(hostile(text, b"\0" * 8))
    assert path.read_bytes()[:2] == pickle.dumps(1, 4)[:2]
    with open_weights(path) as weights:
        assert weights["w"].array().tolist() == [0, 0]


@pytest.mark.parametrize("kind", ["safetensors", "npz"])
def test_damage_anywhere_is_an_input_error_and_nothing_worse(tmp_path, kind):
    path = tmp_path / f"w.{kind}"
    if kind == "npz":
        np.savez_compressed(path, v=np.arange(50), w=np.ones((3, 4), np.float32))
    else:
        write_safetensors(path, entries({"v": np.arange(50), "w": np.ones((3, 4), bool)}))
    good, rng = path.read_bytes(), chance.Random(0)
    for _ in range(400):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            bad[rng.randrange(min(len(bad), 2000))] = rng.randrange(256)
        path.write_bytes(bad[: rng.choice([len(bad), rng.randrange(len(bad))])])
        with contextlib.suppress(InputError), open_weights(path) as weights:
            for entry in weights.values():
                entry.digest()
