"""The table of recipes, recipes.yaml: what each is run on, and what it is to reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SPECS = ROOT / "specs" / "recipes"


@dataclass(frozen=True, slots=True)
class Target:
    """A number that a recipe is to reach: at least, or at most, a bound or another number."""

    number: str
    least: bool
    bound: float | str
    times: float = 1.0

    @classmethod
    def of(cls, number: str, written: str) -> Target:
        """`>= 0.99`, `< 0.25 untrained`: the second is a quarter of the number `untrained`."""
        sign, *rest = written.split()
        if sign not in (">", ">=", "<", "<=") or not rest:
            raise ValueError(f"a target is '>= 0.99' or '< 0.25 other', found {written!r}")
        if len(rest) == 2:
            return cls(number, sign[0] == ">", rest[1], float(rest[0]))
        try:
            return cls(number, sign[0] == ">", float(rest[0]))
        except ValueError:
            return cls(number, sign[0] == ">", rest[0])

    def reached(self, numbers: Mapping[str, float]) -> bool:
        bound = self.bound if isinstance(self.bound, float) else numbers[self.bound]
        found, wanted = numbers[self.number], bound * self.times
        return found >= wanted if self.least else found <= wanted

    def __str__(self) -> str:
        bound = self.bound if isinstance(self.bound, str) else f"{self.bound:g}"
        times = "" if self.times == 1.0 else f"{self.times:g} of "
        return f"{self.number} {'≥' if self.least else '≤'} {times}{bound}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row.

    `data` names what `--data` must say where to find; with `over` it is trained once for each
    value, and its numbers are the means; `small` are settings for the quick form; `than` is another
    recipe, whose first number this one's is to exceed by three standard deviations over the seeds.
    """

    spec: str
    variant: str | None
    uses: str
    data: str | None = None
    targets: tuple[Target, ...] = ()
    minutes: float = 1.0
    seeds: int = 3
    measures: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    over: Mapping[str, list[Any]] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    than: str | None = None
    why: str = ""

    @property
    def name(self) -> str:
        return self.spec if self.variant is None else f"{self.spec}:{self.variant}"

    @property
    def path(self) -> Path:
        return SPECS / f"{self.spec}.yaml"

    def settings(self) -> Iterator[dict[str, Any]]:
        """The parameters of each training."""
        for values in product(*self.over.values()):
            yield dict(zip(self.over, values, strict=True))


def recipes(path: Path = HERE / "recipes.yaml") -> dict[str, Recipe]:
    """All rows by name; those of a spec's variants one by one."""
    found: dict[str, Recipe] = {}
    for row in yaml.safe_load(path.read_text("utf-8")):
        row = dict(row)
        spec, variants = row.pop("recipe"), row.pop("variants", {None: {}})
        if isinstance(variants, list):
            variants = {one: {} for one in variants}
        for variant, own in variants.items():
            told = {**row, **(own or {})}
            reach = told.pop("reach", {})
            targets = tuple(Target.of(name, text) for name, text in reach.items())
            for key in ("measures", "shown"):
                told[key] = tuple(told.get(key, ()))
            one = Recipe(spec, variant, targets=targets, **told)
            found[one.name] = one
    return found


def chosen(names: list[str], known: Mapping[str, Recipe]) -> list[Recipe]:
    """Recipes by name, or all variants of a spec. Raises KeyError."""
    found: list[Recipe] = []
    for name in names or known:
        rows = [one for one in known.values() if name in (one.name, one.spec)]
        if not rows:
            raise KeyError(f"no recipe '{name}'; there are {', '.join(known)}")
        found += [one for one in rows if one not in found]
    return found
