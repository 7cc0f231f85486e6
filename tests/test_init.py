"""Initialisers: what a spec can say, and that their values are the same everywhere and for ever."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from math import erf, inf, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from archc import arrays, random
from archc.init import INITIALISERS, Init, fans, parse, problem, resolve
from archc.ir.types import DTYPES, FLOATING, INTEGRAL

# ---- what a spec can say


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("zeros", Init("zeros")),
        ({"zeros": None}, Init("zeros")),
        ({"constant": 3}, Init("constant", (3.0,))),
        ({"constant": -inf}, Init("constant", (-inf,))),
        ({"normal": 0.02}, Init("normal", (0.0, 0.02))),
        ({"normal": [1, 0.02]}, Init("normal", (1.0, 0.02))),
        ({"normal": {"mean": 0, "std": 0.02}}, Init("normal", (0.02,))),
        ({"normal": {"std": 0.02}}, Init("normal", (0.02,))),
        ({"uniform": [-1, 1]}, Init("uniform", (-1.0, 1.0))),
        ({"trunc_normal": 0.02}, Init("trunc_normal", (0.0, 0.02, -2.0, 2.0))),
        ("kaiming_uniform", Init("kaiming_uniform", (0.0, "fan_in"))),
        ({"kaiming_normal": "fan_out"}, Init("kaiming_normal", (0.0, "fan_out"))),
        ({"kaiming_normal": {"a": 1, "mode": "fan_out"}}, Init("kaiming_normal", (1, "fan_out"))),
        ({"xavier_uniform": 2}, Init("xavier_uniform", (2.0,))),
        (Init("ones"), Init("ones")),
    ],
)
def test_a_spec_says_an_initialiser_in_several_short_forms(said, meant):
    assert parse(said) == meant
    assert hash(parse(said)) == hash(meant)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("normall", "unknown initialiser 'normall'; did you mean 'normal'?"),
        ({"unifrom": {"low": 0}}, "did you mean 'uniform'?"),
        ({"normal": {"sdt": 1}}, "normal: unknown argument 'sdt'; did you mean 'std'?"),
        ({"normal": [0, 1, 2]}, "normal takes mean, std, and 3 were given"),
        ({"zeros": 1}, "zeros takes no arguments, and 1 were given"),
        ({"uniform": 1}, "uniform takes low and high, and only one was given"),
        ({"uniform": [1, -1]}, "low=1 is above high=-1"),
        ({"uniform": [-1.7e308, 1.7e308]}, "too large"),
        ({"normal": -1}, "normal: std is at least 0, not -1"),
        ({"normal": True}, "normal: std is a number, not True"),
        ({"normal": "0.02"}, "normal: std is a number, not '0.02'"),
        ({"normal": float("nan")}, "finite"),
        ({"normal": 10**400}, "finite"),
        ("constant", "constant: value is missing"),
        ({"kaiming_normal": {"mode": "fan"}}, "mode is fan_in or fan_out, not 'fan'"),
        ({"normal": 1, "zeros": None}, "one name"),
        ({3: 1}, "has a name, not 3"),
        (0.02, "not 0.02"),
        (None, "not None"),
    ],
)
def test_anything_else_is_refused_with_a_reason(said, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse(said)


@pytest.mark.parametrize("kind", INITIALISERS)
def test_the_shortest_form_says_the_same_again(kind):
    given = ((0.5,) if kind == "constant" else (), *((0.25, 1.5),) * (kind == "uniform"))
    for args in given:
        init = Init(kind, args)
        assert parse(json.loads(json.dumps(init.as_data()))) == init
    assert Init("normal", (0.02,)).as_data() == {"normal": 0.02}
    assert str(Init("normal", (0.02,))) == "normal(mean=0, std=0.02)"


def test_the_table_documents_every_initialiser_and_argument():
    for initialiser in INITIALISERS.values():
        assert initialiser.doc
        assert all(parameter.doc for parameter in initialiser.parameters)
        assert initialiser.main in ("", *initialiser.names)


def test_reading_specs_imports_no_numpy():
    code = "import sys, archc.init; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_initialiser_that_a_weight_cannot_have_is_explained():
    assert problem(Init("kaiming_normal"), (8,), "float32") == (
        "kaiming_normal needs 2 or more dimensions, and [8] has 1"
    )
    assert problem(Init("eye"), (2, 2, 2), "float32") == (
        "eye needs 2 dimensions, and [2, 2, 2] has 3"
    )
    assert problem(Init("dirac", (3,)), (8, 1, 3), "float32") == (
        "8 channels do not fall into 3 groups"
    )
    assert "whole number" in str(problem(Init("dirac", (2.5,)), (10, 1, 3), "float32"))
    assert "fractions" in str(problem(Init("normal"), (8,), "int64"))
    assert "cannot hold 300" in str(problem(Init("constant", (300,)), (8,), "uint8"))
    assert "cannot hold 0.5" in str(problem(Init("constant", (0.5,)), (8,), "int8"))
    assert "cannot hold -inf" in str(problem(Init("constant", (-inf,)), (8,), "int64"))
    assert problem(Init("constant", (-(2**15),)), (8,), "int16") is None
    assert problem(Init("constant", (-inf,)), (8,), "float16") is None
    assert "did you mean 'float32'" in str(problem(Init("zeros"), (8,), "floot32"))
    with pytest.raises(ValueError, match=r"^w: normal gives fractions"):
        random.array(Init("normal"), (8,), "int8", "w", 0)


# ---- the stream


@pytest.mark.parametrize(
    ("said", "checksum"),
    [
        ({"uniform": [-1, 1]}, "2a3cf41c"),
        ({"normal": 0.02}, "d641a498"),
        ({"trunc_normal": {"std": 1, "low": -0.5, "high": 3}}, "cde2436c"),
        ("kaiming_uniform", "f5d6f0fc"),
        ({"xavier_normal": 2}, "0b3d720e"),
        ("orthogonal", "214e5cac"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_values_never_change(said, checksum, dtype):
    """A release that changes a bit changes every network that was built from a seed."""
    values = random.array(parse(said), (48, 5, 3, 3), "float64", "layer1.0.conv1.weight", 7)
    if dtype == "float32":
        narrow = random.array(parse(said), (48, 5, 3, 3), dtype, "layer1.0.conv1.weight", 7)
        assert np.array_equal(narrow, values.astype(np.float32))
    else:
        assert (
            hashlib.blake2b(values.astype("<f8").tobytes(), digest_size=4).hexdigest() == checksum
        )


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(k, d) for k, i in INITIALISERS.items() for d in DTYPES if i.any_dtype or d in FLOATING],
)
def test_pieces_of_any_size_make_the_same_whole(kind, dtype):
    init = Init(kind, (1.0,) if kind == "constant" else ())
    shape = (7, 5, 3) if kind == "dirac" else (7, 15)
    whole = random.array(init, shape, dtype, "w", 3)
    assert whole.shape == shape
    assert whole.dtype == arrays.held(dtype)
    for items in (1, 8, 1000):
        pieces = list(random.chunks(init, shape, dtype, "w", 3, items))
        assert {piece.size for piece in pieces[:-1]} <= {items}
        assert np.array_equal(np.concatenate(pieces), whole.reshape(-1))


def test_a_long_weight_is_the_same_in_pieces_across_blocks():
    init, shape = Init("normal"), (3 * random._BLOCK + 17,)
    whole = random.array(init, shape, "float32", "w", 3)
    pieces = list(random.chunks(init, shape, "float32", "w", 3, random._BLOCK - 5))
    assert np.array_equal(np.concatenate(pieces), whole)


def test_each_name_and_seed_has_its_own_stream():
    streams = [("a", 0), ("b", 0), ("a", 1), ("a", -1), ("a", 2**70), ("", 0), ("a\0", 0)]
    values = [random.array(Init("uniform"), (64,), "float64", *stream) for stream in streams]
    assert len({array.tobytes() for array in values}) == len(streams)
    assert np.corrcoef(values).flatten()[1] < 0.5


def test_half_precision_is_the_rounded_single_precision():
    single = random.array(Init("normal"), (1000,), "float32", "w", 0)
    half = random.array(Init("normal"), (1000,), "float16", "w", 0)
    brain = random.array(Init("normal"), (1000,), "bfloat16", "w", 0)
    assert np.array_equal(half, single.astype(np.float16))
    assert np.array_equal(brain, arrays.cast(single, "float32", "bfloat16"))


def test_a_weight_without_elements_or_dimensions_is_made_too():
    assert random.array(Init("kaiming_normal"), (0, 3), "float32", "w", 0).shape == (0, 3)
    assert list(random.chunks(Init("normal"), (0,), "float32", "w", 0)) == []
    assert random.array(Init("ones"), (), "int64", "w", 0) == 1


def test_a_value_too_large_for_its_type_is_refused():
    with pytest.raises(ValueError, match=r"w: normal\(mean=0, std=1e\+06\): float16 cannot hold"):
        random.array(Init("normal", (1e6,)), (100,), "float16", "w", 0)


# ---- the distributions


def test_the_quantile_agrees_with_the_standard_library_far_into_the_tails():
    p = np.concatenate([10.0 ** -np.arange(1, 300, 0.7), np.linspace(1e-6, 1 - 1e-6, 5001)])
    reference = np.array([NormalDist().inv_cdf(float(each)) for each in p])
    assert np.allclose(random._quantiles(p), reference, rtol=2e-15, atol=1e-15)
    assert random._quantiles(np.array([0.975]))[0] == pytest.approx(1.959963984540054, abs=1e-15)
    assert np.allclose(random._log(p), np.log(p), rtol=1e-15, atol=0)


def test_the_normal_has_the_normal_quantiles():
    values = np.sort(random.array(Init("normal", (2.0, 3.0)), (400_000,), "float64", "w", 0))
    for probability in (0.001, 0.025, 0.16, 0.5, 0.84, 0.975, 0.999):
        expected = NormalDist(2.0, 3.0).inv_cdf(probability)
        error = (
            3.0
            * sqrt(probability * (1 - probability) / values.size)
            / (NormalDist().pdf((expected - 2.0) / 3.0))
        )
        assert values[int(probability * values.size)] == pytest.approx(expected, abs=5 * error)
    assert values.mean() == pytest.approx(2.0, abs=0.03)
    assert values.std() == pytest.approx(3.0, rel=0.01)


def test_the_uniform_is_even_and_within_its_bounds():
    values = random.array(Init("uniform", (-1.0, 3.0)), (200_000,), "float32", "w", 0)
    assert -1.0 <= values.min() < -0.999
    assert 2.999 < values.max() <= 3.0
    counts, _ = np.histogram(values, bins=20, range=(-1, 3))
    assert np.abs(counts - 10_000).max() < 500


@pytest.mark.parametrize(
    ("mean", "std", "low", "high"),
    [(0, 1, -2, 2), (0, 1, 0.5, 3), (0, 1, -9, -5), (3, 0.5, -2, 2), (0, 100, -2, 2), (0, 1, 6, 9)],
)
def test_the_truncated_normal_is_the_normal_between_its_bounds(mean, std, low, high):
    init = Init("trunc_normal", (mean, std, low, high))
    values = np.sort(random.array(init, (100_000,), "float64", "w", 0))
    assert low <= values[0] <= values[-1] <= high
    # On the side where probabilities are small, as differences of large ones lose their digits.
    side = -1 if mean < (low + high) / 2 else 1
    first, last = sorted((side * (low - mean) / std, side * (high - mean) / std))
    scale = random._cumulative(last) - random._cumulative(first)
    for share in (0.1, 0.5, 0.9):
        z = side * (values[int(share * values.size)] - mean) / std
        reached = (random._cumulative(float(z)) - random._cumulative(first)) / scale
        assert reached == pytest.approx(share if side == 1 else 1 - share, abs=0.01)


@pytest.mark.parametrize("z", [-8.0, -3.0, -1.0, 0.0, 0.5, 2.0])
def test_the_cumulative_is_the_inverse_of_the_quantile(z):
    assert random._cumulative(z) == pytest.approx((1 + erf(z / sqrt(2))) / 2, rel=1e-9, abs=1e-15)


def test_a_truncation_far_outside_changes_nothing():
    """`trunc_normal: 0.02` cuts at ±2, a hundred deviations away, as in PyTorch."""
    cut = random.array(Init("trunc_normal", (0.02,)), (10_000,), "float32", "w", 0)
    assert np.array_equal(cut, random.array(Init("normal", (0.02,)), (10_000,), "float32", "w", 0))


def test_a_truncated_normal_without_deviation_is_its_mean():
    init = Init("trunc_normal", (1.0, 0.0, -2.0, 0.5))
    assert set(random.array(init, (10,), "float64", "w", 0)) == {0.5}


@pytest.mark.parametrize("shape", [(6, 6), (3, 8), (8, 3), (4, 2, 3), (1, 1), (5, 1)])
def test_the_orthogonal_is_orthonormal_the_short_way(shape):
    matrix = random.array(Init("orthogonal", (2.0,)), shape, "float64", "w", 0)
    matrix = matrix.reshape(shape[0], -1) / 2.0
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    assert np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-13)


def test_eye_and_dirac_pass_their_input_through():
    assert np.array_equal(random.array(Init("eye"), (3, 5), "bool", "w", 0), np.eye(3, 5) == 1)
    torch = pytest.importorskip("torch")
    for shape in [(4, 6, 3), (6, 4, 5, 4), (3, 3, 2, 3, 1)]:
        expected = torch.nn.init.dirac_(torch.empty(shape)).numpy()
        assert np.array_equal(random.array(Init("dirac"), shape, "float32", "w", 0), expected)
    for groups, shape in [(2, (4, 6, 3)), (3, (6, 2, 5, 4)), (8, (8, 1, 3, 3))]:
        expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
        values = random.array(parse({"dirac": groups}), shape, "float32", "w", 0)
        assert np.array_equal(values, expected)


# ---- torch.nn.init

_AS_TORCH = {
    "uniform": ("uniform_", (-0.5, 1.0), {"a": -0.5, "b": 1.0}),
    "normal": ("normal_", (1.0, 0.02), {"mean": 1.0, "std": 0.02}),
    "trunc_normal": (
        "trunc_normal_", (0.5, 1.5, -1.0, 2.0), {"mean": 0.5, "std": 1.5, "a": -1.0, "b": 2.0},
    ),
    "kaiming_uniform": ("kaiming_uniform_", (sqrt(5.0),), {"a": sqrt(5.0)}),
    "kaiming_normal": (
        "kaiming_normal_", ("fan_out",), {"mode": "fan_out", "nonlinearity": "relu"}
    ),
    "xavier_uniform": ("xavier_uniform_", (1.5,), {"gain": 1.5}),
    "xavier_normal": ("xavier_normal_", (1.5,), {"gain": 1.5}),
    "orthogonal": ("orthogonal_", (1.5,), {"gain": 1.5}),
}  # fmt: skip


@pytest.mark.parametrize("kind", _AS_TORCH)
def test_the_statistics_are_those_of_torch(kind):
    torch = pytest.importorskip("torch")
    name, args, keywords = _AS_TORCH[kind]
    shape = (128, 32, 3, 3)
    theirs = torch.empty(shape)
    generator = torch.Generator().manual_seed(0)
    getattr(torch.nn.init, name)(theirs, **keywords, generator=generator)
    ours = random.array(Init(kind, args), shape, "float32", "w", 0)
    spread = float(theirs.std())
    assert ours.mean() == pytest.approx(float(theirs.mean()), abs=0.02 * spread)
    assert ours.std() == pytest.approx(spread, rel=0.01)
    for share in (0.01, 0.25, 0.75, 0.99):
        theirs_at = float(np.quantile(theirs.numpy(), share))
        assert np.quantile(ours, share) == pytest.approx(theirs_at, abs=0.1 * spread)


def test_fans_and_bounds_are_those_of_torch():
    assert fans((6, 4)) == (4, 6)
    assert fans((6, 4, 3, 5)) == (60, 90)
    bound = sqrt(1 / 60)
    assert resolve(Init("kaiming_uniform", (sqrt(5.0),)), (6, 4, 3, 5)).args == pytest.approx(
        (-bound, bound)
    )
    assert resolve(Init("xavier_normal"), (6, 4)).number("std") == pytest.approx(sqrt(2 / 10))
    assert resolve(Init("zeros"), (6, 4)) == Init("zeros")


# ---- conversions


def test_bfloat16_rounds_to_nearest_even_as_torch_does():
    torch = pytest.importorskip("torch")
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32)
    edges = [0x3F808000, 0x3F818000, 0x7F7FFFFF, 0x80000001, 0x00008000, 0xFF800000, 0x7F800001]
    values = np.concatenate([bits, np.array(edges, np.uint32)]).view(np.float32)
    theirs = torch.from_numpy(values).to(torch.bfloat16).view(torch.int16).numpy()
    ours = arrays.to_bfloat16(values)
    number = ~np.isnan(values)
    assert np.array_equal(ours[number], theirs.view(np.uint16)[number])
    assert np.isnan(arrays.from_bfloat16(ours[~number])).all()


def test_every_narrow_float_survives_a_wider_type():
    halves = np.arange(2**16, dtype=np.uint16)
    finite16 = halves.view(np.float16)[np.isfinite(halves.view(np.float16))]
    for wide in ("float32", "float64"):
        back = arrays.cast(arrays.cast(finite16, "float16", wide), wide, "float16")
        assert np.array_equal(back.view(np.uint16), finite16.view(np.uint16))
        brain = halves[np.isfinite(arrays.from_bfloat16(halves))]
        assert np.array_equal(
            arrays.cast(arrays.cast(brain, "bfloat16", wide), wide, "bfloat16"), brain
        )


def test_conversions_refuse_what_they_would_spoil():
    with pytest.raises(ValueError, match="float16 cannot hold"):
        arrays.cast(np.array([1e5], np.float32), "float32", "float16")
    assert arrays.cast(np.array([-inf]), "float64", "bfloat16")[0] == 0xFF80
    assert arrays.cast(np.array([inf]), "float64", "float16")[0] == inf
    with pytest.raises(ValueError, match="int64 values are not converted"):
        arrays.cast(np.array([1]), "int64", "float32")
    assert {*FLOATING, *INTEGRAL, "bool"} == set(DTYPES)
