"""Builds and exports that are killed, each at another of the moments when it touches the disk.

    python killed.py FOLDER build|export MOST

Prints what each left behind, one JSON object a line: {"at": the moment, "done": whether it came to
its end, "files": {name: "old", "new" or "other"}}. MOST moments are tried, spread evenly, and the
last ones. The interpreter tells when a file is opened, written or renamed, so every moment can be
met.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import archc
import archc_onnx
from archc.build import build

MOMENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
WRITES = ("write", "flush", "copy_file_range")
LAST = 8  # the moments at the end, when files get their final names, are all tried
Contents = dict[str, bytes]


def main() -> None:
    folder, what, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    old, new = archc.compile("lenet5", set={"classes": 7}), archc.compile("lenet5")
    make(what, old, folder / "old")
    make(what, new, folder / "new")
    wanted = {"old": contents(folder / "old"), "new": contents(folder / "new")}
    total = moments(folder, what, new)
    spread = {1 + k * total // most for k in range(most)}
    for k, at in enumerate(sorted(spread | set(range(max(1, total + 2 - LAST), total + 2)))):
        target = folder / f"at{at}"
        shutil.copytree(folder / "old", target)
        done = killed(what, new, target, at)
        files = {name: judged(name, data, wanted) for name, data in contents(target).items()}
        again = None
        if what == "build" and k % 4 == 1:
            for path in target.glob(".building-*"):
                os.utime(path, (0, 0))
            build(new, target, check=False)
            again = sorted(path.name for path in target.iterdir())
        print(json.dumps({"at": at, "done": done, "files": files, "again": again}), flush=True)
        shutil.rmtree(target)


def make(what: str, program: archc.Program, folder: Path) -> None:
    if what == "build":
        build(program, folder, check=False)
        return
    folder.mkdir(exist_ok=True)
    archc_onnx.export(program, folder / "model.onnx")


def moments(folder: Path, what: str, program: archc.Program) -> int:
    """How many moments there are."""
    shutil.copytree(folder / "old", folder / "counted")
    reader, writer = os.pipe()
    if os.fork() == 0:
        seen = [0]

        def count() -> None:
            seen[0] += 1

        at_every_moment(count)
        make(what, program, folder / "counted")
        os.write(writer, str(seen[0]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.wait()
    return int(told)


def at_every_moment(call: Callable[[], None]) -> None:
    """Calls the function before a file is opened, written to, renamed or removed."""

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in MOMENTS:
            call()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__name__ in WRITES:
            call()

    sys.addaudithook(audit)
    sys.setprofile(profile)


def killed(what: str, program: archc.Program, folder: Path, at: int) -> bool:
    """Whether the work came to its end although it was to be killed at that moment."""
    child = os.fork()
    if child == 0:
        rest = [at]

        def count() -> None:
            rest[0] -= 1
            if rest[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        at_every_moment(count)
        make(what, program, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def contents(folder: Path) -> Contents:
    """The files with final names."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        path.as_posix(): (folder / path).read_bytes()
        for path in paths
        if not path.parts[0].startswith(".")
    }


def judged(name: str, data: bytes, wanted: dict[str, Contents]) -> str:
    return next((one for one, files in wanted.items() if files.get(name) == data), "other")


if __name__ == "__main__":
    main()
