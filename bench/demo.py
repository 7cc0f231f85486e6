"""Builds two networks from their specs, verifies them, and runs them on real inputs.

    python bench/demo.py                    ResNet-18 on a photograph, LeNet-5 on handwritten digits
    python bench/demo.py lenet5             one of them
    python bench/demo.py --out build/demo   where the builds go

Weights are initial values, so scores mean nothing yet: what is shown is that the spec, PyTorch and
onnxruntime are the same network. The photograph and the digits come with scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console, Group
from rich.panel import Panel
from rich.status import Status
from rich.style import Style
from rich.table import Table
from rich.text import Text

import archc
from archc.backends import backend
from archc.build import build

Array = np.ndarray[Any, Any]
SHADES = " ░▒▓█"
DRAWN = 20  # rows of pixels of a drawn photograph


@dataclass(frozen=True)
class Input:
    """A real input: what it is, its values as the network takes them, and pixels `[H, W, 3]`."""

    what: str
    feeds: dict[str, Array]
    pixels: Array


@dataclass(frozen=True)
class Network:
    """A spec of the zoo, how it is called, and what it is run on."""

    title: str
    input: Callable[[], Input]


@dataclass(frozen=True)
class Result:
    """What building and running one network gave."""

    title: str
    program: archc.Program
    report: dict[str, Any]
    input: Input
    outputs: dict[str, Array]
    expected: dict[str, Array]
    compiled: float  # seconds from the spec to the typed program
    built: float  # seconds for everything that is in the folder, verification included
    latencies: dict[str, float]  # seconds, median, for the real input


# ---- real inputs


def photograph() -> Input:
    """scikit-learn's `china.jpg`, 224 x 224 pixels, normalised as ImageNet is."""
    from sklearn.datasets import load_sample_image

    picture = Image.fromarray(load_sample_image("china.jpg"))
    square = picture.resize((256 * picture.width // picture.height, 256)).crop(middle(picture))
    values = np.asarray(square, np.float32) / 255
    values = (values - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    image = np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
    what = f"a photograph, {picture.width} x {picture.height}, cut to 224 x 224"
    small = picture.resize((DRAWN * picture.width // picture.height, DRAWN))
    return Input(what, {"image": image}, np.asarray(small))


def middle(picture: Image.Image) -> tuple[int, int, int, int]:
    """The 224 pixels in the middle of the picture once it is 256 high."""
    left = (256 * picture.width // picture.height - 224) // 2
    return left, 16, left + 224, 240


def digits() -> Input:
    """scikit-learn's handwritten digits, brought from 8 x 8 to 32 x 32 pixels."""
    from sklearn.datasets import load_digits

    small = load_digits().images  # [1797, 8, 8], 0 to 16
    grey = [Image.fromarray((one * 255 / 16).astype(np.uint8)) for one in small]
    scaled = [one.resize((32, 32), Image.Resampling.BILINEAR) for one in grey]
    image = np.stack([np.asarray(one, np.float32) / 255 for one in scaled])[:, None]
    first = np.pad(
        np.stack([np.kron(one, np.ones((2, 2), int)) for one in grey[:4]]), ((0, 0), (0, 0), (1, 1))
    )
    pixels = np.repeat(np.concatenate(first, axis=1)[..., None], 3, axis=2)
    return Input(f"{len(small):,} handwritten digits", {"image": image}, pixels)


def drawn(pixels: Array, colour: bool) -> Text:
    """Pixels `[H, W, 3]`, two to a character: coloured half blocks, or else shades of grey."""
    text = Text()
    for above, below in zip(pixels[::2], pixels[1::2], strict=True):
        for top, bottom in zip(above, below, strict=True):
            if colour:
                text.append("▀", Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom)))
            else:
                text.append(SHADES[int(top.mean()) * len(SHADES) // 256])
        text.append("\n")
    return text


NETWORKS = {"resnet18": Network("ResNet-18", photograph), "lenet5": Network("LeNet-5", digits)}


# ---- building and running


def demonstrate(name: str, folder: Path, seconds: float, stage: Callable[[str], None]) -> Result:
    """Builds the network and runs its ONNX file. Raises CheckError if the backends differ."""
    network = NETWORKS[name]
    stage("the spec")
    started = time.perf_counter()
    program = archc.compile(name)
    compiled = time.perf_counter() - started
    report = build(program, folder, progress=stage)
    built = time.perf_counter() - started
    stage("the real input")
    given = network.input()
    torch, ort = backend("torch"), backend("ort")
    torch.set_threads(ort.available_threads())
    module = torch.module(program, weights=folder / "weights.safetensors")
    session = ort.open_session(folder / "model.onnx", device="cpu")
    outputs = ort.evaluate(session, given.feeds)
    expected = torch.evaluate(module, given.feeds)
    stage("latency")
    timings = ort.compare(
        {
            "PyTorch": lambda: torch.evaluate(module, given.feeds),
            "onnxruntime": lambda: ort.evaluate(session, given.feeds),
        },
        seconds=seconds,
    )
    latencies = {timing.name: timing.median for timing in timings}
    return Result(
        network.title, program, report, given, outputs, expected, compiled, built, latencies
    )


# ---- showing


def shown(result: Result, colour: bool) -> Panel:
    """What the network was run on, and what came out."""
    ((name, scores),) = result.outputs.items()
    gap = difference(result)
    lines = Text.assemble(
        (f"{result.input.what}\n", "bold"),
        f"{name} {list(scores.shape)}, from {scores.min():.3f} to {scores.max():.3f}; ",
        f"PyTorch and onnxruntime differ by {gap:.0e} of the largest",
    )
    return Panel(
        Group(drawn(result.input.pixels, colour), lines), title=result.title, title_align="left"
    )


def difference(result: Result) -> float:
    """The largest difference on the real input, over the largest magnitude expected."""
    return max(
        float(np.abs(result.outputs[name] - value).max() / np.abs(value).max())
        for name, value in result.expected.items()
    )


def table(results: list[Result]) -> Table:
    """One column a network."""
    found = Table(title="From spec to onnxruntime", title_justify="left")
    found.add_column("")
    for result in results:
        found.add_column(result.title, justify="right")
    for label, cells in rows(results):
        found.add_row(label, *cells)
    return found


def rows(results: list[Result]) -> list[tuple[str, list[str]]]:
    """The table's rows: what is told, and each network's part."""

    def row(label: str, cell: Callable[[Result], str]) -> tuple[str, list[str]]:
        return label, [cell(result) for result in results]

    def size(name: str) -> Callable[[Result], str]:
        return lambda r: f"{r.report['files'][name] / 1e6:,.2f} MB"

    def latency(name: str) -> Callable[[Result], str]:
        return lambda r: f"{r.latencies[name] * 1e3:,.1f} ms"

    return [
        row("input", lambda r: ", ".join(map(str, r.program.model.input_types().values()))),
        row("output", lambda r: ", ".join(map(str, r.program.model.output_types().values()))),
        row("parameters", lambda r: f"{r.program.params:,}"),
        row("multiply-accumulates", lambda r: f"{r.program.macs:,}"),
        row("spec to typed program", lambda r: f"{r.compiled * 1e3:,.0f} ms"),
        row("build, verified", lambda r: f"{r.built:,.1f} s"),
        row("model.onnx", size("model.onnx")),
        row("weights.safetensors", size("weights.safetensors")),
        row("parity, random inputs", lambda r: f"{max(r.report['parity'].values()):.0e}"),
        row("parity, real input", lambda r: f"{difference(r):.0e}"),
        row("batch", lambda r: f"{len(next(iter(r.outputs.values()))):,}"),
        row("PyTorch, a batch", latency("PyTorch")),
        row("onnxruntime, a batch", latency("onnxruntime")),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NAME", help=" or ".join(NETWORKS))
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="where builds go")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long latency is measured")
    args = parser.parse_args()
    names = args.networks or list(NETWORKS)
    for name in names:
        if name not in NETWORKS:
            parser.error(f"no network '{name}'; there are {', '.join(NETWORKS)}")
    console, results = Console(), []
    for name in names:
        with Console(stderr=True).status("") as status:

            def stage(text: str, name: str = name, status: Status = status) -> None:
                status.update(f"{name}: {text}")

            results.append(demonstrate(name, args.out / name, args.seconds, stage))
        console.print(shown(results[-1], console.color_system is not None))
    console.print(table(results))
    console.print(
        "Weights are initial values, so scores mean nothing yet. "
        f"Latency is the median, with {backend('ort').available_threads()} threads for each.\n"
        f"The builds are in {args.out.as_posix()}: the PyTorch source, the ONNX file, the weights.",
        style="dim",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
