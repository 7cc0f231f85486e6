"""What a file does in another way than its spec says: shifted windows, layer scales."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_backend import exported, kinds, spec

import archc_ort
from archc.ir.program import Program

WINDOWS = 'rearrange: "n (h p) (w q) c -> n (h w) (p q) c", p: 2, q: 4'
BACK = '"n (h w) (p q) c -> n (h p) (w q) c"'
WIDE = "{x: [N, 6, 8, 5]}"


def agrees(program: Program) -> bool:
    return archc_ort.verify(program, tolerance=1e-6, threads=1).passed


def moved(steps: str, inputs: str = WIDE) -> Program:
    return spec(inputs, f"[{steps}]")


# ---- moves along known axes

GATHERED = {
    "a roll along two axes": "{roll: {by: [2, -3], axes: [1, 2]}}",
    "a roll further than the axis is long": "{roll: {by: 20, axes: 1}}",
    "a shifted window": "{roll: {by: [-1, -2], axes: [1, 2]}}, {rearrange: {pattern: "
    '"n (h p) (w q) c -> n (h w) (p q) c", p: 2, q: 4}}',
    "and back": '{rearrange: {pattern: "n (h p) (w q) c -> n (h w) (p q) c", p: 2, q: 4}}, relu, '
    '{rearrange: {pattern: "n (h w) (p q) c -> n (h p) (w q) c", h: 3, p: 2, q: 4}}, '
    "{roll: {by: [1, 2], axes: [1, 2]}}",
    "a picture upside down, and cut": "{flip: {axes: 1}}, {slice: {axis: 2, start: 1, stop: 5}}",
}


@pytest.mark.parametrize("steps", GATHERED.values(), ids=GATHERED)
def test_moves_along_known_axes_are_one_gather(steps: str, tmp_path) -> None:
    program = moved(steps)
    found = kinds(exported(program, tmp_path))
    assert found.count("Gather") == 1
    assert not {"Slice", "Concat"} & set(found)
    assert agrees(program)


KEPT = {
    "along the last axis": (WIDE, "{roll: {by: 5, axes: 3}}"),
    "along the first": ("{x: [4, 6, 5]}", "{roll: {by: 2, axes: 0}}"),
    "along an axis of unknown size": ("{x: [N, T, 5]}", "{roll: {by: 2, axes: 1}}"),
    "turned into the last axis": (
        WIDE,
        '{roll: {by: 1, axes: 1}}, {rearrange: "n h w c -> n w c h"}',
    ),
    "nothing but turned": (WIDE, '{rearrange: "n h w c -> n w h c"}'),
}


@pytest.mark.parametrize(("inputs", "steps"), KEPT.values(), ids=KEPT)
def test_other_moves_say_what_they_did(inputs: str, steps: str) -> None:
    assert agrees(moved(steps, inputs))


def test_a_value_that_others_read_is_still_there(tmp_path) -> None:
    program = spec(
        WIDE,
        "[{roll: {by: 1, axes: 1}, name: a}, {roll: {by: 2, axes: 2}, name: b}, {add: [a, b]}]",
    )
    assert kinds(exported(program, tmp_path)).count("Gather") == 2
    assert agrees(program)


# ---- factors of channels


def test_a_layer_scale_is_part_of_the_weights(tmp_path) -> None:
    """What goes over weights alone, a runtime does when it reads the file."""
    program = spec(
        "{x: [N, 4, 4, 3]}",
        "[{weight: {shape: [5, 1, 1]}, name: scale, init: {weight: {normal: 1.0}}}, "
        '{linear: 5, in: x, name: fc}, {rearrange: "n h w c -> n c h w"}, {mul: [prev, scale]}]',
    )
    file = exported(program, tmp_path)
    weights = {tensor.name for tensor in file.graph.initializer}
    assert {"scale", "fc.weight", "fc.bias"} <= weights
    known = set(weights)
    for node in file.graph.node:
        if node.op_type in ("Mul", "Reshape") and set(node.input) <= known:
            known.update(node.output)
    products = [node for node in file.graph.node if node.op_type == "Mul"]
    assert len(products) == 2
    assert all(set(node.input) <= known for node in products)
    assert agrees(program)


def test_a_factor_of_positions_is_none(tmp_path) -> None:
    program = spec(
        "{x: [N, 4, 5, 3]}",
        "[{weight: {shape: [4, 1, 1]}, name: scale, init: {weight: {normal: 1.0}}}, "
        "{linear: 5, in: x}, {mul: [prev, scale]}]",
    )
    assert kinds(exported(program, tmp_path)).count("Mul") == 1
    assert agrees(program)


def test_where_the_result_is_read_elsewhere_it_is_multiplied_itself(tmp_path) -> None:
    program = spec(
        "{x: [N, 3]}",
        "[{weight: {shape: [5]}, name: scale, init: {weight: {normal: 1.0}}}, "
        "{linear: 5, in: x, name: fc}, {mul: [fc, scale]}, {add: [prev, fc]}]",
    )
    assert kinds(exported(program, tmp_path)).count("Mul") == 1
    assert agrees(program)


def test_half_precision_scales_weights_too(tmp_path) -> None:
    program = spec(
        "{x: [N, 3]}",
        "[{weight: {shape: [5]}, name: scale, init: {weight: {constant: 0.5}}}, "
        "{linear: 5, in: x, name: fc}, {mul: [fc, scale]}]",
    )
    file = exported(program, tmp_path, target="fp16")
    assert kinds(file).count("Mul") == 2
    x = np.ones((2, 3), np.float32)
    found = archc_ort.run(tmp_path / "m.onnx", {"x": x})["output"]
    wanted = archc_ort.run(_single(program, tmp_path), {"x": x})["output"]
    assert np.abs(found - wanted).max() < 1e-2


def _single(program: Program, folder):
    import archc_onnx

    archc_onnx.export(program, folder / "single.onnx")
    return folder / "single.onnx"
