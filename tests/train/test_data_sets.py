"""Which items are in which part, subsets, fields by other names, and several sources at once."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from archc.errors import InputError, SpecError
from archc.pipeline import compile_text
from archc.train import read
from archc_train.data import data_of, load
from archc_train.data.part import Order, stream

NAMES = ("digits", "wine", "breast_cancer", "iris", "diabetes")


def values(part, name: str) -> torch.Tensor:
    return part.batch(torch.arange(len(part)))[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_set_of_scikit_learn(name: str) -> None:
    found = load(name, {}, 0)
    assert set(found.types) == {
        "digits": {"image", "label"}, "diabetes": {"x", "target"},
    }.get(name, {"x", "label"})  # fmt: skip
    if "x" in found.types:
        assert values(found.train, "x").mean(dim=0).abs().max() < 1e-5
        assert set(found.facts["scale"]["x"]) == {"mean", "deviation"}
    if "label" in found.types:
        assert len(found.facts["labels"]) == int(values(found.train, "label").max()) + 1


def test_a_split_follows_from_its_seed_and_keeps_the_share_of_each_class() -> None:
    one, same, other = (load("digits", {"val": 0.2, "seed": seed}, 0) for seed in (1, 1, 2))
    assert torch.equal(values(one.val, "image"), values(same.val, "image"))
    assert not torch.equal(values(one.val, "image"), values(other.val, "image"))
    whole = torch.cat([values(part, "label") for part in one.parts.values()])
    for part in one.parts.values():
        share = len(part) / len(whole)
        counts = torch.bincount(values(part, "label"), minlength=10)
        assert (counts - share * torch.bincount(whole)).abs().max() <= 1.01
    assert len(whole) == 1797


def test_counts_and_impossible_parts() -> None:
    assert len(load("iris", {"val": 30, "test": 40}, 0).val) == 30
    for split in ({"val": 0}, {"val": 150}, {"test": 1000}):
        with pytest.raises(InputError, match="E806"):
            load("iris", split, 0)


def test_items_are_chosen_by_class_and_place() -> None:
    found = load({"digits": {"without": {"label": ["3", 9]}}}, {}, 0)
    assert set(values(found.train, "label").tolist()) == {0, 1, 2, 4, 5, 6, 7, 8}
    normal = load(
        {"digits": {"train": {"without": {"label": 9}}, "val": {"only": {"label": [0, 1]}}}}, {}, 0
    )
    assert 9 not in values(normal.train, "label") and 9 in values(normal.test, "label")
    assert set(values(normal.val, "label").tolist()) == {0, 1}
    halves = [load({"digits": {"range": r}}, {}, 0) for r in ([0, 0.5], [0.5, 1])]
    assert sum(len(part) for one in halves for part in one.parts.values()) == 1797
    assert sum(map(len, load({"digits": {"range": [10, 110]}}, {}, 0).parts.values())) == 100


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"only": {"label": "eleven"}}, "E807"),
        ({"only": {"labl": 1}}, "E807"),
        ({"only": {"image": 1}}, "E807"),
        (
            {"only": {"label": [0, 77]}},
            r"E807.*only: no item has the label 77[\s\S]*items have 0, 1",
        ),
        ({"train": {"without": {"label": 77}}}, "E807.*without: no item has the label 77"),
        ({"only": {"label": 7}, "without": {"label": 7}}, "E806.*leave no items"),
        ({"range": [0.5, 0.2]}, "E806"),
        ({"images": "a"}, "E807"),
        ({"image": "not a name"}, "E807"),
        ({"image": "label"}, "E807"),
    ],
)
def test_what_cannot_be_chosen_or_renamed_is_said(options: dict, code: str) -> None:
    with pytest.raises(InputError, match=code):
        load({"digits": options}, {}, 0)


SPEC = """
archc: 1
name: net
params: {side: 8, first: 0.5}
inputs: {a: [N, 1, =side, =side], b: [N, 1, =side, =side]}
graph: [{sub: [a, b]}, flatten, {linear: 1}]
outputs: {score: prev}
data:
  upright: {digits: {range: [0, =first], label: kind, normalize: {mean: [0.5], deviation: [0.5]}}}
  turned: {digits: {range: [=first, 1], turn: 90}}
