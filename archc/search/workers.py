"""Workers: evaluation in this process, or in processes of its own that may die.

A worker that dies is replaced, and what it was at is tried once more: a killed process says nothing
about its candidate. What kills two is recorded as failed.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from archc.errors import CheckError
from archc.search import group
from archc.search.evaluating import Setup, evaluated
from archc.search.jobs import Job, Outcome, Parcel
from archc.search.worker import (
    ALONE,
    DONE,
    READY,
    WAITS,
    Broken,
    Finished,
    one_on_this_machine,
    work,
)

TRIES = 2
GRACE = 5.0  # seconds in which a process that speaks no more has to end
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Here:
    """A crew of this process itself: for what takes no time, such as a table."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.evaluate = setup, setup.evaluator()
        self.job: Job | None = None
        self.paused = 0.0  # seconds for which the job waited for other searches

    @property
    def free(self) -> bool:
        return self.job is None

    def give(self, job: Job) -> None:
        self.job = job

    def wait(self, seconds: float) -> Sequence[Outcome]:
        job, self.job = self.job, None
        if job is None:
            return ()
        self.paused = 0.0
        outcome = evaluated(self.evaluate, job, self.setup, self.alone)
        return (replace(outcome, seconds=max(0.0, outcome.seconds - self.paused)),)

    @contextmanager
    def alone(self) -> Iterator[None]:
        asked = time.monotonic()
        with one_on_this_machine():
            self.paused += time.monotonic() - asked
            yield

    def close(self) -> None:
        self.job = None


@dataclass(eq=False, slots=True)
class Member:
    """A process, and what it is at since `began`.

    `paused` are the seconds of that in which it was suspended, or waited to be alone: while it
    `waits` for that, since `asked`.
    """

    process: SpawnProcess
    connection: Connection
    ready: bool = False
    parcel: Parcel | None = None
    tries: int = 0
    began: float = 0.0
    waits: bool = False
    asked: float = 0.0
    paused: float = 0.0

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid


