"""One spec through both backends: types, and values at two bindings of its symbols."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from fuzz import stages
from fuzz.specs import MOST_INDEX

import archc_onnx
import archc_torch
from archc.arrays import difference
from archc.errors import ArchcError, UnsupportedError
from archc.ir.program import Definition, Program
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.sample import bindings
from archc.sample import inputs as sample
from archc_ort.session import evaluate, open_session
from archc_ort.verify import TOLERANCE

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
TRIES = 6  # how often inputs and weights are disturbed to see how much that changes
DISTURBED = 2e-6  # by this share of themselves: a few units in the last place
# Outputs of less are compared as if they were this large: kernels such as Elu's, which computes
# exp(x) - 1, round to a share of 1 and not of what they give.
SMALL = 0.1


class Finding(AssertionError):
    """Something that does not hold of a valid spec; `kind` tells which findings are alike."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass
class Outcome:
    """What running a spec showed besides that it agrees."""

    outputs: int = 0
    dull: list[str] = field(
        default_factory=list
    )  # outputs that are the same everywhere or not finite
    sensitive: int = (
        0  # differences that rounding explains, since the inputs' last bits change as much
    )
    unsupported: str = ""


def examine(spec: str, number: int = 0) -> Outcome:
    """Compiles and runs the spec; raises Finding.

    `number` chooses the inputs, the weights and what else is tried.
    """
    program = at("compile", lambda: stages.compiled(spec))
    at("ir", lambda: stages.check(program))
    at("format", lambda: stages.formatted(spec, program))
    changed = at("passes", lambda: stages.rewritten(program))
    outcome = Outcome()
    weights = None if number % 4 == 3 else random_weights(program, number)
    for name in run_models(program, number):
        try:
            run(program, name, changed if number % 2 else None, weights, number, outcome)
        except UnsupportedError as error:
            outcome.unsupported = str(error)
    return outcome


def run_models(program: Program, number: int) -> list[str]:
    """The main model, and one of the others."""
    others = [name for name in program.models if name != program.main]
    return [program.main, *others[number % len(others) :][:1]] if others else [program.main]


def at(stage: str, step: Any) -> Any:
    """The step's result; whatever it raises is a finding, but what a backend says it cannot do."""
    try:
        return step()
    except (Finding, UnsupportedError):
        raise
    except (ArchcError, AssertionError) as error:
        raise Finding(stage, str(error)) from error
    except Exception as error:
        raise Finding(stage, f"{type(error).__name__}: {error}") from error


def run(
    program: Program,
    name: str,
    changed: Program | None,
    weights: Arrays | None,
    number: int,
    outcome: Outcome,
) -> None:
    definition = program.models[name]
    module = at("torch source", lambda: archc_torch.module(program, weights, number, name))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        at("onnx export", lambda: archc_onnx.export(program, path, weights, number, model=name))
        session = at("onnxruntime", lambda: open_session(path, device="cpu", threads=1))
        chosen = bindings(definition)
        expected: Arrays = {}
        for binding in chosen:
            feeds = fed(definition, binding, number)
            expected = at("torch run", lambda feeds=feeds: archc_torch.evaluate(module, feeds))
            check_types(definition, binding, expected)
            actual = at("onnx run", lambda feeds=feeds: evaluate(session, feeds))
            compare("values", module, feeds, expected, actual, outcome)
        note(module, feeds, expected, outcome)
        plain = at(
            "onnxruntime", lambda: open_session(path, device="cpu", threads=1, optimise=False)
        )
        compare(
            "values as written",
            module,
            feeds,
            expected,
            at("onnx run", lambda: evaluate(plain, feeds)),
            outcome,
        )
        if changed is not None:
            kept = {entry.name for entry in changed.weights()}
            left = None if weights is None else {k: v for k, v in weights.items() if k in kept}
            at("onnx export", lambda: archc_onnx.export(changed, path, left, number, model=name))
            again = at("onnxruntime", lambda: open_session(path, device="cpu", threads=1))
            actual = at("onnx run", lambda: evaluate(again, feeds))
            compare("values after passes", module, feeds, expected, actual, outcome)