preprocess: {invert: true}
train:
  data: {upright: {image: a}, turned: {image: b, only: {label: [0, 1, 2, 3]}}}
  split: {val: 50, test: 50}
  loss: {mse: [score, 0]}
  optimizer: adam
"""


def test_several_sources_are_drawn_each_by_itself() -> None:
    program = compile_text(SPEC)
    found = data_of(program, read(program))
    assert set(found.types) == {"a", "kind", "b", "label"}
    order = Order(len(found.train), 16, 0)
    pairs = set()
    for batch in islice(stream(found.train, order, 0), 2 * order.per_epoch):
        assert int(batch["label"].max()) <= 3
        pairs |= set(zip(map(hash_row, batch["a"]), map(hash_row, batch["b"]), strict=True))
    firsts = [a for a, _ in pairs]
    assert max(firsts.count(one) for one in set(firsts)) > 1  # another partner in every epoch
    again = list(islice(stream(found.train, order, 5), 3))
    whole = list(islice(stream(found.train, order, 0), 8))[5:]
    for one, other in zip(again, whole, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    measured = found.val.batch(torch.arange(len(found.val)))
    assert len(measured["a"]) == len(found.val) == 50


def hash_row(row: torch.Tensor) -> bytes:
    return row.numpy().tobytes()


def test_the_specs_preprocess_holds_for_its_training_and_options_come_after() -> None:
    program = compile_text(SPEC)
    found = data_of(program, read(program)).train.batch(torch.arange(4))
    plain = load({"digits": {"range": [0, 0.5]}}, {"val": 50, "test": 50}, 0)
    image = plain.train.batch(torch.arange(4))["image"]
    assert torch.allclose(found["a"], ((1 - image) - 0.5) / 0.5, atol=1e-6)


def test_sources_with_fields_of_one_name_are_told_to_rename() -> None:
    with pytest.raises(InputError, match=r"two sources have a field called 'image'"):
        load({"digits": {}, "other": {}}, {}, 0, sources={"other": "digits"})


def test_a_batch_larger_than_one_of_the_sources_is_said() -> None:
    found = load({"digits": {}, "wine": {"label": "kind"}}, {}, 0)
    with pytest.raises(InputError, match="E807"):
        next(stream(found.train, Order(len(found.train), 200, 0), 0))


def test_wrong_data_is_said_where_the_spec_names_it() -> None:
    program = compile_text(SPEC.replace("turned: {image: b,", "turnd: {image: b,"))
    with pytest.raises(InputError) as caught:
        data_of(program, read(program))
    found = caught.value.diagnostics[0]
    assert found.place is not None and "upright" in found.place.text
    assert found.help.startswith("did you mean 'turned'?")
    with pytest.raises(SpecError, match="E215"):
        data_of(bad := compile_text(SPEC.replace("[0, =first]", "[0, =frist]")), read(bad))


def test_top_level_data_has_a_schema() -> None:
    with pytest.raises(SpecError, match="E202"):
        compile_text(SPEC.replace("turned: {digits:", "turned: {iris: , digits:"))


def test_an_earlier_runs_facts_hold_for_other_data() -> None:
    first = load("wine", {}, 0)
    again = load({"wine": {"only": {"label": 0}}}, {}, 0, known=first.facts)
    assert again.facts["scale"] == first.facts["scale"]
    image = {"digits": {"normalize": True, "only": {"label": 0}}}
    normal = load({"digits": {"normalize": True}}, {}, 0).facts["preprocess"]
    assert load(image, {}, 0, preprocess=normal).facts["preprocess"] == normal
    assert load(image, {}, 0).facts["preprocess"] != normal


def test_large_images_are_kept_as_bytes_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"digits": {"normalize": True, "pad": 1}}
    floats = load(data, {}, 0)
    monkeypatch.setattr("archc_train.data.images.AS_FLOATS", 1)
    whole = load(data, {}, 0)
    assert type(whole.train) is not type(floats.train)
    items = torch.tensor([5, 3, 8])
    assert torch.equal(whole.train.batch(items)["image"], floats.train.batch(items)["image"])
    assert np.isclose(values(floats.train, "image")[..., 1:-1, 1:-1].mean(), 0, atol=1e-4)
