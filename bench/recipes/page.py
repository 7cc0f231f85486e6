"""docs/recipes.md: what the recipes are to reach, and what they reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

from archc.files import replacing
from bench.recipes import results
from bench.recipes.results import Result
from bench.recipes.table import ROOT, Recipe

FILE = ROOT / "docs" / "recipes.md"
HEAD = """# Recipes

Networks of the zoo's kinds, small enough for two cores, trained on real data. Each is a spec in
[`specs/recipes/`](../specs/recipes) that says all there is to its training. Models are chosen by
validation and tested once. Where there are several seeds, the mean and the standard deviation over
them are given; times are those of one training, on as many threads as it says, data and
evaluations included. The machine was shared with other work, so times are upper bounds.

This page is made from [`recipes.json`](recipes.json) by `python -m bench.recipes --page`. Data that
comes with no package is named by `--data NAME=PATH`: `mnist` is an `.npz` file with `x_train`,
`y_train`, `x_test`, `y_test` or a folder of IDX files; `fashion_mnist` is found where Debian's
`dataset-fashion-mnist` puts it; `tinyshakespeare` is a text file; `sentiment`, `lemmas` and
`outlines` are made by `python -m bench.recipes.prepare`; `gait` and `pulse` are files that aeon 1.6
has in `aeon/datasets/data`, `Daphnet_S06R02E0/S06R02E0.csv` and
`KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TEST.csv`.

| recipe | data | target | reached | seeds | time | date |
|---|---|---|---|---|---|---|
"""


def write(table: Mapping[str, Recipe], path: Path = FILE) -> None:
    """Writes the page."""
    with replacing(path) as file:
        file.write(text(table, results.read()).encode())


def text(table: Mapping[str, Recipe], found: Sequence[Result]) -> str:
    lines = [HEAD.rstrip("\n")]
    notes = list(gains(table, found))
    for recipe in table.values():
        own = [one for one in found if one.recipe == recipe.name]
        lines.append(row(recipe, own))
        note = f"- **{recipe.spec}**: {' '.join(recipe.why.split())}"
        if recipe.why and note not in notes:
            notes.append(note)
    lines += ["", "## Commands", "", "```console"]
    lines += [f"$ {line}" for line in commands(table)]
    lines += ["```", ""]
    if notes:
        lines += ["## Notes", "", *notes, ""]
    return "\n".join(lines)


def row(recipe: Recipe, own: Sequence[Result]) -> str:
    """A line of the table."""
    target = ", ".join(map(str, recipe.targets)) or "-"
    shown = dict.fromkeys([*(one.number for one in recipe.targets), *recipe.shown])
    shown |= dict.fromkeys(one.bound for one in recipe.targets if isinstance(one.bound, str))
    if not own:
        reached, count, lasted, day = "not run yet", "", f"about {recipe.minutes:g} min", ""
    else:
        parts = [f"{name} {spread([one.numbers[name] for one in own])}" for name in shown]
        means = {name: fmean(one.numbers[name] for one in own) for name in own[0].numbers}
        missed = [one for one in recipe.targets if not one.reached(means)]
        reached = ("✗ " if missed else "✓ " if recipe.targets else "") + ", ".join(parts)
        count, day = str(len(own)), max(one.date for one in own)
        lasted = f"{duration(fmean(one.seconds for one in own))} on {threads(own)}"
    return (
        f"| `{recipe.name}` | {recipe.uses} | {target} | {reached} | {count} | {lasted} | {day} |"
    )


def gains(table: Mapping[str, Recipe], found: Sequence[Result]) -> Iterator[str]:
    """How far recipes are above those that they are compared with."""
    for recipe in table.values():
        if recipe.than is None:
            continue
        name = recipe.targets[0].number
        own, other = (
            [one.numbers[name] for one in found if one.recipe == which]
            for which in (recipe.name, recipe.than)
        )
        if not own or not other:
            continue
        gain = fmean(own) - fmean(other)
        text = f"- **{recipe.name}** is above {recipe.than} by {number(gain)} in {name}"
        if min(len(own), len(other)) > 1:
            wide = max(stdev(own), stdev(other), 1e-9)
            told = f"{gain / wide:.0f}" if gain < 1000 * wide else "over 1000"
            yield f"{text}, {told} standard deviations over the seeds (the larger of both)."
        else:
            yield f"{text}, with one seed of one of them."


def spread(values: Sequence[float]) -> str:
    """The mean, and the deviation where there are several."""
    mean = number(fmean(values))
    return mean if len(values) < 2 else f"{mean} ± {number(stdev(values))}"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 0.1 or abs(value) >= 1000 else f"{value:.4g}"


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def threads(own: Sequence[Result]) -> str:
    most = max(one.threads for one in own)
    return "one thread" if most == 1 else f"{most} threads"


def commands(table: Mapping[str, Recipe]) -> list[str]:
    """One line a spec."""
    found: dict[str, None] = {}
    for one in table.values():
        data = "" if one.data is None else f" --data {one.data}=PATH"
        found[f"python -m bench.recipes {one.spec}{data}"] = None
    return list(found)
