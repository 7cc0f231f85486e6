"""NumPy archives: read when asked for, and refused when hostile."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from weights.samples import arrays_of_every_type, refusal

from archc.errors import InputError
from archc.weights import open_weights


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
