"""A small search whose numbers follow from the candidate alone: a strategy, scores, specs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from archc.pipeline import compile
from archc.search.candidate import Candidate
from archc.search.evaluating import Setup
from archc.search.holes import filled
from archc.search.jobs import Crew
from archc.search.loop import Loop
from archc.search.reading import read
from archc.search.record import Record
from archc.search.section import Search
from archc.search.study import Study
from archc.search.trial import Proposal, Task, Trial
from archc.search.workers import Here

SPEC = """\
archc: 1
name: net
params:
  width: 8  # of the first layer
  depth: 2
  act: relu
inputs: {x: [N, 4]}
graph:
  - {linear: =width, repeat: =depth}
  - =act
  - {linear: 2, name: head}
search:
  vary: {width: {int: [1, 40]}, depth: {int: [1, 6]}, act: [relu, tanh, gelu]}
  objectives: {maximize: score}
  budget: {trials: 12}
  seed: 3
"""
TWO = SPEC.replace("{maximize: score}", "{maximize: score, minimize: params}")
RUNGS = SPEC + "  evaluate: {epochs: [1, 2, 4], keep: 0.5}\n"


class Drift:
    """Changes a hole of the best so far, or begins anew; `told` are the trials it was told of."""

    def __init__(self, search: Search, origin: Candidate) -> None:
        self.search, self.origin = search, origin
        self.told: list[Trial] = []

    def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
        if number == 0:
            return Proposal(self.origin)
        random = Random(f"{self.search.seed} {number}")
        objective = self.search.objectives[0]
        known = [one for one in self.told if objective.name in one.values]
        parent = max(known, key=lambda one: one.values[objective.name], default=None)
        base = self.origin if parent is None else parent.candidate
        hole = random.choice(self.search.holes)
        value = hole.domain.mutated(hole.value(base.parameters), random)
        made = base.with_values(filled(base.parameters, {hole.path: value}))
        parents = () if parent is None else (parent.number,)
        return Proposal(made, parents, f"{hole.name} {value}")

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)


# ---- what scores


def score(candidate: Candidate) -> float:
    """Best at 23 units and 4 layers."""
    now = candidate.parameters
    return 100.0 - abs(now["width"] - 23) - 3 * abs(now["depth"] - 4) + len(now["act"]) / 10


def heavy(candidate: Candidate) -> float:
    return float(candidate.program.params)


def climbing(candidate: Candidate, task: Task) -> dict[str, float]:
    """Better with every rung; goes on from what the rung before left."""
    task.folder.mkdir(parents=True, exist_ok=True)
    state = task.folder / "state"
    before = int(state.read_text()) if state.exists() else -1
    assert before in (task.rung - 1, task.rung)  # the latter after a kill
    state.write_text(str(task.rung))
    return {"score": score(candidate) + 10 * task.rung, "cost": 2.0**task.rung}


def sided(candidate: Candidate) -> float:
    return float(candidate.parameters["side"])


def partly(candidate: Candidate) -> dict[str, float]:
    """Forgets the score of every other width but the first."""
    odd = candidate.parameters["width"] % 2
    return {"other": 1.0} if odd else {"score": score(candidate)}


def clocked(candidate: Candidate, task: Task) -> dict[str, float]:
    """As if a run took ten milliseconds a unit."""
    return {**climbing(candidate, task), "latency_ms": 10.0 * candidate.parameters["width"]}


def slow(candidate: Candidate) -> float:
    """Slow enough to be met at its work by who looks into the study's database first."""
    time.sleep(0.4)
    return score(candidate)


def failing(candidate: Candidate) -> float:
    """Fails in every way that lets a process live."""
    match candidate.parameters["width"] % 4:
        case 0:
            raise MemoryError("out of memory")
        case 1:
            return float("nan")
        case 2:
            raise RuntimeError("it did not\nwork")
    return score(candidate)


def leaving(candidate: Candidate) -> dict[str, float]:
    """Ends as a script does, or costs what is no number."""
    if candidate.parameters["width"] % 2:
        sys.exit(2)
    return {"score": score(candidate), "cost": float("nan")}


def hanging(candidate: Candidate) -> float:
    if candidate.parameters["width"] % 2:
        time.sleep(60)
    return score(candidate)


def begetting(candidate: Candidate, task: Task) -> float:
    """Waits for a process of its own, as what measures does."""
    task.folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        (task.folder / "child").write_text(str(child.pid))
    return score(candidate)


