"""Weights: read from hostile files, written as a stream, matched by name."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import pickle
import random as chance
import re
import signal
import stat
import struct
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from archc import files
from archc.errors import InputError, MissingPackageError
from archc.init import Init
from archc.matching import Rules, Wanted, captures, match
from archc.place import Place, Source
from archc.safetensors import write_safetensors
from archc.weights import Entry, initial, open_weights


def arrays_of_every_type():
    """One small array of each type that numpy has, an odd number of bytes among them."""
    rng = np.random.default_rng(0)
    types = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    arrays = {f"a.{t}": rng.integers(0, 2, (3, 5)).astype(t) for t in types}
    return {**arrays, "scalar": np.float32(3.5), "empty": np.zeros((0, 4), np.float32)}


def entries(mapping):
    return open_weights(mapping).values()


def refusal(source, code="E503", **keywords):
    """The text of the error with which a source is refused, which has the code."""
    with pytest.raises(InputError) as error, open_weights(source, **keywords):
        pass
    assert [d.code for d in error.value.diagnostics] == [code]
    return str(error.value)


# ---- mappings


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


# ---- safetensors


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


# ---- numpy archives


def test_arrays_of_an_archive_are_read_when_asked_for(tmp_path):
    arrays = {n: np.asarray(a) for n, a in arrays_of_every_type().items()}
    arrays["fortran"] = np.asfortranarray(np.arange(12).reshape(3, 4))
    arrays["big"] = np.arange(5, dtype=">f4")
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "w.npz", **arrays)
        with open_weights(tmp_path / "w.npz") as weights:
            assert weights.keys() == arrays.keys()
            for name, array in arrays.items():
                assert weights[name].shape == array.shape
                assert weights[name].dtype == array.dtype.name
                assert np.array_equal(weights[name].array(), array)
                little = array.astype(array.dtype.newbyteorder("<"))
                assert b"".join(weights[name].chunks(16)) == little.tobytes()


def npy(header, data=b""):
    text = repr(header).encode() if isinstance(header, dict) else header
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def plain(descr="<f4", shape=(2,), fortran=False):
    return {"descr": descr, "fortran_order": fortran, "shape": shape}


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        (npy(plain("|O"), b"\0" * 8), "holds Python objects"),
        (npy(plain([("a", "|O")]), b"\0" * 8), "holds Python objects"),
        (npy(plain([("a", "<f4")]), b"\0" * 8), "holds the type [('a', '<f4')]"),
        (npy(plain("<U2"), b"\0" * 8), "holds the type '<U2'"),
        (npy(plain("(2,)<f4"), b"\0" * 8), "holds the type '(2,)<f4'"),
        (npy(plain("<c8"), b"\0" * 16), "holds the type '<c8'"),
        (npy(plain("<u4"), b"\0" * 8), "has the type uint32"),
        (npy(plain(shape=(10**9, 10**9)), b"\0" * 8), "does not have the size"),
        (npy(plain(shape=(3,)), b"\0" * 8), "does not have the size"),
        (npy(plain(shape=(-2,)), b"\0" * 8), "has the shape (-2,)"),
        (npy(plain(shape=(2.0,)), b"\0" * 8), "has the shape (2.0,)"),
        (npy(plain(shape=(2**64, 0))), "has the shape"),
        (npy(plain(shape=(1,) * 33), b"\0" * 4), "laid out"),
        (npy(plain(fortran=1), b"\0" * 8), "laid out"),
        (npy({"descr": "<f4"}), "has a header that cannot be read"),
        (npy(b"__import__('os').abort()"), "has a header that cannot be read"),
        (npy(b"(" * 9000), "has a header that cannot be read"),
        (npy(b"-" * 9000 + b"1"), "has a header that cannot be read"),
        (npy(b" " * 20_000), "has a header of 20,000 bytes"),
        (pickle.dumps([1]), "is no numpy array"),
        (b"", "is no numpy array"),
        (b"\x93NUMPY\x01", "is no numpy array"),
        (b"\x93NUMPY\x09\x00\x00\x00", "is no numpy array"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, member, complaint):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", member)
    assert complaint in refusal(path)


def test_an_archive_of_objects_is_never_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.abort, ()

    np.savez(tmp_path / "w.npz", w=np.array([Bomb()], object))
    assert "holds Python objects" in refusal(tmp_path / "w.npz")


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", npy(plain(shape=(2**22,)), b"\0" * 2**24))
    content = path.read_bytes()
    actual = struct.pack("<L", 2**24 + len(npy(plain(shape=(2**22,)))))
    assert content.count(actual) == 2  # in the member's own header and in the directory
    path.write_bytes(content.replace(actual, struct.pack("<L", 2**32 - 1)))
    assert "claims more bytes than it can unpack to" in refusal(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("w.npy", npy(plain(), b"\0" * 8))
    assert "compressed in a way" in refusal(path)


def test_damage_inside_an_array_is_seen_when_it_is_read(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, w=np.arange(9000))  # more than is read ahead with the header
    path.write_bytes(path.read_bytes().replace(struct.pack("<q", 8000), struct.pack("<q", 8001)))
    with open_weights(path) as weights, pytest.raises(InputError, match="CRC"):
        weights["w"].array()


# ---- pickles, PyTorch's files, and whatever else


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.npz", "w"])
def test_a_pickle_is_refused_under_any_name(tmp_path, protocol, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"w": [1.0]}, protocol))
    assert "is a Python pickle, which can run any code" in refusal(path)


@pytest.mark.parametrize(
    "content", [pickle.dumps({"w": 1}, 0), b"\x89HDF\r\n\x1a\n" + b"\0" * 99, b"x" * 99, b"{" * 99]
)
def test_what_is_unknown_is_refused_with_what_is_accepted(tmp_path, content):
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    assert "weights are read from .safetensors files" in refusal(path)


def test_what_is_no_file_is_said_to_be_none(tmp_path):
    assert "cannot be opened: No such file" in refusal(tmp_path / "none.npz", "E500")
    assert "is not a file" in refusal(tmp_path, "E500")
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("readme.txt", "")
    assert "holds no weights" in refusal(tmp_path / "w.npz")
    (tmp_path / "w.pt").write_bytes((tmp_path / "w.npz").read_bytes()[:-5])
    assert "is a damaged archive" in refusal(tmp_path / "w.pt")


def saved_by_torch(path, **keywords):
    torch = pytest.importorskip("torch")
    state = {"w": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.bfloat16)}
    torch.save(state, path, **keywords)
    return lambda path: torch.load(path, weights_only=True, mmap=True, map_location="cpu")


def test_a_pytorch_file_is_read_by_the_loader(tmp_path):
    path = tmp_path / "w.anything"
    loader = saved_by_torch(path)
    with open_weights(str(path), loader=loader) as weights:
        assert weights["w"].array().tolist() == [[0, 1, 2], [3, 4, 5]]
        assert weights["b"].type == "bfloat16[3]"
        assert weights.name == str(path)


def test_a_pytorch_file_that_needs_code_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    loader = saved_by_torch(tmp_path / "w.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    assert "cannot be read by PyTorch: Weights only load failed" in refusal(
        tmp_path / "module.pt", loader=loader
    )


def test_files_of_old_pytorch_reach_no_loader(tmp_path):
    def loader(path):
        raise AssertionError

    saved_by_torch(tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    assert "is a Python pickle" in refusal(tmp_path / "w.pt", loader=loader)
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:  # as torch.jit.save lays it out
        for name in ("data.pkl", "version", "code/__torch__.py"):
            archive.writestr(f"m/{name}", "")
    assert "is a TorchScript program" in refusal(tmp_path / "w.pt", loader=loader)


def test_the_loader_is_found_by_its_entry_point(tmp_path, monkeypatch):
    path = tmp_path / "w.pt"
    saved_by_torch(path)

    def missing():
        raise ModuleNotFoundError("No module named 'torch'")

    def points(group, name):
        assert (group, name) == ("archc.checkpoints", "pt")
        return found.pop()

    monkeypatch.setattr("archc.checkpoint.entry_points", points)
    found = [[SimpleNamespace(load=lambda: lambda path: {"w": np.zeros(2)})]]
    assert open_weights(path)["w"].type == "float64[2]"
    for points_there in (
        [],
        [SimpleNamespace(load=missing)],
        [SimpleNamespace(load=lambda: lambda path: missing())],
    ):
        found.append(points_there)
        with pytest.raises(MissingPackageError, match=re.escape('"archc-compiler[torch]"')):
            open_weights(path)


# ---- rules


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("a.b", "a.b", ()),
        ("a.b", "a.bc", None),
        ("*", "", ("",)),
        ("*", "a.b", ("a.b",)),
        ("module.*", "module.a.b", ("a.b",)),
        ("*.weight", "a.weight.weight", ("a.weight",)),
        ("a.*.c.*", "a.b.c.d.c.e", ("b", "d.c.e")),
        ("a*a", "a", None),
        ("a*a", "aa", ("",)),
        ("*.x.*", "a.x", None),
        ("[ab]?", "a", None),
        ("*" + "a*" * 30 + "b", "a" * 5000, None),
    ],
)
def test_stars_stand_for_any_text(pattern, name, found):
    assert captures(pattern, name) == found


def test_captures_agree_with_a_regular_expression():
    rng = chance.Random(1)
    for _ in range(3000):
        pattern = "".join(rng.choices("ab*", k=rng.randint(0, 5)))
        name = "".join(rng.choices("ab", k=rng.randint(0, 6)))
        expected = re.fullmatch("(.*?)".join(map(re.escape, pattern.split("*"))), name)
        assert captures(pattern, name) == (expected.groups() if expected else None)


def test_a_rename_puts_what_was_found_in_place_of_the_stars():
    rules = Rules(rename=(("module.*", "*"), ("h.*.attn.*", "layers.*.attention.*")))
    assert rules.renamed("module.h.0.attn.w") == "h.0.attn.w"  # the first that matches, once
    assert rules.renamed("h.0.attn.w") == "layers.0.attention.w"
    assert rules.renamed("wte") == "wte"
    with pytest.raises(ValueError, match="different numbers"):
        Rules(rename=(("a.*", "b"),))


# ---- matching


def stored(**arrays):
    return open_weights({name.replace("__", "."): array for name, array in arrays.items()})


F32 = np.float32


def codes(error):
    return {d.code: d for d in error.value.diagnostics}


def test_weights_of_the_same_names_match_as_they_are():
    weights = stored(a=np.ones((2, 3), F32), b=np.arange(3))
    found = match(weights, [Wanted("b", "int64", (3,)), Wanted("a", "float32", (2, 3))])
    assert found == {"b": found["b"], "a": found["a"]}
    assert found["a"].array().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_rules_ignore_rename_and_transpose():
    rules = Rules(ignore=("*.index",), rename=(("model.*", "*"),), transpose=("fc.*",))
    kernel = np.arange(6, dtype=F32).reshape(2, 3)
    weights = stored(
        model__fc__weight=kernel,
        model__fc__bias=np.zeros(3, F32),
        model__a__index=np.zeros(9),
        model__bn__num_batches_tracked=np.int64(7),
    )
    wanted = [Wanted("fc.weight", "float32", (3, 2)), Wanted("fc.bias", "float32", (3,))]
    found = match(weights, wanted, rules)
    assert [entry.name for entry in found.values()] == ["fc.weight", "fc.bias"]
    assert np.array_equal(found["fc.weight"].array(), kernel.T)
    assert b"".join(found["fc.weight"].chunks(4)) == kernel.T.tobytes()


@pytest.mark.parametrize("given", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("wanted", ["float16", "bfloat16", "float32", "float64"])
def test_floating_types_are_converted(given, wanted):
    entry = initial("w", given, (40, 7), Init("normal"), 0)
    found = match(open_weights({"w": entry}), [Wanted("w", wanted, (40, 7))])["w"]
    assert found.dtype == wanted
    again = open_weights({"w": found})["w"].converted("float64").array()
    assert np.allclose(again, entry.converted("float64").array(), rtol=2**-7)
    assert b"".join(found.chunks(100)) == found.array().tobytes()


def test_a_value_that_does_not_fit_is_an_error_when_read():
    entry = stored(w=np.array([1e6], F32))["w"].converted("float16")
    with pytest.raises(InputError, match="w: float16 cannot hold") as error:
        list(entry.chunks())
    assert codes(error).keys() == {"E505"}


def test_all_differences_are_reported_at_once():
    source = Source("net.yaml", "graph:\n  - linear: 3\n")
    weights = stored(
        a=np.zeros((2, 3), F32), b=np.zeros(3, np.int32), t=np.zeros(2, F32), u=np.ones(2, F32),
        old__c=np.zeros(1, F32), more=np.zeros(1, F32),
    )  # fmt: skip
    wanted = [
        Wanted("a", "float32", (3, 2), place=Place(source, 2, 5)),
        Wanted("b", "float32", (3,)),
        Wanted("c", "float32", (1,)),
        Wanted("d", "float32", (1, 2)),
        Wanted("t", "float32", (2,), aliases=("u", "v")),
    ]
    with pytest.raises(InputError) as error:
        match(weights, wanted)
    found = codes(error)
    assert list(found) == ["E501", "E502", "E504", "E505", "E506"]
    assert found["E501"].message == "the given weights: 2 weights are missing"
    assert found["E501"].notes == ("c float32[1]", "d float32[1, 2]")
    assert '{rename: {"old.*": "*"}}' in found["E501"].help
    assert found["E502"].notes == ("old.c float32[1]", "more float32[1]")
    assert found["E504"].notes == ("a: stored [2, 3], wanted a float32[3, 2] (net.yaml:2:5)",)
    assert "transpose: [a]" in found["E504"].help
    assert found["E504"].message == "the given weights: a weight has the wrong shape"
    assert found["E505"].notes == ("b: stored int32, wanted b float32[3]",)
    assert found["E506"].notes == ("u is tied to t",)


def test_without_strictness_what_is_there_and_fits_is_taken():
    weights = stored(a=np.zeros(2, F32), more=np.zeros(1, F32))
    wanted = [Wanted("a", "float32", (2,)), Wanted("b", "float32", (2,))]
    assert list(match(weights, wanted, strict=False)) == ["a"]
    with pytest.raises(InputError, match="E504"):
        match(weights, [Wanted("a", "float32", (3,))], strict=False)


def test_a_tied_weight_may_be_stored_once_under_either_name_or_twice():
    table = np.ones((4, 2), F32)
    wanted = [Wanted("wte", "float32", (4, 2), aliases=("head",))]
    for weights in (stored(wte=table), stored(head=table), stored(wte=table, head=table.copy())):
        found = match(weights, wanted)
        assert found["wte"].name == "wte"
        assert np.array_equal(found["wte"].array(), table)
    half = stored(wte=table, head=table.astype(np.float16))
    assert match(half, wanted)["wte"].dtype == "float32"


def test_two_stored_weights_for_one_are_an_error():
    weights = stored(a=np.zeros(1, F32), m__a=np.zeros(1, F32))
    with pytest.raises(InputError, match=r"a and m\.a both give a") as error:
        match(weights, [Wanted("a", "float32", (1,))], Rules(rename=(("m.*", "*"),)))
    assert codes(error).keys() == {"E507"}


# ---- files


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with files.replacing(path, 3) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail():
        with files.replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    code = f"""
