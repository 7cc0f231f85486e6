"""What a surrogate believes of networks that were not trained: a Gaussian process on features.

Its kernel is a sum of two, one over the few sizes of a network and one over what it is made of and
how: little is known at first, and sizes tell most of it; the more trials there are, the more the
details do. How much each tells, and how noisy values are, is what makes the values that were seen
most likely (Rasmussen and Williams, 2006).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from archc.arrays import Array
from archc.errors import Diagnostic, MissingPackageError
from archc.search.features import Features
from archc.search.ranking import Point

GROWTH = 1.3  # the kernel is fitted anew each time that there is so much more to learn from
SHARES = (0.1, 3.0)  # of the values' variance
NOISE = (0.03, 0.5)
ALPHA = 1e-8  # on the diagonal, for rounding


class Columns:
    """Features as rows of numbers: columns are added as names come up."""

    def __init__(self) -> None:
        self.places: tuple[dict[str, int], ...] = ({}, {})
        self.rows: list[Features] = []
        self.arrays = (np.zeros((0, 0)), np.zeros((0, 0)))

    def add(self, row: Features) -> None:
        self.rows.append(row)
        grown = []
        for places, old, numbers in zip(self.places, self.arrays, row, strict=True):
            for name in numbers:
                places.setdefault(name, len(places))
            new = np.zeros((len(self.rows), len(places)))
            new[:-1, : old.shape[1]] = old
            grown.append(new)
        self.arrays = (grown[0], grown[1])
        for array, one in zip(self.arrays, self.of([row]), strict=True):
            array[-1] = one[0]

    def of(self, rows: Sequence[Features]) -> tuple[Array, Array]:
        """Sizes and shapes; of what no added row has, nothing is known, and it is left out."""
        found = []
        for part, places in enumerate(self.places):
            array = np.zeros((len(rows), len(places) + 1))  # the last column is for what is not
            for k, row in enumerate(rows):
                array[k, [places.get(name, -1) for name in row[part]]] = [*row[part].values()]
            found.append(array[:, :-1])
        return found[0], found[1]


class Regressor:
    """Learns values of networks from their features. Raises MissingPackageError E510."""

    def __init__(self) -> None:
        try:
            import sklearn.gaussian_process  # noqa: F401
        except ImportError as error:
            missing = "the surrogate needs scikit-learn, which is not installed"
            help = 'pip install "archc-compiler[search]"'
            raise MissingPackageError([Diagnostic("E510", missing, help=help)]) from error
        self.columns = Columns()
        self.kernels: dict[int, Any] = {}  # by how many rows they were fitted to
        self.process: Any = None
        self.scales: list[tuple[Array, Array]] = []

    def add(self, row: Features) -> None:
        self.columns.add(row)

    def fit(self, points: Sequence[Point], waiting: Sequence[Features] = ()) -> None:
        """Learns the points of all rows that were added, in that order.

        Rows that are `waiting` for theirs are taken to have what is expected of them.
        """
        self.scales = [scale(array) for array in self.columns.arrays]
        rows, values = scaled(self.columns.arrays, self.scales), scores(points)
        kernel = self.kernel(points)
        self.learn(kernel, rows, values)
        if waiting:
            more = scaled(self.columns.of(waiting), self.scales)
            expected = self.process.predict(more)
            self.learn(kernel, np.vstack([rows, more]), np.concatenate([values, expected]))

    def learn(self, kernel: Any, rows: Array, values: Array) -> None:
        from sklearn.gaussian_process import GaussianProcessRegressor

        self.process = GaussianProcessRegressor(kernel, alpha=ALPHA, optimizer=None)
        self.process.fit(rows, values)

    def kernel(self, points: Sequence[Point]) -> Any:
        """The kernel that was fitted last, or would have been: it depends on the rows alone."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor

        count, split = fitted_at(len(points)), self.columns.arrays[0].shape[1]
        if count not in self.kernels:
            arrays = [array[:count] for array in self.columns.arrays]
            rows = scaled(arrays, [scale(array) for array in arrays])
            process = GaussianProcessRegressor(additive(split), alpha=ALPHA)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # a bound is as good as any
                process.fit(rows, scores(points[:count]))
            self.kernels = {count: process.kernel_}
        found = self.kernels[count]
        found.set_params(k1__k1__k2__stop=split, k1__k2__k2__start=split)
        return found

    def predict(self, rows: Sequence[Features]) -> tuple[Array, Array]:
        """The mean and the deviation of what each row's value is believed to be."""
        arrays = scaled(self.columns.of(rows), self.scales)
        mean, deviation = self.process.predict(arrays, return_std=True)
        return mean, deviation


def scaled(arrays: Sequence[Array], scales: Sequence[tuple[Array, Array]]) -> Array:
    pairs = zip(arrays, scales, strict=True)
    return np.hstack([(array - middle) * factor for array, (middle, factor) in pairs])


def fitted_at(count: int) -> int:
    """At how many rows the kernel was fitted last: numbers that grow by a factor from 5 on."""
    found = 5
    while (following := max(found + 1, round(found * GROWTH))) <= count:
        found = following
    return min(found, count)


def scale(array: Array) -> tuple[Array, Array]:
    """Each column's mean and its factor: two rows are about 1 from each other, over all columns."""
    deviation = array.std(axis=0)
    varied = deviation > 1e-9
    count = max(1, int(varied.sum()))
    factor = np.zeros(len(deviation))
    factor[varied] = 1 / (deviation[varied] * np.sqrt(2 * count))
    return array.mean(axis=0), factor


def additive(split: int) -> Any:
    """The kernel over rows whose first `split` numbers are sizes."""
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    class Part(RBF):  # type: ignore[misc]  # scikit-learn is published without types
        """A radial kernel over some of the columns."""

        def __init__(self, start: int = 0, stop: int | None = None) -> None:
            super().__init__(1.0, "fixed")  # the distance of two networks, as they are scaled
            self.start, self.stop = start, stop

        def __call__(self, X: Array, Y: Array | None = None, eval_gradient: bool = False) -> Any:
            part = slice(self.start, self.stop)
            other = None if Y is None else Y[:, part]
            return super().__call__(X[:, part], other, eval_gradient)

    sizes = ConstantKernel(0.5, SHARES) * Part(stop=split)
    shapes = ConstantKernel(0.5, SHARES) * Part(start=split)
    return sizes + shapes + WhiteKernel(0.1, NOISE)


def scores(points: Sequence[Point]) -> Array:
    """Points by their ranks as a normal distribution's quantiles, the best the greatest.

    So no value is far from the others, whatever the objective's scale, and equal points are equal.
    """
    order = sorted(points)
    count, normal = len(points), NormalDist()
    places: dict[Point, list[int]] = {}
    for place, one in enumerate(order):
        places.setdefault(one, []).append(place)
    middle = {one: sum(found) / len(found) for one, found in places.items()}
    return np.array([-normal.inv_cdf((middle[one] + 0.5) / count) for one in points])
