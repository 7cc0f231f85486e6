"""Every recipe can be trained: two turns on tiny sets, and its numbers are there."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

import archc
from archc_train import keeper
from bench.recipes import page, results
from bench.recipes.quick import tiny
from bench.recipes.results import Result
from bench.recipes.running import run
from bench.recipes.table import SPECS, Recipe, Target, chosen, recipes

TABLE = recipes()
FIRST = {one.spec: one for one in reversed(TABLE.values())}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny(tmp_path_factory.mktemp("sets"))


@pytest.mark.parametrize("recipe", FIRST.values(), ids=lambda one: one.spec)
def test_a_recipe_can_be_trained(
    recipe: Recipe, sets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        keeper, "draw", lambda run: None
    )  # drawing curves takes longer than all else
    found = run(recipe, 0, tmp_path, sets, quick=True)
    assert found.numbers and all(map(math.isfinite, found.numbers.values()))
    own = {one.number for one in recipe.targets} & set(found.numbers)
    assert recipe.measures or len(own) == len(recipe.targets)


def test_every_spec_is_in_the_table_and_every_row_has_one() -> None:
    assert {path.stem for path in SPECS.glob("*.yaml")} == {one.spec for one in TABLE.values()}
    for recipe in TABLE.values():
        archc.compile(recipe.path, variant=recipe.variant)


def test_every_activation_learns_the_digits() -> None:
    from archc.ops.registry import declared

    rows = [one for one in TABLE.values() if one.spec == "mlp_digits"]
    acts = [archc.compile(one.path, variant=one.variant).parameters["act"] for one in rows]
    known = {op.name for op in declared(import_module("archc.ops.activation"))}
    assert {str(act) for act in acts} == known | {"glu"}


def test_a_target_is_a_bound_or_a_share_of_another_number() -> None:
    assert Target.of("accuracy", ">= 0.99").reached({"accuracy": 0.99})
    assert not Target.of("loss", "<= 1.48").reached({"loss": 1.5})
    share = Target.of("frechet", "<= 0.25 untrained")
    assert share.reached({"frechet": 20.0, "untrained": 100.0})
    assert str(share) == "frechet ≤ 0.25 of untrained"
    with pytest.raises(ValueError, match="a target is"):
        Target.of("accuracy", "0.99")


def test_the_newest_result_of_a_seed_counts(tmp_path: Path) -> None:
    old = Result("a", 0, {"accuracy": 0.5}, 1.0, 1, "2020-01-01", "…")
    results.add([old, replace(old, seed=1)], tmp_path / "a.json")
    results.add([replace(old, numbers={"accuracy": 0.9})], tmp_path / "a.json")
    found = results.read(tmp_path / "a.json")
    assert [(one.seed, one.numbers["accuracy"]) for one in found] == [(0, 0.9), (1, 0.5)]


def test_the_page_shows_means_and_what_was_missed() -> None:
    recipe = Recipe("a", None, "digits", targets=(Target.of("accuracy", ">= 0.9"),))
    own = [
        Result("a", seed, {"accuracy": 0.8 + 0.01 * seed}, 60.0, 1, "2020-01-01", "…")
        for seed in range(3)
    ]
    line = page.row(recipe, own)
    assert "✗ accuracy 0.81 ± 0.01" in line and "| 3 |" in line
    assert "not run yet" in page.row(recipe, [])


def test_the_page_is_what_the_results_say() -> None:
    assert page.FILE.read_text("utf-8") == page.text(TABLE, results.read())


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(KeyError, match="lenet5_mnist"):
        chosen(["lenet"], TABLE)
