"""StyleGAN by count and by value against the paper's formulas, in both backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from zoo.both import BACKENDS, Networks, close

import archc
import archc_torch

IN_BOTH = pytest.mark.parametrize("backend", BACKENDS)
rng = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return rng.standard_normal(shape).astype(np.float32)


Weights = Mapping[str, Tensor]


def lerp(old: Tensor, new: Tensor, alpha: Any) -> Tensor:
    return old * (1 - alpha) + new * alpha


def equal(w: Weights, name: str, gain: float = 2**0.5, rate: float = 1.0) -> Tensor:
    """A weight as it is used: drawn with deviation 1/rate, scaled by He's constant and the rate."""
    return w[f"{name}.weight"] * (gain * rate / w[f"{name}.weight"][0].numel() ** 0.5)


def dense(w: Weights, name: str, x: Tensor, gain: float = 2**0.5, rate: float = 1.0) -> Tensor:
    return x @ equal(w, name, gain, rate).T + w[f"{name}.bias"] * rate


def blurred(x: Tensor) -> Tensor:
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    padded = F.pad(x, (1, 1, 1, 1))
    rows = sum(line[k] * padded[:, :, k : k + x.shape[2]] for k in range(3))
    return sum(line[k] * rows[..., k : k + x.shape[3]] for k in range(3))


def four_shifts(kernel: Tensor) -> Tensor:
    """A 3 x 3 kernel and a doubling or halving in one: 4 x 4, as the authors' code computes it."""
    k = F.pad(kernel, (1, 1, 1, 1))
    return k[..., 1:, 1:] + k[..., :-1, 1:] + k[..., 1:, :-1] + k[..., :-1, :-1]


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def halved(x: Tensor) -> Tensor:
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def mapped(w: Weights, z: Tensor) -> Tensor:
    x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for k in range(8):
        x = F.leaky_relu(dense(w, f"mapping.layers.{k}.fc", x, rate=0.01), 0.2)
    return x


