"""What all of one elaboration shares: findings, budgets, the definitions made so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archc.errors import Diagnostic, Findings
from archc.place import Place
from archc.spec.ast import File, Step, Template
from archc.spec.values import Argument, Budget

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
    from archc.elaborate.scope import Frame, Item, Reference, Scope, Space
    from archc.ir.program import Definition

    Watch = Callable[[Elaborator, Step, Frame, dict[int | str, Reference], Item], None]

MAX_STEPS = 4_000  # elaborated steps, each definition's counted once
MAX_REPEAT = 100_000
MAX_DEPTH = 60  # blocks within blocks
MAX_LEVELS = 80  # blocks and `do`s within each other
MAX_FLAT = 100_000  # steps of a network with all its blocks and copies written out
MAX_RANK = 32  # dimensions of a value, what every supported NumPy can hold
MAX_SYMBOLS = 500  # symbolic dimensions of a model
MAX_ELEMENTS = 2**40  # of one value, where its size is known
MAX_WEIGHT = 2**36  # elements of all weights: 256 GiB of float32


class StepError(Exception):
    """A step is wrong; its diagnostic is reported and its value becomes poison."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        place: Place | None,
        *,
        label: str = "",
        help: str = "",
        notes: Sequence[str] = (),
    ) -> StepError:
        return cls(Diagnostic(code, message, place, label, tuple(notes), help))


class Unroll(Exception):
    """A single copy of a counted repeat is asked for.

    Its step is elaborated copy by copy instead.
    """

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step


@dataclass(eq=False)
class Context:
    """The state of one elaboration."""

    root: File
    findings: Findings = field(default_factory=Findings)
    budget: Budget = field(default_factory=Budget)
    steps_left: int = MAX_STEPS
    level: int = 0  # of blocks and `do`s around the step at hand
    definitions: dict[Hashable, Definition | None] = field(
        default_factory=dict
    )  # None: it was wrong
    uses: dict[Hashable, tuple[Hashable, dict[str, float | Argument]]] = field(
        default_factory=dict
    )  # of templates: the definition's key, and the numbers to pass it
    found: dict[Hashable, list[Diagnostic]] = field(default_factory=dict)  # by definition or model
    recorders: list[list[Diagnostic]] = field(default_factory=list)  # of what is elaborated now
    names: dict[str, int] = field(default_factory=dict)  # how many definitions are called so
    concrete: dict[int, set[str]] = field(
        default_factory=dict
    )  # a template's parameters that tell it apart
    unrolled: set[int] = field(default_factory=set)
    open: list[Template] = field(default_factory=list)
    spaces: dict[Hashable, Space] = field(default_factory=dict)
    models: dict[Hashable, Definition | None] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[int, tuple[Step, ...]] = field(
        default_factory=dict
    )  # step-valued arguments, parsed
    watch: Watch | None = None  # told of every copy of a step as it is made
    scopes: list[Scope] = field(default_factory=list)  # all that were made, unless one watches

    def noted(self, scope: Scope) -> Scope:
        """The scope, which `empty_scopes` will empty."""
        if self.watch is None:
            self.scopes.append(scope)
        return scope

    def empty_scopes(self) -> None:
        """Empties them all, as an elaboration that nobody watches ends.

        A scope and what is in it hold each other, and so the whole program: without this only the
        garbage collector could free it.
        """
        for scope in self.scopes:
            scope.items.clear()
        self.scopes.clear()

    def report(self, diagnostic: Diagnostic) -> None:
        """Keeps the finding, unless it was made at the same place before."""
        for recorder in self.recorders:
            recorder.append(diagnostic)
        if diagnostic not in self.findings:
            self.findings.append(diagnostic)

    @contextmanager
    def recorded(self, key: Hashable) -> Iterator[list[Diagnostic]]:
        """What is found meanwhile, kept for `recall`."""
        record: list[Diagnostic] = []
        self.recorders.append(record)
        try:
            yield record
        finally:
            self.recorders.pop()
        if record:
            self.found[key] = record

    def recall(self, key: Hashable) -> None:
        """Reports again what was found in a definition: its first use may have been dropped."""
        for diagnostic in self.found.get(key, ()):
            self.report(diagnostic)

    def spend_step(self, place: Place, count: int = 1) -> None:
        self.steps_left -= count
        self.budget.network -= count
        if self.steps_left < 0:
            raise TooMany(place, "the spec elaborates to more steps than any network has")
        if self.budget.network < 0:
            what = "the variants together elaborate to more steps than are looked at"
            raise TooMany(place, what, "look at one of them: FILE:VARIANT")

    def unique(self, name: str) -> str:
        """A definition's name that no other has: `bottleneck`, `bottleneck_2` …"""
        count = self.names.get(name, 0) + 1
        self.names[name] = count
        return name if count == 1 else f"{name}_{count}"


class TooMany(Exception):
    """The spec asks for more steps than any network has."""

    def __init__(self, place: Place, message: str, help: str = "") -> None:
        super().__init__()
        self.diagnostic = Diagnostic("E225", message, place, help=help)
