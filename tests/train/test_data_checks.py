"""What does not fit between data and networks is found before the first step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archc.errors import Diagnostic, InputError
from archc.pipeline import compile_text
from archc.train import join, read
from archc_train.data import data_of
from archc_train.data.check import check, fitting

SPEC = """
archc: 1
name: net
params: {classes: 10}
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: =classes}]
outputs: {logits: prev}
train:
  data: digits
  batch: 64
  loss: {cross_entropy: [logits, label]}
  optimizer: adam
"""


def checked(text: str, path: str | None = None) -> list[Diagnostic]:
    """The warnings."""
    program = compile_text(text)
    training = read(program)
    data = data_of(program, training, path)
    fitting(program, training, data)
    return check(program, training, join(program, training, data.types), data)


def error(text: str, path: str | None = None) -> Diagnostic:
    with pytest.raises(InputError) as caught:
        checked(text, path)
    return caught.value.diagnostics[0]


def test_what_fits_is_silent() -> None:
    assert checked(SPEC) == []
    generator = SPEC.replace("{cross_entropy: [logits, label]}", "{mse: [logits, 0]}")
    assert checked(generator) == []  # nobody asked for the label


def test_a_class_that_the_logits_do_not_have() -> None:
    found = error(SPEC.replace("classes: 10", "classes: 7"))
    assert found.code == "E807" and found.message == "label 7 is out of range: there are 7 classes"
    assert found.place is not None and "cross_entropy" in found.place.text
    assert "of the train part of digits has it" in found.notes[0]
    assert found.help == "digits has 10 in all: make it as many classes"
    item = int(found.notes[0].split()[1])
    program = compile_text(SPEC)
    rows = data_of(program, read(program)).train.batch(torch.arange(item + 1))["label"]
    assert int(rows[item]) == 7 and int(rows[:-1].max()) < 7


def test_the_classes_of_a_table_and_of_positions_that_count_for_nothing(tmp_path) -> None:
    picks = np.random.default_rng(0)
    targets = picks.integers(0, 4, (50, 6)).astype(np.int64)
    targets[20, 3] = -1
    np.savez(tmp_path / "a.npz", tokens=np.abs(targets), next=targets)
    text = """
archc: 1
name: net
inputs: {tokens: {shape: [N, T], dtype: int64}}
graph: [{embedding: {num: 4, dim: 3}}, {linear: 4}]
outputs: {logits: prev}
train:
  data: npz
  batch: 4
  split: {val: 5, test: 5}
  loss: {cross_entropy: {ignore: -1}, in: [logits, next]}
  optimizer: adam
"""
    path = str(tmp_path / "a.npz")
    assert checked(text, path) == []
    found = error(text.replace("{ignore: -1}", "{smoothing: 0.1}"), path)
    assert found.message == "next -1 is out of range: there are 4 classes"
    assert "ignore: -1" in found.help
    assert "tokens 3 is out of range: there are 3 rows" in str(
        error(text.replace("num: 4", "num: 3"), path)
    )


def test_tokens_that_the_embedding_does_not_have(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("abcdefgh " * 100)
    text = """
archc: 1
name: net
blocks:
  enter: {params: {num: int}, graph: [{embedding: {num: =num, dim: 4}, name: table}]}
inputs: {tokens: {shape: [N, T], dtype: int64}}
graph: [{enter: 5, repeat: 1}, {linear: 9}]
outputs: {logits: prev}
train:
  data: {text: {window: 10}}
  batch: 4
  loss: {cross_entropy: [logits, next]}
  optimizer: adam
"""
    found = error(text, str(tmp_path / "a.txt"))
    assert found.message == "tokens 5 is out of range: there are 5 rows"
    assert found.help == "text has 9 in all: make it as many rows"
    few = text.replace("enter: 5", "enter: 9").replace("linear: 9", "linear: 5")
    found = error(few, str(tmp_path / "a.txt"))
    assert found.message.endswith("is out of range: there are 5 classes")
    assert found.help == "text has 9 in all: make it as many classes"


def test_a_batch_larger_than_the_set() -> None:
    found = error(SPEC.replace("batch: 64", "batch: 1456"))
    assert found.message == "a batch of 1456 is larger than the training part"
    assert found.place is not None and found.place.text.strip() == "batch: 1456"
    assert found.help == "batch: 1455"
    assert checked(SPEC.replace("batch: 64", "batch: 1455")) == []


def test_a_batch_larger_than_one_of_the_sets() -> None:
    """Each source gives a whole batch, the smaller one, too."""
    text = """
archc: 1
name: net
inputs: {x: [N, 13], y: [N, 4]}
graph: [{concat: [x, y]}, {linear: 3}]
outputs: {logits: prev}
train:
  data: {wine: {label: kind}, iris: {x: y}}
  batch: 125
  loss: {cross_entropy: [logits, label]}
  optimizer: sgd
