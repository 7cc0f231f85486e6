"""Workers of a Ray cluster: jobs are Ray's tasks, each with the processors and GPUs it declares.

A task hands its job to a worker's process like those of `archc.search.workers`, which stays for the
next task, so that time-outs and deaths mean the same here. What a lost machine was at is evaluated
on another. The study's folder has to be visible from all machines, under the same path.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archc.errors import ArchcError, CheckError, Diagnostic, MissingPackageError
from archc.search.evaluating import Setup
from archc.search.jobs import Job, Outcome, Parcel
from archc.search.worker import Broken
from archc.search.workers import Workers

RETRIES = 3  # machines that may be lost under one job
POLL = 0.5  # seconds
PATIENCE = 10.0  # seconds in which a cluster has to answer


@dataclass(eq=False)
class RayWorkers:
    """A crew on the machines of a cluster: so many jobs at a time; without a number all it can."""

    setup: Setup
    address: str
    count: int | None
    threads: int = 1
    gpus: float = 0.0
    timeout: float | None = None
    jobs: dict[Any, Parcel] = field(default_factory=dict)  # by Ray's reference to the outcome

    def __post_init__(self) -> None:
        ray = connected(self.address)
        self.room = self.count or max(1, int(ray.cluster_resources().get("CPU", 1)) // self.threads)
        self.given = ray.put(self.setup)
        self.task = ray.remote(evaluate).options(
            num_cpus=self.threads, num_gpus=self.gpus, max_retries=RETRIES, name="archc.evaluate"
        )

    @property
    def free(self) -> bool:
        return len(self.jobs) < self.room

    def give(self, job: Job) -> None:
        parcel = Parcel.of(job)
        places = [str(Path.cwd()), *sys.path]
        task = self.task.remote(self.given, places, self.threads, self.timeout, parcel)
        self.jobs[task] = parcel

    def wait(self, seconds: float) -> Sequence[Outcome]:
        import ray

        done, _ = ray.wait(list(self.jobs), timeout=seconds)
        return [self._outcome(one, self.jobs.pop(one)) for one in done]

    def _outcome(self, reference: Any, parcel: Parcel) -> Outcome:
        """What a task came to. Raises what made an evaluator impossible."""
        import ray

        try:
            found = ray.get(reference)
        except ray.exceptions.RayError as error:
            why = f"Ray: {type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
            return Outcome(parcel.number, None, 0.0, why, str(error))
        if isinstance(found, Broken):
            raise found.kind(found.diagnostics)
        assert isinstance(found, Outcome)
        return found

    def close(self) -> None:
        import ray

        for one in self.jobs:
            ray.cancel(one, force=True)
        self.jobs = {}
        ray.shutdown()


def connected(address: str) -> Any:
    """Ray, connected. Raises CheckError E863, MissingPackageError E510."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        missing, help = "this needs the package 'ray'", 'pip install "archc-compiler[ray]"'
        raise MissingPackageError([Diagnostic("E510", missing, help=help)]) from error
    try:
        answers(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, ValueError, RuntimeError) as error:
        what = f"there is no Ray cluster at {address}: {str(error).partition(chr(10))[0]}"
        raise CheckError.of("E863", what, help="ray start --head; then --ray auto") from error
    return ray


def answers(address: str) -> None:
    """Raises OSError where nobody answers at `[ray://]HOST:PORT`: Ray itself asks for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()


# ---- on the machines


CREWS: dict[tuple[str, str], Workers] = {}  # of this process, Ray's: the last, by study and GPUs


def evaluate(
    setup: Setup, places: list[str], threads: int, timeout: float | None, parcel: Parcel
) -> Outcome | Broken:
    """The task: one job, by this process's own worker. What ends a search comes back as Broken.

    `places` is where the coordinator finds its modules, the scoring ones among them.
    """
    key = (setup.path.as_posix(), os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    try:
        if not setup.path.exists():
            what = f"{platform.node()} has no {setup.path}"
            raise CheckError.of("E863", what, help="a study for Ray lies where all machines see it")
        sys.path += [place for place in places if place not in sys.path]
        if key not in CREWS:
            for one in CREWS.values():  # a GPU's memory is another process's now
                one.close()
            CREWS.clear()
            CREWS[key] = Workers(setup, 1, threads, timeout)
        CREWS[key].give(parcel.job(setup.path))
        while True:
            for outcome in CREWS[key].wait(POLL):
                return outcome
    except ArchcError as error:
        return Broken(type(error), error.diagnostics)
