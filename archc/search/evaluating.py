"""Which evaluator a search has, found anew in every process, and one evaluation made with it."""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal

from archc.errors import (
    ArchcError,
    Diagnostic,
    EvaluationError,
    MissingPackageError,
    UsageError,
    did_you_mean,
)
from archc.search.candidate import Candidate
from archc.search.jobs import Job, Outcome
from archc.search.section import Search
from archc.search.statics import STATIC
from archc.search.trial import Evaluator, Task

GROUP = "archc.evaluators"  # of entry points: name → factory(search, origin, options)
Kind = Literal["static", "table", "function", "installed"]


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a process needs to evaluate candidates of a search.

    `path` is the spec's; `folder` is where trials have their folders.
    """

    search: Search
    path: Path
    folder: Path
    kind: Kind = "static"
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def evaluator(self) -> Evaluator:
        """Raises UsageError E862 where there is none of that name, and what making it raises."""
        match self.kind:
            case "static":
                return nothing
            case "table":
                return table(self)
            case "function":
                return function(self.name, self.search)
            case "installed":
                return installed(self)

    def trial(self, number: int) -> Path:
        return self.folder / f"{number:04}"


def kind_of(search: Search, evaluate: str | None, table: str | None) -> tuple[Kind, str]:
    """How candidates are scored: as a command says, or by training where numbers are missing.

    Raises UsageError E862.
    """
    if table is not None:
        return "table", table
    if evaluate is not None:
        return ("function" if ":" in evaluate else "installed"), evaluate
    return ("static", "") if search.asked <= set(STATIC) else ("installed", "train")


# ---- the kinds


def nothing(candidate: Candidate, task: Task) -> Mapping[str, float]:
    """For objectives that follow from the graph."""
    return {}


def table(setup: Setup) -> Evaluator:
    from archc.search.table import Table

    return Table(setup)


def function(name: str, search: Search) -> Evaluator:
    """`module:function`, of the candidate or of the candidate and its task.

    It gives numbers by name, or one number, which is the first objective's. The current folder is
    looked in, too, as `python -m` does.
    """
    from importlib import import_module

    module, _, path = name.partition(":")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = import_module(module)
    except Exception as error:  # a module of the user's may raise anything
        what = f"{module or 'a module without a name'} cannot be imported: {reason(error)}"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module}.".startswith(f"{missing}."):
            what = f"there is no module '{missing}'; it was looked for in {Path.cwd()}, too"
        raise UsageError.of("E862", what, help="--evaluate MODULE:FUNCTION") from error
    for part in path.split("."):
        if not hasattr(found, part):
            known = did_you_mean(part, [one for one in vars(found) if not one.startswith("_")])
            raise UsageError.of("E862", f"{module} has no '{path}'", help=known)
        found = getattr(found, part)
    if not callable(found):
        raise UsageError.of("E862", f"{name} cannot be called", help="--evaluate MODULE:FUNCTION")
    takes_task = takes_two(found)

    def evaluate(candidate: Candidate, task: Task) -> Mapping[str, float]:
        given = found(candidate, task) if takes_task else found(candidate)
        return given if isinstance(given, Mapping) else {search.objectives[0].name: given}

    return evaluate


def takes_two(call: Callable[..., Any]) -> bool:
    """Whether it takes a second argument by position, without a default."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        one
        for one in signature(call).parameters.values()
        if one.kind in kinds and one.default is Parameter.empty
    ]
    return len(needed) > 1


def installed(setup: Setup) -> Evaluator:
    """One that a package brings by the entry point group `archc.evaluators`."""
    from importlib.metadata import entry_points

    points = {point.name: point for point in entry_points(group=GROUP)}
    if setup.name not in points:
        raise UsageError.of(
            "E862",
            f"there is no evaluator '{setup.name}'",
            help=did_you_mean(setup.name, points) or "--evaluate MODULE:FUNCTION",
        )
    origin = Candidate.read(setup.path.read_text("utf-8"), setup.path)
    try:
        made: Evaluator = points[setup.name].load()(setup.search, origin, setup.options)
    except ModuleNotFoundError as error:
        missing, help = (
            f"this needs the package '{error.name}'",
            'pip install "archc-compiler[all]"',
        )
        raise MissingPackageError([Diagnostic("E510", missing, help=help)]) from error
    return made


# ---- one evaluation


def evaluated(
    evaluate: Evaluator,
    job: Job,
    setup: Setup,
    alone: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Outcome:
    """What an evaluator finds; whatever it raises is a failure of the candidate."""
    parents = tuple(setup.trial(number) for number in job.parents)
    task = Task(job.number, setup.trial(job.number), job.rung, parents, alone)
    before = time.monotonic()
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no part of what the command gives
            found = evaluate(job.candidate, task)
        values = {str(name): number(name, value) for name, value in found.items()}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - however it fails, the search goes on
        seconds = time.monotonic() - before
        return Outcome(job.number, None, seconds, reason(error), traceback.format_exc())
    return Outcome(job.number, values, time.monotonic() - before)


def number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        what = f"{name} is no number: {str(value)[:80]}"
        raise EvaluationError.of("E865", what) from error


def reason(error: BaseException) -> str:
    """An error in a line."""
    if isinstance(error, ArchcError):
        return error.diagnostics[0].message
    text = str(error).strip().partition("\n")[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