def styled(w: Weights, name: str, x: Tensor, noise: Tensor, code: Tensor) -> Tensor:
    x = x + noise * w[f"{name}.noise_scale"] + w[f"{name}.bias"]
    x = torch.maximum(x, 0.2 * x)
    x = x - x.mean((2, 3), keepdim=True)
    x = x / (x.square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
    scale, shift = dense(w, f"{name}.style", code, gain=1).chunk(2, dim=1)
    return x * (scale[:, :, None, None] + 1) + shift[:, :, None, None]


def coloured(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.conv2d(x, equal(w, f"{name}.conv", gain=1)) + w[f"{name}.conv.bias"]


def painted(
    w: Weights, codes: Tensor, noises: list[Tensor], alpha: float | None, stages: int
) -> Tensor:
    """The synthesis network; `codes` [N, L, D] are styles by layer."""
    x = w["synthesis.const"].expand(len(codes), -1, -1, -1)
    before = x
    for i in range(stages):
        name = f"synthesis.b{4 * 2**i}"
        if i > 0:
            before = x
            kernel = four_shifts(equal(w, f"{name}.conv0")).transpose(0, 1).flip(2, 3)
            x = blurred(F.conv_transpose2d(x, kernel, stride=2, padding=1))
        x = styled(w, f"{name}.style0", x, noises[2 * i], codes[:, 2 * i])
        x = F.conv2d(x, equal(w, f"{name}.conv1"), padding=1)
        x = styled(w, f"{name}.style1", x, noises[2 * i + 1], codes[:, 2 * i + 1])
    size = 4 * 2 ** (stages - 1)
    new = coloured(w, f"synthesis.rgb{size}", x)
    if alpha is None:
        return new
    return lerp(doubled(coloured(w, f"synthesis.rgb{size // 2}", before)), new, alpha)


def judged(w: Weights, image: Tensor, alpha: float | None, stages: int) -> Tensor:
    """The discriminator, all of the batch one group."""

    def conv(x: Tensor, name: str) -> Tensor:
        x = F.conv2d(x, equal(w, name), padding=w[f"{name}.weight"].shape[-1] // 2)
        return F.leaky_relu(x + w[f"{name}.bias"], 0.2)

    body, size = "discriminator.body", 4 * 2 ** (stages - 1)
    x = conv(image, f"{body}.rgb{size}")
    for i in reversed(range(1, stages)):
        name = f"{body}.b{4 * 2**i}"
        x = blurred(conv(x, f"{name}.conv0"))
        x = F.conv2d(x, four_shifts(equal(w, f"{name}.conv1")) / 4, stride=2, padding=1)
        x = F.leaky_relu(x + w[f"{name}.conv1.bias"], 0.2)
        if i == stages - 1:
            assert alpha is not None
            x = lerp(conv(halved(image), f"{body}.rgb{size // 2}"), x, alpha)
    deviation = (x.var(0, unbiased=False) + 1e-8).sqrt().mean()
    x = torch.cat([x, deviation.expand(len(x), 1, 4, 4)], dim=1)
    x = conv(x, f"{body}.b4.conv").flatten(1)
    x = F.leaky_relu(dense(w, f"{body}.b4.fc", x), 0.2)
    return dense(w, f"{body}.b4.out", x, gain=1)


class Style:
    """A small StyleGAN with drawn weights, and inputs for it."""

    def __init__(self, resolution: int) -> None:
        small = {"resolution": resolution, "dim": 6, "widest": 5}
        self.program = archc.compile("stylegan", set=small)
        self.stages = int(np.log2(resolution)) - 1
        self.layers = 2 * self.stages
        self.weights: dict[str, Tensor] = {}
        torch.manual_seed(resolution)
        for entry in self.program.weights():
            if entry.weight.value is None:
                value = torch.randn([int(str(size)) for size in entry.weight.type.dims])
                slow = ".layers." in entry.name and entry.name.endswith("weight")
                self.weights[entry.name] = value * 100 if slow else value
        self.noises = [
            noise(2, 1, 4 * 2 ** (i // 2), 4 * 2 ** (i // 2)) for i in range(self.layers)
        ]

    def feeds(self, alpha: float, **others: Any) -> dict[str, Any]:
        given = {f"noise__{k}": value for k, value in enumerate(self.noises)} | others
        return given | ({"alpha": np.float32(alpha)} if self.stages > 1 else {})

    def networks(self, folder: Path, backend: str) -> Networks:
        return Networks(self.program, self.weights, folder, backend)

    def alpha(self, value: float) -> float | None:
        return value if self.stages > 1 else None


def tensors(arrays: list[np.ndarray[Any, Any]]) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def test_stylegan_has_the_papers_parameters() -> None:
    program = archc.compile("stylegan1024")
    generator, judge = (program.count_params(name) for name in ("generator", "discriminator"))
    assert abs(generator - 26.2e6) <= 0.01 * 26.2e6
    assert abs(judge - 23.1e6) <= 0.01 * 23.1e6
    # The authors' code counts a layer to and from colours for each of the nine resolutions.
    channels = [512, 512, 512, 512, 256, 128, 64]  # of those below the two that fade
    assert generator + sum(3 * c + 3 for c in channels) == 26_219_627
    assert judge + sum(4 * c for c in channels) == 23_087_249


def test_every_resolution_is_a_variant_with_its_fading_as_an_input() -> None:
    for stage, size in enumerate([4, 8, 16, 32, 64, 128, 256, 512, 1024]):
        program = archc.compile(f"stylegan{size}")
        inputs = {name: str(type) for name, type in program.model.input_types().items()}
        noises = [f"noise.{k}" for k in range(2 * stage + 2)]
        fading = ["alpha"] if size > 4 else []  # nothing comes before 4 x 4
        assert list(inputs) == ["z1", "z2", "crossing", "psi", *noises, *fading]
        assert inputs[noises[-1]] == f"float32[N, 1, {size}, {size}]"
        (image,) = program.model.output_types().values()
        assert str(image) == f"float32[N, 3, {size}, {size}]"
        judge = program.models["discriminator"].input_types()
        assert list(judge) == ["image", *fading]


@IN_BOTH
@pytest.mark.parametrize(("resolution", "crossing"), [(4, 1), (8, 3), (16, 2)])
def test_stylegan_equals_the_papers_formulas(
    resolution: int, crossing: int, tmp_path: Path, backend: str
) -> None:
    style = Style(resolution)
    run, w = style.networks(tmp_path, backend), style.weights
    z1, z2 = noise(2, 6), noise(2, 6)
    psi = rng.uniform(0.3, 1.0, style.layers).astype(np.float32)
    w1, w2 = mapped(w, torch.from_numpy(z1)), mapped(w, torch.from_numpy(z2))
    close(run("mapping", z=z1)["w"], w1)
    average = w["generator.w_avg.average"]
    codes = torch.stack(
        [lerp(average, (w1, w2)[k >= crossing], float(psi[k])) for k in range(style.layers)], dim=1
    )
    feeds = style.feeds(0.3, z1=z1, z2=z2, psi=psi, crossing=np.int64(crossing))
    found = run("generator", **feeds)
    noises = tensors(style.noises)
    expected = painted(w, codes, noises, style.alpha(0.3), style.stages)
    close(found["image"], expected, tolerance=1e-4)

    image = noise(3, 3, resolution, resolution)
    feeds = {"image": image} | ({"alpha": np.float32(0.3)} if style.stages > 1 else {})
    expected = judged(w, torch.from_numpy(image), style.alpha(0.3), style.stages)
    close(run("discriminator", **feeds)["logits"], expected, tolerance=1e-4)


@pytest.fixture(scope="module")
def grown() -> tuple[Style, Callable[..., Any]]:
    """A StyleGAN of 16 x 16 and a function that draws with it: codes, crossing, psi, alpha."""
    style = Style(16)
    z1, z2 = noise(2, 6), noise(2, 6)
    run = style.networks(Path(), "PyTorch")

    def draw(crossing: int = 6, psi: float = 1.0, alpha: float = 1.0, swap: bool = False) -> Any:
        first, second = (z2, z1) if swap else (z1, z2)
        feeds = style.feeds(alpha, z1=first, z2=second, crossing=np.int64(crossing))
        return run("generator", psi=np.full(6, psi, np.float32), **feeds)["image"]

    return style, draw


def test_two_codes_are_mixed_at_a_layer(grown: tuple[Style, Callable[..., Any]]) -> None:
    _, draw = grown
    first, second = draw(crossing=6), draw(crossing=0)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(draw(crossing=0, swap=True), first)
    mixed = [draw(crossing=k) for k in range(1, 6)]
    pictures = [second, *mixed, first]
    for k, one in enumerate(pictures):
        assert all(not np.allclose(one, other) for other in pictures[:k])


def test_truncation_draws_styles_towards_their_mean(
    grown: tuple[Style, Callable[..., Any]],
) -> None:
    _, draw = grown
    np.testing.assert_allclose(draw(psi=0.0), draw(psi=0.0, swap=True), atol=1e-5)
    distances = [np.abs(draw(psi=psi) - draw(psi=0.0)).mean() for psi in (0.0, 0.1, 1.0)]
    assert distances[0] == 0 < distances[1] < distances[2]


def test_a_new_resolution_fades_in_over_the_one_before(tmp_path: Path) -> None:
    large = Style(16)
    small = Style(8)
    own = {name for name in small.weights if "rgb4" in name}  # what it faded in over itself
    assert small.weights.keys() - own <= large.weights.keys()
    small.weights |= {name: large.weights[name] for name in small.weights.keys() - own}
    small.noises = large.noises[: small.layers]
    w = noise(2, 6, 6)
    pictures = {
        alpha: large.networks(tmp_path, "PyTorch")("synthesis", w=w, **large.feeds(alpha))["image"]
        for alpha in (0.0, 0.5, 1.0)
    }
    before = small.networks(tmp_path, "PyTorch")("synthesis", w=w[:, :4], **small.feeds(1.0))
    np.testing.assert_allclose(
        pictures[0.0], before["image"].repeat(2, axis=2).repeat(2, axis=3), rtol=1e-5, atol=1e-5
    )
    full = painted(large.weights, torch.from_numpy(w), tensors(large.noises), None, 3)
    close(pictures[1.0], full, tolerance=1e-4)
    np.testing.assert_allclose(pictures[0.5], (pictures[0.0] + pictures[1.0]) / 2, atol=1e-5)

    image = noise(2, 3, 16, 16)
    judge = large.networks(tmp_path, "PyTorch")
    half = halved(torch.from_numpy(image)).numpy()
    score = judge("discriminator", image=image, alpha=np.float32(0))["logits"]
    smaller = small.networks(tmp_path, "PyTorch")("discriminator", image=half, alpha=np.float32(1))
    np.testing.assert_allclose(score, smaller["logits"], rtol=1e-4)


def test_weights_begin_with_deviation_one_and_so_do_the_values() -> None:
    program = archc.compile("stylegan16", set={"dim": 256, "widest": 128})
    module = archc_torch.module(program, model="synthesis")
    mapping = archc_torch.module(program, model="mapping")
    for name, value in {**mapping.state_dict(), **module.state_dict()}.items():
        if "conv" in name and name.endswith("weight"):
            assert abs(value.std().item() - 1) < 0.1, name
        elif ".fc.weight" in name:
            assert abs(value.std().item() - 100) < 5, name
        elif name.endswith(("bias", "noise_scale")):
            assert not value.any(), name
    z = noise(64, 256)
    assert 0.5 < np.std(archc_torch.evaluate(mapping, {"z": z})["w"]) < 2


def test_a_batch_of_equal_pictures_is_told_from_a_varied_one() -> None:
    style = Style(4)
    judge = archc_torch.module(style.program, style.weights, model="discriminator")
    images = torch.from_numpy(noise(4, 3, 4, 4))
    alone = torch.cat([judge(image[None]) for image in images])
    same = judge(images[:1].expand(4, -1, -1, -1))
    torch.testing.assert_close(same, alone[:1].expand(4, -1))
    assert (judge(images) - alone).abs().min() > 1e-3