@dataclass(eq=False)
class Workers:
    """A crew of processes, each with so many threads. `timeout` is in seconds, pauses left out."""

    setup: Setup
    count: int
    threads: int = 1
    timeout: float | None = None
    members: list[Member] = field(default_factory=list)
    asking: deque[Member] = field(default_factory=deque)  # to be alone
    quiet: bool = False  # whether the first of them is
    since: float = 0.0  # when it came to be
    stillborn: int = 0  # processes in a row that died before they were ready

    def __post_init__(self) -> None:
        self.members = [self._member() for _ in range(self.count)]

    def _member(self) -> Member:
        spawn = get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=work, args=(theirs, self.setup), daemon=False)
        with environment(dict.fromkeys(THREADS, str(self.threads))):
            process.start()
        theirs.close()
        return Member(process, ours)

    # ---- what a crew does

    @property
    def free(self) -> bool:
        """Whether one can be given work; none while one of them is alone: to ask computes, too."""
        return not self.asking and any(one.parcel is None for one in self.members)

    def give(self, job: Job) -> None:
        member = next(one for one in self.members if one.parcel is None)
        member.parcel, member.tries = Parcel.of(job), 0
        self._send(member)

    def wait(self, seconds: float) -> Sequence[Outcome]:
        connections = [one.connection for one in self.members]
        found = wait(connections, 0)
        if not found:  # what was heard before is told before anyone is alone: that computes, too
            self._quieten()
            found = wait(connections, self._patience(seconds))
        outcomes = [
            outcome
            for one in list(self.members)
            if one.connection in found and (outcome := self._heard(one)) is not None
        ]
        return [*outcomes, *self._overdue()]

    def close(self) -> None:
        for one in self.members:
            end(one)
        self.members, self.asking = [], deque()

    # ---- one member

    def _send(self, member: Member) -> None:
        """Sends a member what it is to do, once it is ready."""
        if member.parcel is None or not member.ready:
            return
        member.began, member.paused = time.monotonic(), 0.0
        member.tries += 1
        with suppress(ConnectionError):  # where it is gone, that will be heard
            member.connection.send(member.parcel)

    def _heard(self, member: Member) -> Outcome | None:
        """Takes what a member says, or that it is gone."""
        try:
            said = member.connection.recv()
        except (EOFError, OSError):  # it may die in the middle of a word
            return self._lost(member)
        if isinstance(said, Broken):
            raise said.kind(said.diagnostics)
        if said == READY:
            member.ready, self.stillborn = True, 0
            if self.quiet:
                group.suspend(member.pid)
            self._send(member)  # last: what it is given while suspended begins when it goes on
        elif said == WAITS:
            member.waits, member.asked = True, time.monotonic()
        elif said == ALONE:
            self.asking.append(member)
        elif said == DONE:
            self._leave(member)
        else:
            assert isinstance(said, Finished)
            member.parcel = None
            return replace(said.outcome, seconds=said.at - member.began - member.paused)
        return None

    def _lost(self, member: Member) -> Outcome | None:
        """Replaces a member that died; what it was at is tried again, or has failed."""
        member.process.join(GRACE)
        code = member.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if not member.ready:
            self.stillborn += 1
            if self.stillborn > TRIES:
                help = "-v says more; --workers 0 evaluates in this process, and shows what fails"
                raise CheckError.of("E863", f"workers die as they begin: {how}", help=help)
        killed = code is not None and code < 0
        why = f"its worker died ({how}), twice"
        why += "; most often there is not enough memory" if killed else ""
        return self._replace(member, why, again=member.tries < TRIES)

    def _overdue(self) -> Iterator[Outcome]:
        """Ends who takes too long."""
        for one in list(self.members):
            if self._left(one) <= 0:
                why = f"it took longer than {self.timeout:.6g} s"
                outcome = self._replace(one, why, again=False)
                assert outcome is not None
                yield outcome

    def _replace(self, member: Member, why: str, again: bool) -> Outcome | None:
        end(member)
        fresh = self._member()
        self.members[self.members.index(member)] = fresh
        self._leave(member)
        if member.parcel is None:
            return None
        if again:
            fresh.parcel, fresh.tries = member.parcel, member.tries
            return None
        seconds = time.monotonic() - member.began - member.paused
        return Outcome(member.parcel.number, None, seconds, why)

    # ---- time

    def _left(self, member: Member) -> float:
        """Seconds until it has taken too long; infinite while it cannot go on."""
        at_work = member.parcel is not None and member.ready
        if self.timeout is None or not at_work or self._waits(member):
            return float("inf")
        return self.timeout - (time.monotonic() - member.began - member.paused)

    def _patience(self, seconds: float) -> float:
        return max(0.0, min([seconds, *map(self._left, self.members)]))

    # ---- being alone

    def _waits(self, member: Member) -> bool:
        """Whether it is suspended, or waits to be alone."""
        return member.waits or (self.quiet and member is not self.asking[0])

    def _quieten(self) -> None:
        """Suspends all others, and tells the first who asked that nobody else computes.

        Once all are ready: what a process imports as it begins is not to be suspended half way.
        """
        if self.quiet or not self.asking or not all(one.ready for one in self.members):
            return
        first = self.asking[0]
        self.quiet, self.since = True, time.monotonic()
        first.waits, first.paused = False, first.paused + self.since - first.asked
        for one in self.members:
            if one is not first:
                group.suspend(one.pid)
        with suppress(ConnectionError):
            first.connection.send(ALONE)

    def _leave(self, member: Member) -> None:
        """The member need not be alone any more; the next one may."""
        if member not in self.asking:
            return
        was_alone = self.quiet and self.asking[0] is member
        self.asking.remove(member)
        if was_alone:
            self._wake(member)

    def _wake(self, alone: Member) -> None:
        """Lets all go on that were suspended while one was alone."""
        self.quiet, now = False, time.monotonic()
        for one in self.members:
            if one is alone:
                continue
            if one.began >= self.since:  # it was given its work meanwhile, and begins now
                one.began = now
            elif not one.waits:  # of who waits, all that is counted in the end
                one.paused += now - self.since
            group.go_on(one.pid)


def end(member: Member) -> None:
    """Ends a member and the processes that it has begun, suspended or not."""
    group.end(member.pid)
    member.process.kill()  # where it is no group yet
    member.process.join()
    member.connection.close()


@contextmanager
def environment(values: Mapping[str, Any]) -> Iterator[None]:
    """The environment with these values while the block runs: processes that begin then have it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
