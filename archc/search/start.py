"""A whole search by name: a spec's section made into a study, and gone on with until its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from archc.errors import UsageError
from archc.pipeline import compile
from archc.search.evaluating import Setup, kind_of
from archc.search.jobs import Crew
from archc.search.loop import End, Loop, Tell, silence
from archc.search.record import Record
from archc.search.space import Space
from archc.search.statics import UNTRAINED
from archc.search.study import TRIALS, Study, settled


@dataclass(frozen=True, slots=True)
class Staff:
    """Who evaluates: so many processes, or Ray's at an address, each with so many threads.

    Without `workers` it is one, or none where nothing is trained: then this process evaluates.
    `gpus` are what Ray gives each of them.
    """

    workers: int | None = None
    threads: int = 1
    ray: str | None = None
    gpus: float = 0.0

    def crew(self, setup: Setup) -> Crew:
        """Raises CheckError E863 where they cannot begin, and what making an evaluator raises."""
        timeout = setup.search.evaluation.timeout
        if self.ray is not None:
            from archc.search.ray_workers import RayWorkers

            return RayWorkers(setup, self.ray, self.workers, self.threads, self.gpus, timeout)
        slow = setup.kind in ("function", "installed") or timeout is not None
        count = int(slow) if self.workers is None else self.workers
        if count == 0:
            from archc.search.workers import Here

            if timeout is not None:
                what = "'timeout' cannot be kept without a worker's process"
                raise UsageError.of("E706", what, help="--workers 1")
            return Here(setup)
        from archc.search.workers import Workers

        return Workers(setup, count, self.threads, timeout)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a command says of a new study, beside the spec.

    `changes` are settings in place of the section's; `evaluate` is `module:function` or an
    installed evaluator's name, `table` a file of results; `options` are the evaluator's.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    evaluate: str | None = None
    table: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def begin(
    spec: str | Path,
    plan: Plan,
    *,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    url: str | None = None,
) -> Study:
    """A new study of a spec. Raises SpecError, as `viable.check` too, and as Study.create."""
    from archc.search.reading import read
    from archc.search.viable import check

    program = compile(spec, variant=variant, set=dict(set or {}))
    search = settled(read(program), plan.changes)
    table = None if plan.table is None else Path(plan.table).resolve().as_posix()
    kind, name = kind_of(search, plan.evaluate, table)
    check(program, search, kind, name)
    evaluator = {"kind": kind, "name": name, "options": dict(plan.options)}
    folder = folder or Path("studies") / program.name
    return Study.create(folder, program, search, evaluator=evaluator, url=url)


@dataclass(frozen=True, slots=True)
class Searched:
    """How a search ended. `refused` are candidates that did not compile, each with its reason."""

    end: End
    records: Sequence[Record]
    refused: Mapping[str, str]


def climbs(setup: Setup) -> bool:
    """Whether what a candidate comes to depends on for how long it is evaluated."""
    if setup.kind == "installed" and setup.name == "train":
        return not setup.search.asked <= {*UNTRAINED}
    return setup.kind in ("function", "installed")


def go_on(study: Study, staff: Staff, tell: Tell = silence, asked: Event | None = None) -> Searched:
    """Searches until the study's budget is spent, there is nothing new, or `asked` is set.

    A study that was stopped, in whatever way, goes on where its records end. It is one that this
    process holds.
    """
    from archc.search.strategies import over

    about = study.about["evaluator"]
    setup = Setup(
        study.search,
        (study.folder / "spec.yaml").resolve(),
        (study.folder / TRIALS).resolve(),
        about["kind"],
        about["name"],
        about["options"],
    )
    search = study.search
    if not climbs(setup):  # a rung would find the same numbers again
        search = replace(search, evaluation=replace(search.evaluation, epochs=()))
    origin = study.origin
    space = Space(study.search, origin)
    first = origin if space.holds(origin) else None
    chosen = over(space)
    crew = staff.crew(setup)
    try:
        loop = Loop(search, chosen, crew, study, tell, first)
        loop.resume()
        study.note(f"begins with {len(loop.records)} trials recorded")
        end = loop.run(asked)
        study.note(f"ends, {end}, with {len(loop.records)} trials recorded")
        return Searched(end, loop.records, space.refused)
    finally:
        crew.close()
