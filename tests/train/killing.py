"""Trainings in processes of their own, which can be killed at any moment.

The processes are forked from one that has imported everything, so that each begins at once.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from archc.safetensors import read

PRELOAD = [
    "train.killing", "archc_train.phases", "archc_train.training", "archc_train.sampling",
    "archc_torch.instance", "torch._dynamo", "torchmetrics", "torch.utils.tensorboard",
    "sklearn.datasets", "kornia.augmentation",
]  # fmt: skip
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(PRELOAD)
Death = tuple[str, int]  # how, and at the how manieth chance


def begun(spec: Path, run: Path, death: Death | None = None) -> BaseProcess:
    """A process that trains into a run, or goes on with it if it is there."""
    process = SERVER.Process(target=go, args=(str(spec), str(run), death))
    process.start()
    return process


def warm() -> None:
    """Imports everything, before somebody looks at the clock."""
    process = SERVER.Process(target=int)
    process.start()
    process.join()


def done(process: BaseProcess) -> int:
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def go(spec: str, run: str, death: Death | None) -> None:
    """The process itself."""
    import torch

    import archc_train
    from archc_train import keeper

    torch.set_num_threads(1)
    keeper.draw = lambda run: None
    if death is not None:
        doom(*death)
    if (Path(run) / "run.json").exists():
        archc_train.resume(Path(run), device="cpu")
    else:
        archc_train.start(spec, folder=Path(run), device="cpu")


# ---- ways to die


def doom(how: str, chance: int) -> None:
    """Lets the process die: `half` way through a file or a line of the log, or just `before` or
    `after` a finished file takes its place."""
    left = [chance]

    def now() -> bool:
        left[0] -= 1
        return left[0] < 0

    opened, replaced = Path.open, Path.replace

    def open_(self: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if how == "half" and mode in ("xb", "a") and now():
            return Dying(self, mode.removesuffix("b"))
        return opened(self, mode, *more, **options)

    def replace(self: Path, target: Path) -> Path:
        last = how in ("before", "after") and now()
        if last and how == "before":
            die()
        found = replaced(self, target)
        if last:
            die()
        return found

    Path.open, Path.replace = open_, replace


class Dying(io.FileIO):
    """A file of which half of the first piece is written."""

    def write(self, data: Any) -> int:
        piece = data.encode() if isinstance(data, str) else bytes(data)
        super().write(piece[: len(piece) // 2])
        die()
        return 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after(process: BaseProcess, seconds: float) -> None:
    time.sleep(seconds)
    process.kill()
    process.join(60)


# ---- what a run holds


def result(run: Path) -> dict[str, Any]:
    """All that has to be the same: weights, and the log but for its times."""
    found: dict[str, Any] = {}
    for name in ("weights.safetensors", "best.safetensors"):
        with read(run / name) as entries:
            found[name] = {key: entry.array().tobytes() for key, entry in entries.items()}
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        del line["time"]
    return {**found, "log": lines}


# ---- the command line, in such a process


def command(
    arguments: list[str], said: Path, *, most: int | None = None, slow: float = 0.0
) -> BaseProcess:
    """`archc ARGUMENTS…`; what it says goes to a file.

    No file may have more than `most` bytes; every turn takes some seconds more if it is `slow`.
    """
    process = SERVER.Process(target=run_command, args=(arguments, str(said), most, slow))
    process.start()
    return process


def run_command(arguments: list[str], said: str, most: int | None, slow: float) -> None:
    import resource

    import torch

    from archc.cli.main import main
    from archc_train import keeper
    from archc_train.loop import Loop

    torch.set_num_threads(1)
    keeper.draw = lambda run: None
    next_turn = Loop.next_turn

    def slowly(self: Loop) -> Any:
        time.sleep(slow)
        return next_turn(self)

    if slow:
        Loop.next_turn = slowly
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    with Path(said).open("w", encoding="utf-8") as told:
        sys.stdout = sys.stderr = told
        code = main(arguments)
    os._exit(code)


def team(
    arguments: list[str], folder: Path, count: int = 2, asked: Mapping[str, str] | None = None
) -> list[BaseProcess]:
    """`archc ARGUMENTS…` in several processes, as a launcher starts them and `asked` it to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(count):
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
        given = {**told, "MASTER_ADDR": "127.0.0.1", "ACCELERATE_USE_CPU": "true", **(asked or {})}
        process = SERVER.Process(
            target=run_member, args=(arguments, str(folder / f"said.{rank}"), given)
        )
        process.start()
        processes.append(process)
    return processes


def run_member(arguments: list[str], said: str, given: dict[str, Any]) -> None:
    os.environ.update({name: str(value) for name, value in given.items()})
    run_command(arguments, said, None, 0.0)


def until(there: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)
