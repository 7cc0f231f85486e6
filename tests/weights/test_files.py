"""Files written aside and renamed, whatever happens meanwhile."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys

import pytest

from archc import files
from archc.errors import InputError
from archc.init import Init
from archc.weights import initial


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
