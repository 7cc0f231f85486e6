"""Pickles are refused; PyTorch's files go to its loader; others are told what is taken."""

from __future__ import annotations

import pickle
import re
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from weights.samples import refusal

from archc.errors import MissingPackageError
from archc.weights import open_weights


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
