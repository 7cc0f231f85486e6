"""Builds two networks from their specs, verifies them, and runs them on real inputs.

    python bench/demo.py                    ResNet-18 on a photograph, LeNet-5 on handwritten digits
    python bench/demo.py lenet5             one of them
    python bench/demo.py --out build/demo   where the builds go

LeNet-5 has the weights of specs/recipes/weights, trained on MNIST, and reads the digits. ResNet-18
has initial values, so its scores mean nothing: what is shown is that the spec, PyTorch and
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
from archc.preprocess import Preprocess

Array = np.ndarray[Any, Any]
RECIPES = Path(__file__).resolve().parent.parent / "specs" / "recipes"
SHADES = " ░▒▓█"
DRAWN = 20  # rows of pixels of a drawn photograph
IN_A_ROW = 5  # digits that are drawn side by side


@dataclass(frozen=True)
class Input:
    """A real input: what it is, its values as the network takes them, and its pixels.

    A photograph's are `[H, W, 3]`. Those of digits are `[N, H, W]`, and `truth` `[N]` says which
    digits they are.
    """

    what: str
    feeds: dict[str, Array]
    pixels: Array
    truth: Array | None = None


@dataclass(frozen=True)
class Network:
    """How a network is called, its spec, what it is run on, and its weights if it was trained."""

    title: str
    spec: str | Path
    input: Callable[[archc.Program], Input]
    weights: Path | None = None
    trained: str = "-"


@dataclass(frozen=True)
class Result:
    """What building and running one network gave."""

    network: Network
    program: archc.Program
    report: dict[str, Any]
    input: Input
    outputs: dict[str, Array]
    expected: dict[str, Array]
    compiled: float  # seconds from the spec to the typed program
    built: float  # seconds for everything that is in the folder, verification included
    latencies: dict[str, float]  # seconds, median, for the real input


# ---- real inputs


def photograph(program: archc.Program) -> Input:
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


def digits(program: archc.Program) -> Input:
    """scikit-learn's handwritten digits in MNIST's form, and prepared as the spec says."""
    from sklearn.datasets import load_digits

    given = load_digits()
    pixels = np.stack([mnist_form(one) for one in (given.images * 255 / 16).astype(np.uint8)])
    section = program.metadata["preprocess"]
    assert isinstance(section, dict)
    image = Preprocess.of(section).values(pixels[:, None])
    return Input(f"{len(pixels):,} handwritten digits", {"image": image}, pixels, given.target)


def mnist_form(pixels: Array) -> Array:
    """A grey digit, uint8 `[H, W]` and light on dark, as MNIST has them: uint8 `[28, 28]`.

    What is drawn is scaled, its proportions kept, to fit a box of 20 x 20 pixels, and put with its
    centre of mass into the middle (LeCun, Cortes and Burges, The MNIST database).
    """
    rows, columns = (np.flatnonzero(pixels.any(axis)) for axis in (1, 0))
    drawn = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(drawn.shape)
    height, width = (max(1, round(side * scale)) for side in drawn.shape)
    box = np.asarray(Image.fromarray(drawn).resize((width, height)))
    found = np.zeros((28, 28), np.uint8)
    top, left = (place(box.sum(axis, dtype=float)) for axis in (1, 0))
    found[top : top + height, left : left + width] = box
    return found


def place(masses: Array) -> int:
    """Where to begin in 28 pixels so that the masses' centre comes to the middle."""
    centre = float(np.average(np.arange(len(masses)), weights=masses))
    return min(max(round(13.5 - centre), 0), 28 - len(masses))


NETWORKS = {
    "resnet18": Network("ResNet-18", "resnet18", photograph),
    "lenet5": Network(
        "LeNet-5",
        RECIPES / "lenet5_mnist.yaml",
        digits,
        RECIPES / "weights" / "lenet5_mnist.safetensors",
        "MNIST",
    ),
}


# ---- building and running


