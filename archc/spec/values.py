"""What formulas compute with beyond Python's own values, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEPTH = 48  # of lists in lists, as in a file


class FormulaError(Exception):
    """What is wrong with a formula: a diagnostic's code, message and help, without its place."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


class Undecided(FormulaError):
    """A question about symbolic sizes that has no single answer."""

    def __init__(self, question: str) -> None:
        super().__init__(
            "E217",
            f"{question} cannot be decided: it depends on symbolic dimensions",
            "give the dimension a number, or move the decision to a parameter",
        )


@dataclass(frozen=True, slots=True)
class Argument:
    """A block's parameter that only passes through, so that it need not tell definitions apart."""

    name: str
    value: float
    owner: object


class NeedsValue(Exception):
    """A formula computes with an `Argument`: its value does tell definitions apart."""

    def __init__(self, argument: Argument) -> None:
        super().__init__(argument.name)
        self.argument = argument


class Absent:
    """An optional input that was not given."""


ABSENT = Absent()


class Facts:
    """A value in scope that formulas ask for `shape`, `channels`, `features`, `rank`, `dtype`."""

    __slots__ = ()

    def fact(self, name: str) -> object:
        raise FormulaError("E214", f"there is no '.{name}' here")


class Budget:
    """What the formulas of a spec may spend: evaluation steps and created items.

    A look at an item of a list counts as a step, too: comparing, adding up, searching.
    """

    def __init__(self, steps: int = 600_000, items: int = 600_000, network: int = 5_000) -> None:
        self.steps, self.items = steps, items
        self.network = network  # steps of the network, of all variants that are looked at

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise FormulaError("E216", "formulas take too many steps")

    def spend(self, items: int) -> None:
        self.items -= items
        if self.items < 0:
            raise FormulaError("E216", "formulas create too many items")

    def measure(self, value: object, depth: int = 0) -> None:
        """Spends an item for everything that lists and records hold, in depth.

        A list that holds the same list twice is as large as it looks, not as it lies in memory:
        whoever walks it later sees all of it.
        """
        if isinstance(value, list | dict):
            if depth > MAX_DEPTH:
                raise FormulaError("E216", f"lists are nested more than {MAX_DEPTH} deep")
            self.spend(len(value))
            for item in value.values() if isinstance(value, dict) else value:
                self.measure(item, depth + 1)
