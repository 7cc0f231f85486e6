"""Writing files so that a reader never sees half of one, and copying without holding a file."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from archc.errors import ArchcError, InputError

_DAY = 24 * 3600  # seconds
_PIECE = 4 << 20  # bytes held at a time where the kernel does not copy by itself
_MOST = 1 << 30  # bytes asked of the kernel in one call, so that a signal gets its turn
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
# What copy_file_range answers where it could have worked elsewhere: another file system, a kind of
# file that it does not know, a kernel or a sandbox without it.
_ELSEWHERE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


@contextmanager
def replacing(
    path: str | Path, size: int | None = None, *, durable: bool = False
) -> Iterator[BinaryIO]:
    """A binary file, written from its beginning, that becomes `path` when the block ends well.

    Until then `path` is untouched, and if the block raises it stays so. What is written lies beside
    it, in `.NAME.RANDOM.part`; a killed process can leave that behind. `size` is how many bytes
    are coming, where that is known. With `durable` a power failure does no harm either, at the
    price of waiting for the disk: for what cannot be made again. InputError E520 if the disk has
    no room, E521 if the place cannot be written to.
    """
    target = Path(path).resolve()  # a link stays a link: what it points to is replaced
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        _check(target, size)
        file = part.open("xb")
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        with file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        # Other errors of the system may be about another file, which the caller knows.
        if isinstance(error, OSError) and (
            error.errno in (*_FULL, errno.EFBIG) or str(error.filename) == str(part)
        ):
            raise _unwritable(target, error) from error
        raise
    if durable:
        _sync_directory(target.parent)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """While the block runs, or until its process is gone, the folder is not `abandoned`."""
    handle = None
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)  # Windows opens no directories
        _lock(handle)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """While the block runs, or until its process is gone, nobody else enters such a block.

    BlockingIOError where somebody is in it. Where folders cannot be held nobody is kept out.
    """
    handle = None
    try:
        try:
            handle = os.open(folder, os.O_RDONLY)
            _lock(handle)
        except BlockingIOError:
            raise
        except OSError:  # no locks on this file system, or on Windows
            pass
        yield
    finally:
        if handle is not None:
            os.close(handle)


def abandoned(folder: Path) -> bool:
    """Whether no process holds the folder any more; where that cannot be asked, after a day."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return time.time() - folder.stat().st_mtime > _DAY
    try:
        _lock(handle)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _lock(handle: int) -> None:
    """Takes hold of an open file; the kernel lets go of it when the process ends, however it does.

    OSError if another process has it, or nothing can be held here.
    """
    try:
        import fcntl
    except ModuleNotFoundError as error:
        raise OSError(errno.ENOSYS, "no locks here") from error
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def copy_range(source: int, target: int, offset: int, length: int) -> None:
    """Append `length` bytes at `offset` of one open file to another, both given by descriptor.

    The bytes go where `target` stands; flush a buffered writer first. They stay inside the kernel
    where it can do that, and pass through a small buffer where not. OSError if `source` ends
    early. The position of `source` may change.
    """
    done = _copy_in_kernel(source, target, offset, length)
    while done < length:
        piece = _read_at(source, min(_PIECE, length - done), offset + done)
        if not piece:
            raise OSError(errno.EIO, f"the file ends {length - done} bytes early")
        done += len(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(target, rest) :]


def _copy_in_kernel(source: int, target: int, offset: int, length: int) -> int:
    """As many of the bytes as the kernel copies by itself."""
    copy = getattr(os, "copy_file_range", None)  # Linux alone has it
    done = 0
    while copy is not None and done < length:
        try:
            copied = copy(source, target, min(_MOST, length - done), offset + done)
        except OSError as error:
            if error.errno in _ELSEWHERE:
                break
            raise
        if copied == 0:  # the end of the file, or a file that only says so: reading will tell
            break
        done += copied
    return done


def _read_at(file: int, count: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, count, offset)
    os.lseek(file, offset, os.SEEK_SET)  # Windows
    return os.read(file, count)


def _unwritable(target: Path, error: OSError) -> ArchcError:
    if error.errno in _FULL:
        return InputError.of("E520", f"the disk is full: {target} was not written")
    return InputError.of("E521", f"{target} cannot be written: {error.strerror or error}")


def _check(target: Path, size: int | None) -> None:
    """InputError if `target` is no place for a file, or there is no room for `size` bytes."""
    if not target.parent.is_dir():
        raise InputError.of(
            "E521",
            f"{target} cannot be written: there is no directory {target.parent}",
            help="make the directory first",
        )
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        # A device or a directory: a file must not take its place.
        raise InputError.of("E521", f"{target} cannot be written: it is not a regular file")
    free = shutil.disk_usage(target.parent).free
    if size is not None and size > free:
        raise InputError.of(
            "E520",
            f"the disk is full: {target} needs {size:,} bytes, and {free:,} are free",
        )


def _sync_directory(directory: Path) -> None:
    """Let the new name survive a loss of power too, where a directory can be synchronised."""
    with suppress(OSError):  # Windows opens no directories, and some file systems refuse
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