def demonstrate(name: str, folder: Path, seconds: float, stage: Callable[[str], None]) -> Result:
    """Builds the network and runs its ONNX file. Raises CheckError if the backends differ."""
    network = NETWORKS[name]
    stage("the spec")
    started = time.perf_counter()
    program = archc.compile(network.spec)
    compiled = time.perf_counter() - started
    report = build(program, folder, weights=network.weights, progress=stage)
    built = time.perf_counter() - started
    stage("the real input")
    given = network.input(program)
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
    return Result(network, program, report, given, outputs, expected, compiled, built, latencies)


# ---- showing


def shown(result: Result, colour: bool) -> Panel:
    """What the network was run on, and what came out."""
    what = seen if result.input.truth is None else read
    return Panel(what(result, colour), title=result.network.title, title_align="left")


def seen(result: Result, colour: bool) -> Group:
    """A photograph, and the scores in numbers."""
    ((name, scores),) = result.outputs.items()
    lines = Text.assemble(
        (f"{result.input.what}\n", "bold"),
        f"{name} {list(scores.shape)}, from {scores.min():.3f} to {scores.max():.3f}; ",
        f"PyTorch and onnxruntime differ by {difference(result):.0e} of the largest",
    )
    return Group(drawn(result.input.pixels, colour), lines)


def read(result: Result, colour: bool) -> Group:
    """The first digits and the first that are misread, and how many are read right."""
    truth, guess = result.input.truth, guesses(result)
    assert truth is not None
    wrong = np.flatnonzero(guess != truth)
    rows = [np.arange(IN_A_ROW), *([wrong[:IN_A_ROW]] if len(wrong) else [])]
    lines = Text.assemble(
        (f"\n{result.input.what}, {percent(result)} of them read right\n", "bold"),
        f"{np.sum(guess == truth):,} right, {len(wrong):,} wrong; the first of either are above. ",
        "The weights were trained on MNIST, which other people wrote and scanned.",
    )
    return Group(*(side_by_side(result, items, colour) for items in rows), lines)


def guesses(result: Result) -> Array:
    """The class with the highest score, `[N]`."""
    ((_, scores),) = result.outputs.items()
    found: Array = scores.argmax(axis=1)
    return found


def percent(result: Result) -> str:
    """How many are read right, of those whose classes are known."""
    if result.input.truth is None:
        return "-"
    return f"{100 * np.mean(guesses(result) == result.input.truth):.1f} %"


def side_by_side(result: Result, items: Array, colour: bool) -> Text:
    """Some digits at half their size, and below each what it is read as."""
    truth, guess = result.input.truth, guesses(result)
    assert truth is not None
    halves = result.input.pixels[items].reshape(len(items), 14, 2, 14, 2).mean((2, 4))
    picture = np.concatenate([np.pad(one, ((0, 0), (0, 1))) for one in halves], axis=1)
    text = drawn(np.repeat(picture[..., None].astype(np.uint8), 3, axis=2), colour)
    for k in items:
        right = guess[k] == truth[k]
        caption = f"reads {guess[k]}" if right else f"reads {guess[k]}, is {truth[k]}"
        text.append(f"{caption:^15}", "green" if right else "red")
    return text


def drawn(pixels: Array, colour: bool) -> Text:
    """Pixels `[H, W, 3]`, two to a character: coloured half blocks, or else shades of grey."""
    text = Text()
    for above, below in zip(pixels[::2], pixels[1::2], strict=True):
        for top, bottom in zip(above, below, strict=True):
            if colour:
                text.append("▀", Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom)))
            else:
                text.append(SHADES[int(top.mean() + bottom.mean()) * len(SHADES) // 512])
        text.append("\n")
    return text


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
        found.add_column(result.network.title, justify="right")
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
        row("trained on", lambda r: r.network.trained),
        row("read right", percent),
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
        "Without training, weights are initial values, and scores mean nothing. "
        f"Latency is the median, with {backend('ort').available_threads()} threads for each.\n"
        f"The builds are in {args.out.as_posix()}: the PyTorch source, the ONNX file, the weights.",
        style="dim",
        highlight=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
