"""Autoencoders: what their models give, which weights they share, and the draw of a code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo.both import BACKENDS, Networks, close, drawn

import archc
from archc.sample import lively
from archc.store import stored

SMALL: dict[str, dict[str, Any]] = {
    "autoencoder": {"hidden": [12, 9], "code": 4, "size": 8},
    "denoising_autoencoder": {"code": 70, "size": 8},
    "conv_autoencoder": {"filters": [3, 5], "size": 8, "kernel": 3},
    "vae": {"hidden": 9, "latent": 4},
    "conv_vae": {"filters": [3, 5], "size": 8, "kernel": 3, "hidden": 9, "latent": 4},
}
VARIATIONAL = {"vae", "conv_vae"}
both = pytest.mark.parametrize("backend", BACKENDS)
every = pytest.mark.parametrize("name", SMALL)
variational = pytest.mark.parametrize("name", sorted(VARIATIONAL))


def images(program: archc.Program, count: int = 3) -> np.ndarray:
    _, *dims = program.model.input_types()["image"].dims
    return np.random.default_rng(0).random((count, *map(int, dims)), np.float32)


def noise(program: archc.Program, count: int = 3) -> dict[str, np.ndarray]:
    """The input of variational ones beside the picture."""
    wanted = program.model.input_types().get("noise")
    if wanted is None:
        return {}
    draws = np.random.default_rng(1).standard_normal((count, int(wanted.dims[1])))
    return {"noise": draws.astype(np.float32)}


def values(program: archc.Program) -> dict[str, np.ndarray]:
    """Weights that all matter, as arrays."""
    with stored(program, lively(program)) as entries:
        return {name: entry.array().copy() for name, entry in entries.items()}


# ---- the true sizes


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("autoencoder", (30,)), ("denoising_autoencoder", (1000,)),
        ("conv_autoencoder", (150, 7, 7)), ("vae", (20,)), ("conv_vae", (32,)),
    ],
)  # fmt: skip
def test_pictures_become_codes_and_codes_pictures(name: str, code: tuple[int, ...]) -> None:
    program = archc.compile(name)
    picture = (1, 28, 28)
    encoder, decoder = program.models["encoder"], program.models["decoder"]
    assert {type.dims[1:] for type in encoder.input_types().values()} == {picture}
    assert {type.dims[1:] for type in encoder.output_types().values()} == {code}
    assert {type.dims[1:] for type in decoder.input_types().values()} == {code}
    assert {type.dims[1:] for type in decoder.output_types().values()} == {picture}
    whole = program.model.output_types()
    assert whole["image"].dims[1:] == whole["logits"].dims[1:] == picture
    assert whole["z" if name in VARIATIONAL else "code"].dims[1:] == code


def test_a_denoising_code_may_be_larger_than_the_picture() -> None:
    types = archc.compile("denoising_autoencoder").models["encoder"].output_types()
    assert types["code"].dims[1] > 28 * 28


# ---- values


def dense(*sizes: int) -> nn.Sequential:
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.Sigmoid())]
    return nn.Sequential(*layers[:-1])


@both
def test_the_dense_autoencoder_is_the_papers(backend: str, tmp_path) -> None:
    down, up = dense(64, 12, 9, 4), dense(4, 9, 12, 64)
    names = {"0": "layers.0.fc", "2": "layers.1.fc"}
    weights: dict[str, Tensor] = {}
    for model, module, last in (("encoder", down, "code"), ("decoder", up, "image")):
        for name, value in drawn(module).items():
            position, _, kind = name.partition(".")
            weights[f"{model}.{names.get(position, last)}.{kind}"] = value
    program = archc.compile("autoencoder", set=SMALL["autoencoder"])
    picture = torch.from_numpy(images(program))
    found = Networks(program, weights, tmp_path, backend)(image=picture)
    code = down(picture.flatten(1))
    close(found["code"], code)
    close(found["logits"], up(code).view(3, 1, 8, 8))
    close(found["image"], up(code).view(3, 1, 8, 8).sigmoid())


@both
def test_the_convolutional_autoencoder_goes_back_through_its_own_convolutions(
    backend: str, tmp_path
) -> None:
    program = archc.compile("conv_autoencoder", set=SMALL["conv_autoencoder"])
    weights = values(program)
    assert {name for name in weights if name.startswith("decoder.")} == {
        "decoder.layer0.conv.bias", "decoder.layer1.conv.bias",
    }  # fmt: skip
    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    picture = torch.from_numpy(images(program))
    shape = {"stride": 2, "padding": 1}
    x = picture
    for k in (0, 1):
        at = f"layer{k}.conv"
        x = F.conv2d(x, w[f"encoder.{at}.weight"], w[f"encoder.{at}.bias"], **shape).tanh()
    code = x
    for k in (1, 0):
        at = f"layer{k}.conv"
        x = x.tanh() if k == 0 else x
        x = F.conv_transpose2d(
            x, w[f"encoder.{at}.weight"], w[f"decoder.{at}.bias"], output_padding=1, **shape
        )
    found = Networks(program, weights, tmp_path, backend)(image=picture)
    close(found["code"], code)
    close(found["logits"], x)


# ---- sharing


@every
def test_the_three_models_have_one_set_of_weights(name: str) -> None:
    program = archc.compile(name, set=SMALL[name])
    parts = {
        model: {entry.name for entry in program.weights(model)}
        for model in ("encoder", "decoder", program.main)
    }
    assert parts[program.main] == parts["encoder"] | parts["decoder"]


@both
@every
def test_the_parts_make_the_whole(name: str, backend: str, tmp_path) -> None:
    program = archc.compile(name, set=SMALL[name])
    network = Networks(program, values(program), tmp_path, backend)
    picture, draws = images(program), noise(program)
    whole = network(image=picture, **draws)
    code = network("encoder", image=picture)
    if draws:
        close(code["mean"], whole["mean"])
        close(code["log_var"], whole["log_var"])
        code = {"z": code["mean"] + np.exp(code["log_var"] / 2) * draws["noise"]}
        close(code["z"], whole["z"])
    close(network("decoder", **code)["logits"], whole["logits"])
    close(1 / (1 + np.exp(-whole["logits"])), whole["image"])


@both
@every
def test_a_weight_that_changes_changes_every_model_that_has_it(
    name: str, backend: str, tmp_path
) -> None:
    program = archc.compile(name, set=SMALL[name])
    weights = values(program)
    changed = {
        "encoder": next(name for name in weights if name.startswith("encoder.")),
        "decoder": next(name for name in weights if name.startswith("decoder.")),
    }
    tied = {"encoder", "decoder"} if name == "conv_autoencoder" else {"encoder"}
    feeds = {"encoder": {"image": images(program)}, program.main: {"image": images(program)}}
    feeds[program.main] |= noise(program)
    ((code, type),) = program.models["decoder"].input_types().items()
    dims = [3, *map(int, type.dims[1:])]
    feeds["decoder"] = {code: np.random.default_rng(2).standard_normal(dims).astype(np.float32)}
    before = Networks(program, weights, tmp_path, backend)
    for part, weight in changed.items():
        (tmp_path / part).mkdir()
        after = Networks(
            program, {**weights, weight: weights[weight] + 0.5}, tmp_path / part, backend
        )
        affected = {
            model for model, fed in feeds.items()
            if differ(before(model, **fed), after(model, **fed))
        }  # fmt: skip
        assert affected == {program.main} | (tied if part == "encoder" else {"decoder"})


def differ(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return any(np.abs(a[name] - b[name]).max() > 1e-4 for name in a)


# ---- the draw


@both
@variational
def test_codes_have_the_mean_and_the_variance_that_the_encoder_says(
    name: str, backend: str, tmp_path
) -> None:
    count = 4096
    program = archc.compile(name, set=SMALL[name])
    network = Networks(program, values(program), tmp_path, backend)
    picture = images(program, 1).repeat(count, axis=0)
    found = network(image=picture, **noise(program, count))
    z, mean, variance = found["z"], found["mean"][0], np.exp(found["log_var"][0])
    assert variance.max() > 1.2 * variance.min()  # of different spread, or nothing is told
    off = (z.mean(axis=0) - mean) / np.sqrt(variance / count)
    assert np.abs(off).max() < 4.5  # standard errors
    ratio = z.var(axis=0, ddof=1) / variance
    assert np.abs(ratio - 1).max() < 4.5 * np.sqrt(2 / (count - 1))
    correlation = np.corrcoef(z, rowvar=False) - np.eye(z.shape[1])
    assert np.abs(correlation).max() < 4.5 / np.sqrt(count)


@both
@variational
def test_without_noise_the_code_is_the_mean(name: str, backend: str, tmp_path) -> None:
    program = archc.compile(name, set=SMALL[name])
    network = Networks(program, values(program), tmp_path, backend)
    found = network(image=images(program), noise=0 * noise(program)["noise"])
    close(found["z"], found["mean"])