def fed(definition: Definition, binding: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Random inputs; whole numbers from 0 to MOST_INDEX, as the generator reckons."""
    return {
        name: value % (MOST_INDEX + 1) if value.dtype.kind in "iu" else value
        for name, value in sample(definition, binding, seed).items()
    }


def random_weights(program: Program, seed: int) -> dict[str, Array]:
    """Weights that hide nothing: no zeros, no ones, no statistics of a standardised batch."""
    rng = np.random.default_rng([seed, 1])
    result: dict[str, Array] = {}
    for entry in program.weights():
        if entry.owner is not None or entry.weight.value is not None:
            continue
        shape = tuple(int(size) for size in entry.type.dims if isinstance(size, int))
        values = rng.standard_normal(shape)
        if entry.name.endswith("running_var"):
            values = 0.5 + rng.random(shape)
        elif len(shape) > 1:
            values /= sqrt(max(1, np.prod(shape[1:])))
        else:
            values = 0.2 * values + (0.9 if entry.name.endswith("weight") else 0.0)
        result[entry.name] = values.astype(entry.type.dtype)
    return result


def check_types(definition: Definition, binding: Mapping[str, int], found: Arrays) -> None:
    """The outputs have the types that were inferred."""
    wanted = {name: bound(type, binding) for name, type in definition.output_types().items()}
    shown = {name: TensorType(str(v.dtype), tuple(v.shape)) for name, v in found.items()}
    if wanted != shown:
        raise Finding("types", f"inferred {wanted}, found {shown}")


def bound(type: TensorType, binding: Mapping[str, int]) -> TensorType:
    return type.with_dims(substitute(size, binding) for size in type.dims)


def compare(
    kind: str, module: Any, feeds: Arrays, expected: Arrays, actual: Arrays, outcome: Outcome
) -> None:
    """The outputs agree, to what rounding of the inputs would change at least."""
    gaps = {name: difference(value, actual.get(name)) for name, value in expected.items()}
    wrong = {name: gap for name, gap in gaps.items() if gap > TOLERANCE}
    for name in list(wrong):
        if tiny(expected[name], actual.get(name)):
            del wrong[name]
            outcome.sensitive += 1
    if not wrong:
        return
    for others in disturbed(module, feeds):
        for name in list(wrong):
            if explained(expected[name], actual.get(name), others[name]):
                del wrong[name]
                outcome.sensitive += 1
    if wrong:
        sizes = {name: list(value.shape) for name, value in feeds.items()}
        raise Finding(kind, f"{wrong} of the largest magnitude, inputs {sizes}")


def tiny(expected: Array, actual: Array | None) -> bool:
    """Whether the difference would not matter, were the output of an ordinary magnitude."""
    if actual is None or actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    if expected.dtype.kind != "f" or not np.isfinite(actual).all():
        return False
    gap = np.abs(actual.astype("float64") - expected).max(initial=0.0)
    return bool(gap <= TOLERANCE * SMALL)


def explained(expected: Array, actual: Array | None, disturbed: Array) -> bool:
    """Whether rounding, or a disturbance too small to matter, changes the output about as much."""
    if actual is None or actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    with np.errstate(invalid="ignore"):
        if expected.dtype.kind == "f":
            change = np.abs(disturbed.astype("float64") - expected).max(initial=0.0)
            return bool(np.abs(actual.astype("float64") - expected).max(initial=0.0) <= 8 * change)
    return bool(((disturbed != expected) | (actual == expected)).all())


def disturbed(module: Any, feeds: Arrays) -> Iterator[Arrays]:
    """The outputs for inputs and weights that differ by a few units in the last place."""
    rng = np.random.default_rng(0)
    kept = {name: value.clone() for name, value in module.state_dict().items()}

    def shaken(value: Array) -> Array:
        return value * (1 + DISTURBED * rng.standard_normal(value.shape)).astype(value.dtype)

    precise = in_double(module, feeds)
    if precise is not None:
        yield precise
    for _ in range(TRIES):
        near = {k: shaken(v) if v.dtype.kind == "f" else v for k, v in feeds.items()}
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if value.is_floating_point():
                    value.copy_(torch.from_numpy(np.asarray(shaken(kept[name].numpy()))))
        yield archc_torch.evaluate(module, near)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            value.copy_(kept[name])


def in_double(module: Any, feeds: Arrays) -> Arrays | None:
    """The outputs in double precision, whose distance is PyTorch's own rounding.

    None for a module that has element types of its own.
    """
    wide = {k: v.astype("float64") if v.dtype.kind == "f" else v for k, v in feeds.items()}
    try:
        return archc_torch.evaluate(copy.deepcopy(module).double(), wide)
    except (RuntimeError, TypeError):
        return None


def note(module: Any, feeds: Arrays, found: Arrays, outcome: Outcome) -> None:
    """Notes which outputs are not finite, or the same everywhere.

    A lone number is dull where other inputs give the same.
    """
    outcome.outputs += len(found)
    lone = {name for name, value in found.items() if value.size == 1}
    other = {k: np.ascontiguousarray(opposite(v)) for k, v in feeds.items()}
    others = archc_torch.evaluate(module, other) if lone else {}
    for name, value in found.items():
        same = (
            bool((value == others[name]).all())
            if name in lone
            else bool((value == value.flat[0]).all())
        )
        if same or not np.isfinite(value.astype("float64")).all():
            outcome.dull.append(name)


def opposite(value: Array) -> Array:
    """Another value of the same type."""
    turned = value[::-1] if value.ndim else value
    if value.dtype == bool:
        return np.asarray(~turned)
    whole = value.dtype.kind in "iu"
    return np.asarray((MOST_INDEX if whole else 1) - turned).astype(value.dtype)


__all__ = ["Finding", "Outcome", "examine"]
