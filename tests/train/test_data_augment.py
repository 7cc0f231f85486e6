"""Training images changed at random: kornia's augmentations, mixed classes, and noise as steps."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from archc.errors import InputError, SpecError
from archc.pipeline import compile, compile_text
from archc.train import join, read
from archc_train.data import data_of
from archc_train.data.augment import Augment
from archc_train.device import Device
from archc_train.evaluate import evaluate
from archc_train.loop import Loop
from archc_train.trainee import Trainee

pytest.importorskip("kornia")

SPEC = """
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: 10}]
outputs: {logits: prev}
train:
  data: digits
  batch: 64
  epochs: 2
  loss: {cross_entropy: [logits, label]}
  metrics: {accuracy: [logits, label]}
  optimizer: {adam: {lr: 1.0e-2}}
  augment: [STEPS]
"""
ALL = (
    "{random_crop: {size: [8, 8], padding: 2}}, random_horizontal_flip, {random_rotation: 15}, "
    "{mixup: {p: 0.5}}, {cutmix: {beta: 1.0}}"
)


def augment(steps: str, text: str = SPEC):
    program = compile_text(text.replace("STEPS", steps))
    training = read(program)
    data = data_of(program, training)
    made = Augment(training.augment, join(program, training, data.types), data)
    return made, data.train.batch(torch.arange(16))


def test_images_change_and_nothing_else() -> None:
    change, batch = augment("{random_crop: {size: [8, 8], padding: 2}}, random_horizontal_flip")
    torch.manual_seed(0)
    found = change(batch)
    assert found["image"].shape == batch["image"].shape
    assert not torch.equal(found["image"], batch["image"])
    assert torch.equal(found["label"], batch["label"])


def test_what_is_drawn_follows_from_torchs_generator() -> None:
    change, batch = augment(ALL)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(change(batch)["image"])
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    "step", ["mixup", "cutmix", "{mixup: {p: 0.0}}", "{cutmix: {num_mix: 3}}", "mixup, cutmix"]
)
def test_mixed_classes_are_shares_that_add_up_to_one(step: str) -> None:
    change, batch = augment(step)
    torch.manual_seed(0)
    found = change(batch)
    assert found["label"].shape == (16, 10) and found["label"].dtype == torch.float32
    assert torch.allclose(found["label"].sum(dim=1), torch.ones(16))
    if "0.0" in step:
        assert torch.equal(found["label"].argmax(dim=1), batch["label"])
        assert torch.equal(found["image"], batch["image"])


@pytest.mark.parametrize("step", ["mixup", "cutmix"])
def test_a_mixed_item_has_the_share_of_each_that_its_class_says(step: str) -> None:
    change, batch = augment(step)
    batch = {"image": torch.zeros(2, 1, 8, 8), "label": torch.tensor([3, 4])}
    batch["image"][1] = 1  # so an image's mean is the share of the second item
    for seed in range(5):
        torch.manual_seed(seed)
        found = change(batch)
        assert torch.allclose(found["image"].mean(dim=(1, 2, 3)), found["label"][:, 4], atol=1e-5)


def test_mixed_classes_train_and_evaluation_stays_as_it_was() -> None:
    steps = "{random_rotation: 5}, {random_crop: {size: [8, 8], padding: 1}}, {mixup: {p: 0.5}}"
    program = compile_text(SPEC.replace("STEPS", steps).replace("epochs: 2", "epochs: 8"))
    training = read(program)
    data = data_of(program, training)
    graphs = join(program, training, data.types)

    def loop() -> Loop:
        torch.manual_seed(0)
        return Loop(Trainee(program, graphs, None, 0), training, graphs, data, Device(cpu=True))

    whole = loop()
    state = None
    while whole.turn < whole.turns:
        whole.next_turn()
        if whole.turn == 7:
            state = copy.deepcopy(whole.state())
    found = evaluate(whole.trainee, training, graphs, whole.learners, data.val, whole.device)
    assert found["accuracy"] > 0.5
    rest = loop()
    torch.manual_seed(99)
    rest.load(state)
    while rest.turn < rest.turns:
        rest.next_turn()
    weights = whole.trainee.weights()
    assert all(torch.equal(value, weights[name]) for name, value in rest.trainee.weights().items())


@pytest.mark.parametrize(
    ("step", "code", "said"),
    [
        ("random_horizontal_flp", "E204", "did you mean 'random_horizontal_flip'?"),
        ("{random_rotation: {degres: 3}}", "E206", "did you mean 'degrees'?"),
        ("flip", "E204", "random_horizontal_flip, random_vertical_flip"),
        ("{random_crop: {padding: 2}}", "E203", "random_crop needs 'size'"),
        ("{random_rotation: {degrees: much}}", "E207", "degrees: expected numbers, found 'much'"),
        ("{random_rotation: []}", "E207", "degrees: expected 2 numbers from -360.0 to 360.0"),
        ("{random_crop: {size: 3}}", "E207", "random_crop: `size` must be a (height, width) pair"),
        ("{random_horizontal_flip: 2}", "E207", "p: expected a number from 0 to 1, found 2"),
        ("{mixup: 0.4}", "E207", "mixup: lambda_val: expected 2 numbers from 0 to 1, found 0.4"),
        ("{mixup: 0.4}", "E207", "help: {mixup: {p: 0.5}}"),
    ],
)
def test_what_kornia_does_not_know_is_said(step: str, code: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        augment(step)
    found = caught.value.diagnostics[0]
    assert found.code == code and said in str(caught.value)
    assert found.place is not None and "augment:" in found.place.text


def test_mixing_wants_classes_that_a_cross_entropy_alone_reads() -> None:
    regression = SPEC.replace("{cross_entropy: [logits, label]}", "{mse: [logits, 0]}")
    with pytest.raises(InputError, match="no cross_entropy takes"):
        augment("mixup", regression.replace("  metrics: {accuracy: [logits, label]}\n", ""))
    conditional = """
