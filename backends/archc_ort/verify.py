"""Parity: PyTorch against onnxruntime on the same weights and random inputs, and where they part.

Every symbolic dimension takes several sizes, and the graph runs as written and optimised. A
difference is judged against the largest magnitude of the expected output. On a mismatch, a flat
copy of the program with every intermediate value as an output tells the first node at which the two
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from archc.arrays import difference
from archc.backends import backend
from archc.ir.graph import Value
from archc.ir.nodes import InputNode, Node, OpNode
from archc.ir.program import Definition, Program
from archc.sample import bindings, lively
from archc.sample import inputs as sample
from archc.store import stored
from archc_ort.session import Device, evaluate, open_session

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-4  # of the largest magnitude, in float32
HALF_TOLERANCE = 1e-2  # … where weights and values have 11 bits
BATCH = 40  # intermediate values compared at once while bisecting


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run: the sizes, whether onnxruntime optimised, and the worst output."""

    sizes: Mapping[str, int]
    optimised: bool
    output: str
    difference: float  # relative to the largest magnitude expected; inf for another shape or type
    magnitude: float


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first node, in order, whose value differs."""

    path: str
    op: str
    place: str
    difference: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found for one model."""

    model: str
    tolerance: float
    comparisons: tuple[Comparison, ...]
    culprit: Culprit | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def difference(self) -> float:
        return max((one.difference for one in self.comparisons), default=0.0)

    @property
    def passed(self) -> bool:
        return self.difference <= self.tolerance


def verify(
    program: Program,
    onnx: Path | None = None,
    *,
    model: str | None = None,
    weights: Any = None,
    seed: int = 0,
    sizes: int = 2,
    at: Mapping[str, int] | None = None,
    tolerance: float | None = None,
    target: str | None = None,
    device: Device = "cpu",
    threads: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Verdict:
    """Compares both backends for one model.

    `onnx` is its file, exported anew where there is none, for the `target`. Without weights, ones
    that make every step matter are drawn from the seed, and running statistics brought to the scale
    of its signals. Without `tolerance` it is what the target's precision allows.
    """
    half = "fp16" in (target or "").lower().replace(" ", "").split(",")
    tolerance = tolerance or (HALF_TOLERANCE if half else TOLERANCE)
    name = model or program.main
    drawn = weights is None
    weights = lively(program, seed) if drawn else weights
    definition = program.models[name]
    chosen = [dict(at)] if at else bindings(definition, sizes)
    torch_backend = backend("torch")
    progress("PyTorch module")
    module = torch_backend.module(program, weights=weights, seed=seed, model=name)
    if drawn:
        weights = {**weights, **torch_backend.settled(module, sample(definition, chosen[0], seed))}
    with TemporaryDirectory() as folder:
        if onnx is None:
            progress("ONNX file")
            onnx = Path(folder) / "model.onnx"
            options = {"weights": weights, "seed": seed, "target": target, "model": name}
            backend("onnx").export(program, onnx, **options)
        found: list[Comparison] = []
        for optimised in (True, False):
            progress("onnxruntime, optimised" if optimised else "onnxruntime, as written")
            session = open_session(onnx, device=device, threads=threads, optimise=optimised)
            for binding in chosen:
                feeds = sample(definition, binding, seed)
                expected = torch_backend.evaluate(module, feeds)
                actual = evaluate(session, halved(session, feeds) if half else feeds)
                if half:
                    actual = {n: one.astype(expected[n].dtype) for n, one in actual.items()}
                found.append(worst(expected, actual, binding, optimised))
            del session
    verdict = Verdict(name, tolerance, tuple(found))
    if verdict.passed:
        return verdict
    progress("looking for the first node that differs")
    sizes_of_worst = max(found, key=lambda one: one.difference).sizes
    culprit = bisect(program, name, sizes_of_worst, weights=weights, seed=seed, tolerance=tolerance)
    return Verdict(name, tolerance, tuple(found), culprit)


def halved(session: Any, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs, in half precision where the file takes them so."""
    half = {one.name for one in session.get_inputs() if one.type == "tensor(float16)"}
    return {n: one.astype(np.float16) if n in half else one for n, one in feeds.items()}


def worst(
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
    sizes: Mapping[str, int],
    optimised: bool,
) -> Comparison:
    """The output with the largest difference."""
    rows = [(difference(value, actual.get(name)), name, value) for name, value in expected.items()]
    gap, name, value = max(rows, key=lambda row: row[0])
    return Comparison(dict(sizes), optimised, name, gap, magnitude(value))


def magnitude(value: Array) -> float:
    return float(np.abs(value.astype(np.float64)).max(initial=0.0))


def bisect(
    program: Program,
    model: str,
    sizes: Mapping[str, int],
    *,
    weights: Any,
    seed: int,
    tolerance: float,
) -> Culprit | None:
    """The first node of the flat program whose value differs.

    None if every one agrees by itself.
    """
    from archc.passes.flatten import flatten

    flat = flatten(program, model)
    feeds = sample(program.models[model], sizes, seed)
    with stored(program, weights, seed, model) as entries:
        for chunk in chunks(flat.model):
            expected, actual = _both(with_outputs(flat, chunk), entries, feeds)
            for tap, value in chunk.items():
                gap = difference(expected[tap], actual.get(tap))
                if gap > tolerance:
                    return culprit(flat.model.graph.node(value.node), gap)
    return None


def _both(
    program: Program, weights: Any, feeds: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The outputs of PyTorch and of onnxruntime."""
    module = backend("torch").module(program, weights=weights)
    expected: dict[str, Array] = backend("torch").evaluate(module, feeds)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tapped.onnx"
        backend("onnx").export(program, path, weights=weights)
        return expected, evaluate(open_session(path, device="cpu", optimise=False), feeds)


def culprit(node: Node, gap: float) -> Culprit:
    op = node.op.name if isinstance(node, OpNode) else type(node).__name__
    return Culprit(node.path, op, str(node.place or ""), gap)


def chunks(definition: Definition) -> Iterator[dict[str, Value]]:
    """The graph's values in order, a batch at a time, named `tap0`, `tap1` …"""
    chunk: dict[str, Value] = {}
    for id, node in definition.graph.nodes():
        if isinstance(node, InputNode) or (isinstance(node, OpNode) and not node.op.inputs):
            continue
        chunk[f"tap{id}"] = Value(id)
        if len(chunk) == BATCH:
            yield chunk
            chunk = {}
    if chunk:
        yield chunk


def with_outputs(program: Program, outputs: dict[str, Value]) -> Program:
    """The flat program with other outputs."""
    from dataclasses import replace

    definition = replace(program.model, outputs=dict(outputs), grouped={})
    return replace(program, models={program.main: definition})
