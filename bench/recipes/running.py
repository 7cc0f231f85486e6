"""Running a recipe: one training for each seed, measured once on the test part."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import torch

import archc_train
from archc_train.run import Run
from bench.recipes.results import Result
from bench.recipes.table import Recipe
from bench.recipes.trained import Trained

QUICK = {"steps": 2, "batch": 16, "evaluate": 2}


def run(
    recipe: Recipe,
    seed: int,
    runs: Path,
    paths: Mapping[str, Path],
    *,
    quick: bool = False,
) -> Result:
    """Trains a recipe, or goes on with a training that was stopped, and measures it.

    Its runs lie in `runs/RECIPE/SEED`; `paths` say where data is. A quick one is two turns of small
    batches with the recipe's small settings, whose own measurements are left out.
    """
    found: list[dict[str, float]] = []
    seconds = 0.0
    settings = [dict(recipe.small)] if quick else list(recipe.settings())
    for setting in settings:
        own = [f"{key}{value}" for key, value in setting.items() if key in recipe.over]
        words = [recipe.name.replace(":", "-"), *own]
        folder = runs / "-".join(words) / str(seed)
        train(recipe, seed, folder, paths, setting, QUICK if quick else {})
        seconds += lasted(folder)
        found.append(numbers(recipe, Trained(folder, runs), () if quick else recipe.measures))
    means = {name: fmean(one[name] for one in found) for name in found[0]}
    return Result(
        recipe.name,
        seed,
        {name: float(f"{value:.6g}") for name, value in means.items()},
        round(seconds, 1),
        torch.get_num_threads(),
        datetime.now(UTC).date().isoformat(),
        command(recipe, seed),
    )


def train(
    recipe: Recipe,
    seed: int,
    folder: Path,
    paths: Mapping[str, Path],
    setting: Mapping[str, object],
    changes: Mapping[str, object],
) -> None:
    kept, text = folder / "recipe.yaml", recipe.path.read_bytes()
    if (folder / "last.pt").exists() and kept.exists() and kept.read_bytes() == text:
        archc_train.resume(folder, device="cpu")
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept.write_bytes(text)  # so that a run of a recipe that was changed since is made anew
    path = None if recipe.data is None else paths.get(recipe.data)
    begin = time.time()
    archc_train.start(
        recipe.path,
        variant=recipe.variant,
        set=dict(setting),
        folder=folder,
        data=None if path is None else str(path),
        changes={"seed": seed, **changes},
        device="cpu",
    )
    (folder / "seconds").write_text(f"{time.time() - begin:.1f}\n", encoding="utf-8")


def lasted(folder: Path) -> float:
    """The seconds of a training.

    Of one that was stopped, those between the lines of its log, which come several times
    a minute; longer pauses count one.
    """
    path = folder / "seconds"
    if path.exists():
        return float(path.read_text("utf-8"))
    times = [record["time"] for record in Run(folder).records()]
    return float(sum(min(after - before, 60.0) for before, after in pairwise(times)))


def numbers(recipe: Recipe, trained: Trained, measures: tuple[str, ...]) -> dict[str, float]:
    """The test part's metrics, and what the recipe's own measurements say."""
    part = "test" if "test" in trained.data.parts else "val"
    found = dict(archc_train.measure(trained.folder, part=part, device="cpu").numbers)
    for name in measures:
        module = import_module(f"bench.recipes.measures.{name}")
        found.update(module.measure(trained))
    return {key: one for key, one in found.items() if one is not None and math.isfinite(one)}


def command(recipe: Recipe, seed: int) -> str:
    data = "" if recipe.data is None else f" --data {recipe.data}=PATH"
    return f"python -m bench.recipes {recipe.name}{data} --seed {seed}"
