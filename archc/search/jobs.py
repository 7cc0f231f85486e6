"""What goes to those who evaluate, and what comes back; whoever they are, they are a crew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from archc.search.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Job:
    """One rung of one trial. `parents` are numbers of evaluated trials."""

    number: int
    candidate: Candidate
    rung: int = 0
    parents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A job as it travels to another process: the candidate as text."""

    number: int
    text: str
    rung: int
    parents: tuple[int, ...]

    @classmethod
    def of(cls, job: Job) -> Parcel:
        return cls(job.number, job.candidate.text(), job.rung, job.parents)

    def job(self, path: Path) -> Job:
        """The job, its candidate read as if it lay at `path`."""
        return Job(self.number, Candidate.read(self.text, path), self.rung, self.parents)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job. Without values it failed: `why` says it in a line, `trace` in full."""

    number: int
    values: Mapping[str, float] | None
    seconds: float
    why: str = ""
    trace: str = ""


class Crew(Protocol):
    """Those who evaluate."""

    @property
    def free(self) -> bool:
        """Whether another job can be given."""
        ...

    def give(self, job: Job) -> None: ...

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """What is done; nothing if nothing is after so many seconds. Raises what ends a search."""
        ...

    def close(self) -> None:
        """Ends all that is under way."""
        ...
