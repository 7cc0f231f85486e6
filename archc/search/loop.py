"""The search itself: ask, look whether it is known, evaluate, tell, record.

What is recorded is what happened: a search that was killed is given its records, tells its strategy
the same in the same order, and goes on. With one worker, and numbers that depend on nothing but the
candidate, it comes to the same study as one that was never stopped.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Literal

from archc.errors import ArchcError, InputError, did_you_mean
from archc.search.candidate import Candidate
from archc.search.evaluating import finite, reason
from archc.search.halving import Halving
from archc.search.jobs import Crew, Job, Outcome
from archc.search.record import Record, Step
from archc.search.section import Limit, Search
from archc.search.statics import UNTRAINED, beyond, identity, statics
from archc.search.study import Study
from archc.search.trial import COST, Proposal, Strategy, Trial

LOG = logging.getLogger("archc.search")
IDLE = 100  # proposals in a row of which none needs an evaluation: there is nothing left to find
TWINS = 10  # duplicates that wait for a trial under way; then nothing is asked until one is told
POLL = 0.2  # seconds between looks at whether the search was asked to stop
End = Literal["budget", "exhausted", "stopped"]
Tell = Callable[[Record], None]


def silence(record: Record) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Climb:
    """A trial under way: its record as it is so far, and the numbers known without evaluation."""

    record: Record
    candidate: Candidate
    known: dict[str, float] = field(default_factory=dict)
    twins: list[tuple[Record, Candidate]] = field(default_factory=list)  # that wait for its values


class Loop:
    """A search under way. Without a study nothing is kept, as in a simulation.

    The `origin`, if it is given, is the first trial: what the others are compared with, and the
    first that a strategy is told.
    """

    def __init__(
        self,
        search: Search,
        strategy: Strategy,
        crew: Crew,
        study: Study | None = None,
        tell: Tell = silence,
        origin: Candidate | None = None,
    ) -> None:
        self.origin = origin
        self.search, self.strategy, self.crew, self.study = search, strategy, crew, study
        self.tell = tell
        self.wanted = {one.name: f"'{one.name}', which has a limit" for one in search.limits}
        self.wanted |= {one.name: f"the objective '{one.name}'" for one in search.objectives}
        self.halving = Halving(search.objectives, search.evaluation)
        self.records: list[Record] = []
        self.first: dict[str, int] = {}  # identity → the first trial with it
        self.climbs: dict[int, Climb] = {}  # not told yet
        self.given: set[str] = set()  # the names of numbers that an evaluation gave
        self.ready: deque[Job] = deque()  # to be given to the crew before anything new is asked
        self.clock = 0  # what was recorded so far, counted
        self.idle = 0
        self.evaluated = 0
        self.spent = 0.0  # seconds of evaluation

    # ---- going

    def run(self, asked: Event | None = None) -> End:
        """Searches until the budget is spent, or there is nothing new, or `asked` is set."""
        while asked is None or not asked.is_set():
            while self.crew.free and (job := self._next()) is not None:
                self.crew.give(job)
            if not self.climbs:
                return "exhausted" if self.idle >= IDLE and not self.over else "budget"
            for outcome in self.crew.wait(POLL):
                self._take(outcome)
        return "stopped"

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        trials, seconds = self.search.trials, self.search.seconds
        return (trials is not None and self.evaluated >= trials) or (
            seconds is not None and self.spent >= seconds
        )

    def _next(self) -> Job | None:
        """What is to be evaluated next; None if nothing is, until more is told."""
        while not self.ready:
            waiting = sum(len(climb.twins) for climb in self.climbs.values())
            if self.over or self.idle >= IDLE or waiting >= TWINS:
                return None
            self._ask()
        return self.ready.popleft()

    # ---- asking

    def _ask(self) -> None:
        """Takes a proposal in: it is told at once, or made ready to be evaluated."""
        number = len(self.records)
        proposal = self._proposal(number)
        candidate = proposal.candidate
        record = Record(
            number, "", "", proposal.parents, proposal.change,
            parameters=candidate.parameters, avoided=proposal.avoided, began=time.time(),
        )  # fmt: skip
        try:
            if self.study is not None:  # what the text says is what counts, now and after a kill
                record = replace(record, text=candidate.text())
                candidate = self.study.candidate(record)
            same = identity(candidate, self.search)
            record = replace(record, digest=candidate.network, identity=same)
            known = statics(candidate, self.search)
        except ArchcError as error:
            LOG.warning("trial %d is no network: %s", number, reason(error))
            self._end(replace(record, state="failed", why=reason(error)), candidate)
            return
        first = self.first.setdefault(record.identity, number)
        if first != number:
            self._same(replace(record, twin=first, values=known), candidate)
        elif why := beyond(known, self.search.limits):
            self._end(replace(record, state="limited", values=known, why=why), candidate)
        else:
            climb = Climb(replace(record, evaluated=True), candidate, known)
            self._begin(climb.record)
            self._climb(climb)

    def _same(self, record: Record, candidate: Candidate) -> None:
        """Takes in the trial of a candidate that was met before; it waits for that one's end."""
        assert record.twin is not None
        if record.twin not in self.climbs:
            self._end(like(record, self.records[record.twin]), candidate)
            return
        if record.number == len(self.records):
            self._begin(record)
        self.climbs[record.twin].twins.append((record, candidate))

    def _proposal(self, number: int) -> Proposal:
        if number == 0 and self.origin is not None:
            return Proposal(self.origin, change="the spec as it is")
        return self.strategy.ask(number, [one.candidate for one in self.climbs.values()])

    def _begin(self, record: Record) -> None:
        """Records a trial, whole if it is told already."""
        self.idle = 0 if record.evaluated else self.idle + 1
        self.evaluated += record.evaluated
        self.records.append(record)
        if self.study is not None:
            self.study.storage.begin(record)

    def _climb(self, climb: Climb) -> None:
        """Makes a trial ready for its next rung; before new ones if it has climbed one."""
        record = climb.record
        self.climbs[record.number] = climb
        firsts = dict.fromkeys(self._first(number) for number in record.parents)
        job = Job(record.number, climb.candidate, len(record.steps), tuple(firsts))
        if record.steps:
            self.ready.appendleft(job)
        else:
            self.ready.append(job)

    def _first(self, number: int) -> int:
        """The trial that was evaluated in this one's place."""
        twin = self.records[number].twin
        return number if twin is None else twin

    # ---- telling

    def _take(self, outcome: Outcome) -> None:
        """What the evaluation of a rung came to."""
        climb = self.climbs[outcome.number]
        values, why = self._values(climb, outcome)
        cost = values.pop(COST, outcome.seconds)
        self.spent += cost
        record = replace(
            climb.record,
            values=finite(values),
            cost=climb.record.spent + cost,
            rung=len(climb.record.steps),
        )
        if why:
            if self.study is not None:
                self.study.note(f"trial {record.number} failed: {why}\n{outcome.trace}")
            self._finish(climb, replace(record, state="failed", values={}, why=why))
        elif why := beyond(values, self._limits(record.rung, values)):
            self._finish(climb, replace(record, state="limited", why=why))
        elif record.rung == self.halving.last:
            self._finish(climb, replace(record, state="complete"))
        else:
            self.clock += 1
            step = Step(record.values, cost, self.clock)
            climb.record = replace(climb.record, steps=(*record.steps, step))
            if self.study is not None:
                self.study.storage.rung(climb.record)
            self.halving.take(record.rung, record.values)
            self._decide(climb, self.halving.goes_on(record.rung))

    def _values(self, climb: Climb, outcome: Outcome) -> tuple[dict[str, float], str]:
        """All numbers of a rung, and why it failed if it did.

        Raises InputError E862 where an objective is missing that no evaluation ever gave: that is
        no candidate's fault.
        """
        if outcome.values is None:
            return {}, outcome.why
        if not 0 <= outcome.values.get(COST, 0.0) < math.inf:
            return {}, f"its {COST} is {outcome.values[COST]}"
        self.given |= outcome.values.keys()
        values = {**climb.known, **outcome.values}
        if beyond(values, self._limits(len(climb.record.steps), values)):
            return values, ""  # nobody needs to know the rest
        for name in sorted(self.wanted.keys() - values.keys()):
            if name in self.given:
                return {}, f"its evaluation does not give {self.wanted[name]}"
            what = f"no evaluation gives {self.wanted[name]}"
            raise InputError.of("E862", what, help=did_you_mean(name, values))
        for objective in self.search.objectives:
            if not math.isfinite(values[objective.name]):
                return {}, f"{objective.name} is {values[objective.name]}"
        return values, ""

    def _limits(self, rung: int, values: Mapping[str, float]) -> Sequence[Limit]:
        """The limits that hold on a rung.

        What training changes has until the last rung to keep its limit, unless the evaluation left
        something out, which it does where it found the candidate beyond one.
        """
        limits = self.search.limits
        if rung == self.halving.last or not self.wanted.keys() <= values.keys():
            return limits
        return [one for one in limits if one.name in UNTRAINED]

    def _decide(self, climb: Climb, goes_on: bool) -> None:
        """Lets a trial go on, or tells it as it is after its last step."""
        if goes_on:
            self._climb(climb)
            return
        record, step = climb.record, climb.record.steps[-1]
        stopped = replace(
            record, state="complete", values=step.values, cost=record.spent,
            rung=len(record.steps) - 1, stopped=True,
        )  # fmt: skip
        self._finish(climb, stopped)

    def _finish(self, climb: Climb, record: Record) -> None:
        self._end(record, climb.candidate)
        self.climbs.pop(record.number, None)
        for twin, candidate in climb.twins:
            self._end(like(twin, self.records[record.number]), candidate)

    def _end(self, record: Record, candidate: Candidate) -> None:
        """Records the end of a trial, and tells it."""
        self.clock += 1
        record = replace(record, told=self.clock, ended=time.time())
        if record.number == len(self.records):
            self._begin(record)
        else:
            self.records[record.number] = record
            if self.study is not None:
                self.study.storage.end(record)
                self.study.forget(record.number)
        if record.digest:  # of what is no network there is nothing to learn
            self.strategy.tell(trial(record, candidate))
        self.tell(record)

    # ---- going on after a stop

    def resume(self) -> None:
        """Tells all that the study has recorded, and makes ready what was under way."""
        assert self.study is not None
        self.records = list(self.study.storage.records())
        events: list[tuple[int, int, Step | None]] = []
        for one in self.records:
            events += [(step.order, one.number, step) for step in one.steps]
            events += [] if one.told is None else [(one.told, one.number, None)]
        on: dict[int, bool] = {}  # whether a trial was to go on
        for self.clock, number, step in sorted(events, key=lambda event: event[:2]):
            one = self.records[number]
            if step is not None:
                rung = one.steps.index(step)
                self.halving.take(rung, step.values)
                if one.told is None and step is one.steps[-1]:
                    on[number] = self.halving.goes_on(rung)
            elif one.digest:
                self.strategy.tell(trial(one, self.study.candidate(one)))
        for one in self.records:
            if one.digest:
                self.first.setdefault(one.identity, one.number)
            self.idle = 0 if one.evaluated else self.idle + 1
            self.evaluated += one.evaluated
            self.spent += one.spent
            self.given.update(one.values, *[step.values for step in one.steps])
        for one in [record for record in self.records if record.told is None]:
            self._again(one, on.get(one.number, True))

    def _again(self, record: Record, goes_on: bool) -> None:
        """Goes on with a trial that was not told."""
        assert self.study is not None
        candidate = self.study.candidate(record)
        known = statics(candidate, self.search)
        if record.twin is None:
            self._decide(Climb(record, candidate, known), goes_on)
        else:
            self._same(replace(record, values=known), candidate)


def like(record: Record, first: Record) -> Record:
    """A trial that is the same network as an earlier one: what that one came to, at no cost.

    Numbers of its graph that the search does not go by are its own.
    """
    values = {**first.values, **record.values} if first.values else {}
    state = "duplicate" if first.state == "complete" else first.state
    why = first.why and f"as trial {first.number}: {first.why}"
    return replace(record, state=state, values=values, rung=first.rung, why=why)


def trial(record: Record, candidate: Candidate) -> Trial:
    """What a strategy is told."""
    assert record.state != "running"
    return Trial(
        record.number, candidate, record.state, record.values, record.cost, record.parents,
        record.change, record.why, record.rung,
    )  # fmt: skip