import os, signal
from archc.files import replacing
with replacing({str(path)!r}) as file:
    file.write(b"new" * 10**6)
    file.flush()
    os.kill(os.getpid(), {int(signal.SIGTERM)})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode != 0
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"E520.*disk is full.* needs .* bytes, and .* are free"):
        files.replacing(tmp_path / "f", 2**62).__enter__()
    assert not [*tmp_path.iterdir()]


def test_a_disk_that_fills_up_is_said_too(tmp_path):
    def fill(number):
        with files.replacing(tmp_path / "f") as file:
            file.write(b"new")
            raise OSError(number, os.strerror(number))

    with pytest.raises(InputError, match="E520"):
        fill(errno.ENOSPC)
    with pytest.raises(OSError, match="Input/output"):
        fill(errno.EIO)
    assert not [*tmp_path.iterdir()]


def test_a_place_that_takes_no_file_is_named(tmp_path):
    for path in (tmp_path / "none" / "f", tmp_path):
        with pytest.raises(InputError, match="E521"):
            files.replacing(path).__enter__()
    if os.name == "posix":
        with pytest.raises(InputError, match="is not a regular file"):
            files.replacing("/dev/null").__enter__()


@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
def test_a_link_and_the_permissions_stay(tmp_path):
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with files.replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def broken(number):
    def copy(*_):
        raise OSError(number, os.strerror(number))

    return copy


