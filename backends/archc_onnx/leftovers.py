"""What a process that was killed while it wrote a model leaves beside it, and its removal.

`archc.files.replacing` writes under hidden names that end in a random part. Such a file is locked
while it is written, and the lock goes with the process: what has none can be removed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

_PART: Final = r"\.[0-9a-f]{12}\.part"


def remove_abandoned(model: Path) -> None:
    """Removes the unfinished files of the model at this path that no process is writing."""
    name = re.escape(model.name)
    for file in siblings(model, rf"\.{name}{_PART}|\.\.{name}{_PART}{_PART}"):
        if _is_abandoned(file):
            remove([file])


def siblings(path: Path, pattern: str) -> list[Path]:
    """The files beside `path` whose names match the whole pattern; none if there is no folder."""
    with suppress(OSError):
        return sorted(f for f in path.parent.iterdir() if re.fullmatch(pattern, f.name))
    return []


def remove(files: Iterable[Path]) -> None:
    """Removes the files that it can: on Windows one that is open stays, until the next write."""
    for file in files:
        with suppress(OSError):
            file.unlink()


if sys.platform == "win32":

    def lock(file: BinaryIO) -> None:
        """Nothing to do: a file that is open cannot be removed."""

    def _is_abandoned(file: Path) -> bool:
        return True

else:
    import fcntl

    def lock(file: BinaryIO) -> None:
        """Marks the file as being written, for as long as it is open and the process lives."""
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _is_abandoned(file: Path) -> bool:
        try:
            with file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