archc: 1
name: net
models:
  net: {inputs: {image: [N, 1, 8, 8]}, graph: [flatten, {linear: 10}]}
train:
  data: digits
  augment: [STEPS]
  updates:
    - name: both
      model: net
      graph:
        - {net: [image], name: logits}
        - {one_hot: 10, in: label}
        - {cast: float32, name: code}
        - {mse: [logits, code], name: far}
        - {cross_entropy: [logits, label], name: wrong}
      loss: {far: 1, wrong: 1}
      optimizer: adam
"""
    with pytest.raises(InputError, match="one_hot takes one class"):
        augment("cutmix", conditional)


def test_augmentation_wants_images() -> None:
    table = SPEC.replace("data: digits", "data: wine").replace("image: [N, 1, 8, 8]", "x: [N, 13]")
    with pytest.raises(InputError, match="no images to augment in wine"):
        augment("random_horizontal_flip", table)


NOISE = """
archc: 1
name: net
models:
  net: {inputs: {image: [N, 1, 8, 8]}, graph: [flatten, {linear: 10}]}
train:
  data: digits
  updates:
    - name: u
      model: net
      graph: [{STEP, in: image, name: noisy}, {net: [noisy]}, {mean: , name: loss}]
      loss: {loss: 1}
      optimizer: adam
  metrics: {seen: u.noisy}
"""


def corrupted(step: str, x: torch.Tensor) -> torch.Tensor:
    """The block's result, as a training draws it."""
    program = compile_text(NOISE.replace("STEP", step))
    training = read(program)
    data = data_of(program, training)
    trainee = Trainee(program, join(program, training, data.types), None, 0)
    torch.manual_seed(0)
    return trainee("u", {"image": x})["noisy"]


def test_corruption_of_inputs_is_steps_of_the_loss() -> None:
    x = torch.full((400, 1, 8, 8), 0.5)
    noise = corrupted("corrupt_gaussian: 0.3", x) - x
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.std()) == pytest.approx(0.3, abs=0.01)
    masked = corrupted("corrupt_mask: {share: 0.2, value: -1.0}", x)
    assert set(masked.unique().tolist()) == {-1.0, 0.5}
    assert float((masked == -1).float().mean()) == pytest.approx(0.2, abs=0.01)
    salt = corrupted("corrupt_salt_pepper: 0.4", x)
    assert [float((salt == v).float().mean()) for v in (0.0, 0.5, 1.0)] == pytest.approx(
        [0.2, 0.6, 0.2], abs=0.01
    )
    assert F.mse_loss(corrupted("corrupt_mask: 0.0", x), x) == 0


@pytest.mark.parametrize(("mask", "size"), [("uint8", 8), ("int64", 8), ("uint8", 16)])
def test_images_that_belong_together_are_not_changed_apart(
    mask: str, size: int, tmp_path: Path
) -> None:
    pictures = np.zeros((64, 8, 8), np.uint8)
    np.savez(tmp_path / "pairs.npz", image=pictures, mask=np.zeros((64, size, size), mask))
    text = SPEC.replace("digits", "{npz: {path: pairs.npz}}").replace(
        "loss: {cross_entropy: [logits, label]}\n  metrics: {accuracy: [logits, label]}",
        "loss: {mean: [logits]}",
    )
    program = compile_text(text.replace("STEPS", "random_horizontal_flip"))
    training = read(program)
    data = data_of(program, training, str(tmp_path / "pairs.npz"))
    with pytest.raises(InputError, match="'image', and not 'mask' likewise"):
        Augment(training.augment, join(program, training, data.types), data)


TWO = """
archc: 1
name: net
inputs: {photo: [N, 1, 8, 8], image: [N, 1, 8, 8]}
graph: [{add: [photo, image]}, flatten, {linear: 10}]
outputs: {logits: prev}
train:
  data: {photos: null, digits: null}
  batch: 64
  epochs: 2
  loss: {cross_entropy: [logits, label]}
  optimizer: {adam: {lr: 1.0e-2}}
  augment: [STEPS]
data: {photos: {npz: {path: photos.npz}}}
"""


def joined(steps: str, folder: Path, **more: np.ndarray) -> tuple[Augment, Any]:
    np.savez(folder / "photos.npz", photo=np.full((64, 8, 8), 9, np.uint8), **more)
    path = folder / "net.yaml"
    path.write_text(TWO.replace("STEPS", steps))
    program = compile(path)
    training = read(program)
    data = data_of(program, training)
    made = Augment(training.augment, join(program, training, data.types), data)
    return made, data.train.batch(torch.arange(16))


def test_classes_are_mixed_with_the_images_of_their_source(tmp_path: Path) -> None:
    change, batch = joined("mixup", tmp_path)
    torch.manual_seed(0)
    found = change(batch)
    assert torch.equal(found["photo"], batch["photo"])
    assert not torch.equal(found["image"], batch["image"])
    assert found["label"].shape == (16, 10)


def test_images_of_one_of_two_sources_are_not_changed_apart_either(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'photo', and not 'mask' likewise"):
        joined("random_horizontal_flip", tmp_path, mask=np.zeros((64, 8, 8), np.uint8))