COPIERS = {
    "the kernel": None,
    "no such call": "absent",
    "another file system": broken(errno.EXDEV),
    "an old kernel": broken(errno.ENOSYS),
    "a file that says it has ended": lambda *_: 0,
}


@pytest.mark.parametrize("copier", COPIERS)
def test_a_range_is_copied_by_whatever_works(tmp_path, monkeypatch, copier):
    if COPIERS[copier] == "absent":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    elif COPIERS[copier] is not None:
        monkeypatch.setattr(os, "copy_file_range", COPIERS[copier], raising=False)
    monkeypatch.setattr(files, "_PIECE", 1000)
    data = bytes(range(256)) * 40
    (tmp_path / "source").write_bytes(data)
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("wb") as target:
        target.write(b"head")
        target.flush()
        files.copy_range(source.fileno(), target.fileno(), 100, 5000)
        files.copy_range(source.fileno(), target.fileno(), 7, 3)
        target.write(b"tail")
        target.flush()
        with pytest.raises(OSError, match="ends 100 bytes early"):
            files.copy_range(source.fileno(), target.fileno(), len(data) - 50, 150)
    written = (tmp_path / "target").read_bytes()
    assert written[: 4 + 5000 + 3 + 4] == b"head" + data[100:5100] + data[7:10] + b"tail"


def test_writing_holds_only_pieces(tmp_path):
    """A weight made while it is written is never whole in memory."""
    entry = initial("w", "float32", (4_000_000,), Init("uniform"), 0)
    sizes = [len(chunk) for chunk in entry.chunks(1 << 20)]
    assert sum(sizes) == entry.nbytes
    assert max(sizes) == 1 << 20
    assert isinstance(next(iter(entry.chunks())), memoryview)
    assert io.BytesIO().write(next(iter(entry.chunks()))) == 1 << 22