"""
    found = error(text)
    assert found.message == "a batch of 125 is larger than the training part"
    assert found.notes == ("iris has 121 items to train on",) and found.help == "batch: 121"


def test_a_field_that_is_asked_for_and_that_nothing_takes(tmp_path) -> None:
    text = SPEC.replace("{cross_entropy: [logits, label]}", "{mse: [logits, 0]}")
    found = error(text.replace("data: digits", "data: {digits: {label: kind}}"))
    assert found.message == "nothing takes the field 'kind' of digits"
    assert found.place is not None and "kind" in found.place.text
    np.savez(tmp_path / "a.npz", image=np.zeros((90, 8, 8), np.uint8), more=np.zeros(90))
    (warning,) = checked(text, str(tmp_path / "a.npz"))
    assert warning.severity == "warning" and "'more'" in warning.message


def test_classes_that_a_set_has_by_its_nature_need_not_be_taken(tmp_path) -> None:
    text = SPEC.replace("{cross_entropy: [logits, label]}", "{mse: [logits, 0]}")
    pictures, label = np.zeros((90, 8, 8), np.uint8), np.zeros(90, np.uint8)
    np.savez(tmp_path / "a.npz", x_train=pictures, y_train=label)
    assert checked(text, str(tmp_path / "a.npz")) == []
    np.savez(tmp_path / "b.npz", x_train=pictures, y_train=label, more_train=label)
    assert checked(text.replace("data: digits", "data: mnist"), str(tmp_path / "b.npz")) == []
    table = text.replace("image: [N, 1, 8, 8]", "x: [N, 1]").replace("data: digits", "data: table")
    (tmp_path / "a.csv").write_text("width,label\n" + "1.5,a\n2.5,b\n" * 60)
    assert checked(table, str(tmp_path / "a.csv")) == []
    (tmp_path / "b.csv").write_text("width,target\n" + "1.5,3\n2.5,4\n" * 60)
    (warning,) = checked(table, str(tmp_path / "b.csv"))
    assert warning.message == "nothing takes the column 'target' of table"


def test_columns_of_which_no_field_is_made(tmp_path) -> None:
    text = SPEC.replace("image: [N, 1, 8, 8]", "x: [N, 2]")
    fields = "data: {table: {fields: {x: [a, b], label: cls}}}"
    (tmp_path / "t.csv").write_text("a,b,cls,w,day\n" + "1.5,2,u,3,mon\n2.5,4,v,5,tue\n" * 60)
    (warning,) = checked(text.replace("data: digits", fields), str(tmp_path / "t.csv"))
    assert warning.message == "nothing takes the columns 'day', 'w' of table"
    assert warning.severity == "warning"
    (tmp_path / "t.csv").write_text("a,b,label,day\n" + "1.5,2,u,mon\n2.5,4,v,tue\n" * 60)
    (warning,) = checked(text.replace("data: digits", "data: table"), str(tmp_path / "t.csv"))
    assert warning.message == "nothing takes the column 'day' of table"


@pytest.mark.parametrize("name", ["kind", "label"])
def test_a_column_that_is_named_and_that_nothing_takes(tmp_path, name: str) -> None:
    fields = f"{{x: [width], {name}: species}}"
    text = (
        SPEC.replace("image: [N, 1, 8, 8]", "x: [N, 1]")
        .replace("{cross_entropy: [logits, label]}", "{mse: [logits, 0]}")
        .replace("data: digits", f"data: {{table: {{fields: {fields}}}}}")
    )
    (tmp_path / "a.csv").write_text("width,species\n" + "1.5,a\n2.5,b\n" * 60)
    found = error(text, str(tmp_path / "a.csv"))
    assert found.severity == "error"
    assert found.message == f"nothing takes the field '{name}' of table"
    assert "or leave it out" in found.help


@pytest.mark.parametrize(
    ("shape", "help"),
    [
        ("[N, 1, 12, 12]", "data: {digits: {pad: 2}}"),
        ("[N, 1, 16, 9]", "data: {digits: {size: [16, 9]}}"),
        ("[N, 3, 8, 8]", "data: {digits: {colours: RGB}}"),
        ("[N, 3, 4, 4]", "data: {digits: {colours: RGB, size: [4, 4]}}"),
        ("[N, 64]", ""),
    ],
)
def test_images_of_another_shape_are_told_how_to_fit(shape: str, help: str) -> None:
    text = SPEC.replace("[N, 1, 8, 8]", shape)
    found = error(text)
    assert found.code == "E807" and found.help == help
    assert found.notes == (f"the input is float32{shape}", "the field is  float32[N, 1, 8, 8]")
    if help:
        assert checked(text.replace("data: digits", help)) == []
