"""Initial values, the same bits on every machine and with every release of numpy.

A weight has a stream of its own: Philox (Salmon et al., 2011, "Parallel random numbers: as easy as
1, 2, 3"), keyed by a hash of the seed and the weight's name. numpy promises the stream of bits but
not what it makes of them, so the transforms are here, and use only operations that IEEE 754 rounds
in one way: + - * / and square roots of doubles, and scaling by powers of two. A logarithm of the C
library or a sum in an order that the library chooses has no place in this module.

One word of the stream makes one value, in the order of the flattened weight. Types narrower than
float32 get the float32 value rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from math import prod

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.init import Init, problem, resolve
from archc.ir.types import FLOATING, DType

_FORMAT = b"archc initial values 1"  # a change of any value made here is a new number
_BLOCK = 1 << 14  # values worked on at a time, so that they stay in the processor's cache

Draw = Callable[[int, int], Array]  # (start, count) → float64[count]; called in order


def array(init: Init, shape: Sequence[int], dtype: DType, name: str, seed: int) -> Array:
    """The whole initial value of the weight `name`, of that shape; bfloat16 as bits in uint16.

    ValueError if a weight of this shape and element type cannot begin so.
    """
    whole = np.empty(prod(shape), arrays.held(dtype))
    start = 0
    for chunk in chunks(init, shape, dtype, name, seed):
        whole[start : start + chunk.size] = chunk
        start += chunk.size
    return whole.reshape(shape)


def chunks(
    init: Init, shape: Sequence[int], dtype: DType, name: str, seed: int, items: int = 1 << 20
) -> Iterator[Array]:
    """`array`, flattened, in consecutive pieces of `items` values; the last may be shorter."""
    reason = problem(init, shape, dtype)
    if reason is not None:
        raise ValueError(f"{name}: {reason}")
    return _pieces(init, tuple(shape), dtype, name, seed, items)


def _pieces(
    init: Init, shape: tuple[int, ...], dtype: DType, name: str, seed: int, items: int
) -> Iterator[Array]:
    total = prod(shape)
    if total == 0:
        return
    draw = _source(resolve(init, shape), shape, stream(name, seed))
    for start in range(0, total, items):
        values = draw(start, min(items, total - start))
        if dtype not in FLOATING:
            yield values.astype(arrays.held(dtype))
            continue
        try:
            yield arrays.cast(values, "float64", dtype)
        except ValueError as error:
            raise ValueError(f"{name}: {init}: {error}") from None


def stream(name: str, seed: int) -> np.random.Philox:
    """The random bits of the weight `name`."""
    text = b"\0".join([_FORMAT, str(seed).encode(), name.encode()])
    key = int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
    return np.random.Philox(key=key)


def _source(init: Init, shape: tuple[int, ...], bits: np.random.Philox) -> Draw:
    match init.kind:
        case "zeros":
            return lambda _, count: np.zeros(count)
        case "ones":
            return lambda _, count: np.ones(count)
        case "constant":
            value = init.number("value")
            return lambda _, count: np.full(count, value)
        case "uniform":
            low, high = init.number("low"), init.number("high")
            return lambda _, count: low + (high - low) * _fractions(bits, count)
        case "normal":
            mean, std = init.number("mean"), init.number("std")
            return lambda _, count: mean + std * _quantiles(_fractions(bits, count))
        case "trunc_normal":
            return _truncated(init, bits)
        case "orthogonal":
            vectors = init.number("gain") * _orthonormal(shape, bits)
            return lambda start, count: vectors[start : start + count]
        case "eye":
            return lambda start, count: _diagonal(shape, start, count)
        case "dirac":
            rows = shape[0] // int(init.number("groups"))
            return lambda start, count: _diagonal(shape, start, count, rows)
        case _:
            raise AssertionError(init.kind)


def _fractions(bits: np.random.Philox, count: int) -> Array:
    """Uniform in (0, 1), float64[count]: odd multiples of 2**-53, symmetric about a half."""
    words: Array = bits.random_raw(count)
    kept: Array = words >> np.uint64(12)
    return (kept.astype(np.float64) + 0.5) * 2.0**-52


def _truncated(init: Init, bits: np.random.Philox) -> Draw:
    """Normal within bounds, by inversion: one word a value, however little lies between them."""
    low, high, mean, std = (init.number(n) for n in ("low", "high", "mean", "std"))
    if std == 0.0:
        return lambda _, count: np.full(count, min(max(mean, low), high))
    # On the lower side of the distribution, where the probabilities are small and so exact.
    sign = 1.0 if mean >= low + (high - low) / 2 else -1.0
    ends = sorted([sign * (low - mean) / std, sign * (high - mean) / std])
    first, last = map(_cumulative, ends)

    def draw(_: int, count: int) -> Array:
        inner = first + (last - first) * _fractions(bits, count)
        inside = np.clip(inner, 2.0**-1022, 1.0 - 2.0**-53)  # rounding may have given 0 or 1
        values: Array = np.clip(mean + sign * std * _quantiles(inside), low, high)
        return values

    return draw


@cache
def _cumulative(z: float) -> float:
    """The probability of a standard normal value below z, by bisection of the quantile."""
    if abs(z) > 37.0:  # past the least number that a double holds to full precision
        return 0.0 if z < 0.0 else 1.0
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if float(_quantiles(np.array([middle]))[0]) < z:
            low = middle
        else:
            high = middle
    return middle


def _diagonal(shape: tuple[int, ...], start: int, count: int, rows: int = 0) -> Array:
    """1 where the first two indices agree and every other one is in the middle, 0 elsewhere.

    The first index is counted anew after so many `rows`, where they are given.
    """
    row, column, *window = np.unravel_index(np.arange(start, start + count), shape)
    hit: Array = (row % rows if rows else row) == column
    for index, size in zip(window, shape[2:], strict=True):
        hit &= index == size // 2
    return hit.astype(np.float64)


def _orthonormal(shape: tuple[int, ...], bits: np.random.Philox) -> Array:
    """Orthonormal rows, or columns if these are fewer, of [shape[0], rest], flattened.

    Modified Gram-Schmidt of a normal matrix, which leaves R's diagonal positive: the result is
    uniform over all such matrices (Mezzadri, 2007). It takes rows² · columns steps of arithmetic
    that no library may reorder, seconds for 1024 by 1024.
    """
    rows, columns = shape[0], prod(shape[1:])
    few, many = min(rows, columns), max(rows, columns)
    vectors = np.zeros((few, 1 << (many - 1).bit_length()))  # zeros at the end, for _total
    vectors[:, :many] = _quantiles(_fractions(bits, few * many)).reshape(few, many)
    for i in range(few):
        vectors[i] /= np.sqrt(_total(vectors[i : i + 1] * vectors[i]))
        for start in range(i + 1, few, 64):
            rest = vectors[start : start + 64]
            rest -= _total(rest * vectors[i])[:, None] * vectors[i]
    result = vectors[:, :many]
    return (result if rows <= columns else result.T).reshape(-1)


def _total(values: Array) -> Array:
    """The sums of the rows, whose length is a power of two, in an order that is fixed: halves."""
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        values = values[:, :half] + values[:, half:]
    return values[:, 0]


# ---- the normal quantile


def _quantiles(p: Array) -> Array:
    """The standard normal's quantiles at p in (0, 1), float64, to a relative 1e-15."""
    result = np.empty(p.size)
    for start in range(0, p.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        result[block] = _quantile_block(p[block])
    return result


def _quantile_block(p: Array) -> Array:
    """Wichura's PPND16 (1988, algorithm AS 241, Applied Statistics 37): three ratios."""
    q = p - 0.5
    result = q * _ratio(0.180625 - q * q, _CENTRE)
    (outside,) = np.nonzero(np.abs(q) > 0.425)
    if outside.size:
        tail = np.minimum(p[outside], 1.0 - p[outside])
        r = np.sqrt(-_log(tail))
        size = np.where(r <= 5.0, _ratio(r - 1.6, _TAIL), _ratio(r - 5.0, _FAR_TAIL))
        result[outside] = np.where(q[outside] < 0.0, -size, size)
    return result


def _log(x: Array) -> Array:
    """The natural logarithm of positive numbers: log x = e·log 2 + 2·artanh((m-1)/(m+1))."""
    m, e = np.frexp(x)  # both exact
    small = m < 0.7071067811865476
    m = np.where(small, 2.0 * m, m)
    s = (m - 1.0) / (m + 1.0)  # within ±0.1716, where twelve terms of the series are enough
    return (e - small) * 0.6931471805599453 + 2.0 * s * _polynomial(s * s, _ARTANH)


def _ratio(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    over, under = coefficients
    return _polynomial(x, over) / _polynomial(x, under)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """The polynomial with these coefficients, the highest power's first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result *= x
        result += coefficient
    return result


_ARTANH = tuple(1.0 / (2 * k + 1) for k in range(11, -1, -1))

# fmt: off
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)
# fmt: on