def orphaning(candidate: Candidate, task: Task) -> float:
    """Dies while a process of its own goes on."""
    task.folder.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with (task.folder / "children").open("a") as file:
        file.write(f"{child.pid}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return score(candidate)


def dying(candidate: Candidate) -> float:
    if candidate.parameters["width"] % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(candidate)


def dying_once(candidate: Candidate, task: Task) -> float:
    """Dies where it was not before."""
    task.folder.mkdir(parents=True, exist_ok=True)
    mark = task.folder / "mark"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return score(candidate)


def untidy(candidate: Candidate, task: Task) -> dict[str, float]:
    task.folder.mkdir(parents=True)
    (task.folder / "left.txt").touch()
    return nameless(candidate)


def talking(candidate: Candidate) -> float:
    print("well, well")
    return score(candidate)


def nameless(candidate: Candidate) -> dict[str, float]:
    return {"scoer": score(candidate)}


def hasty(candidate: Candidate) -> dict[str, float]:
    """What is too slow is not scored."""
    late = 10.0 * candidate.parameters["width"]
    return {"late": late} if late > 90 else {"late": late, "score": score(candidate)}


def measured(candidate: Candidate, task: Task) -> dict[str, float]:
    """Writes when it computes, and when it is alone, to a file for all."""
    log = task.folder.parent / "spans"
    log.parent.mkdir(parents=True, exist_ok=True)

    def busy(what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        last = begin = time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.001)
            if time.monotonic() - last > 0.04:  # it was suspended meanwhile
                end += time.monotonic() - last
                note(what, begin, last)
                begin = time.monotonic()
            last = time.monotonic()
        note(what, begin, last)

    def note(what: str, begin: float, until: float) -> None:
        with log.open("a") as file:
            file.write(f"{what} {os.getpid()} {begin} {until}\n")

    busy("work", 0.15)
    with task.alone():
        busy("alone", 0.15)
    return {"score": score(candidate)}


# ---- searches


def written(folder: Path, text: str = SPEC) -> Path:
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def begun(folder: Path, text: str = SPEC, function: str = "score", url: str | None = None) -> Study:
    """A study in `folder/study`, or the one that is there."""
    target = folder / "study"
    if (target / "study.json").exists():
        return Study.open(target, url)
    folder.mkdir(parents=True, exist_ok=True)
    program = compile(written(folder, text))
    evaluator = {"kind": "function", "name": f"search.standin:{function}", "options": {}}
    return Study.create(target, program, read(program), evaluator=evaluator, url=url)


def setup(study: Study) -> Setup:
    name = study.about["evaluator"]["name"]
    path, trials = study.folder / "spec.yaml", study.folder / "trials"
    return Setup(study.search, path, trials, "function", name)


def loop(study: Study, crew: Crew | None = None) -> Loop:
    """The search, ready to run, what the study holds told."""
    strategy = Drift(study.search, study.origin)
    found = Loop(study.search, strategy, crew or Here(setup(study)), study)
    found.resume()
    return found


def searched(folder: Path, text: str = SPEC, function: str = "score", **changes: Any) -> Study:
    """A whole search in this process, in a study."""
    study = begun(folder, text, function)
    study.change(changes)
    loop(study).run()
    study.close()
    return Study.open(folder / "study")


def in_memory(text: str, function: str, folder: Path, **changes: Any) -> Loop:
    """A whole search that nothing keeps."""
    path = written(folder, text)
    origin = Candidate.read(text, path)
    search = replace(read(origin), **changes)
    given = Setup(search, path, folder / "trials", "function", f"search.standin:{function}")
    found = Loop(search, Drift(search, origin), Here(given))
    found.run()
    return found


def told(records: list[Record]) -> list[Mapping[str, Any]]:
    """All that has to be the same whenever a search was killed: everything but times."""
    return [
        {
            "number": one.number, "text": one.text, "digest": one.digest, "identity": one.identity,
            "parents": one.parents, "change": one.change, "avoided": one.avoided,
            "state": one.state, "values": one.values, "why": one.why,
            "rung": one.rung, "stopped": one.stopped, "twin": one.twin, "told": one.told,
            "evaluated": one.evaluated, "parameters": one.parameters,
            "steps": [(step.values, step.order) for step in one.steps],
        }
        for one in records
    ]  # fmt: skip
