"""Forecasts of several series at once, and what seasonal-naive and two of statsmodels' models say.

All are given the same rows of the test and judged on the same ones. Errors are in the unit that the
data set brings all series to, the training part's deviations, and means over the series.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from statsmodels.tsa.api import VAR

from archc_train.data.part import Fields
from archc_train.data.series import Stretch
from bench.recipes.measures.forecasts import smoothed
from bench.recipes.trained import Trained, batches, gathered

SHOWN = (1, 2, 4, 8, 16, 32, 64)
LAGS = (8, 16, 24, 32, 40)  # more were worse on the validation rows of forecast_gait
SEASONS = range(32, 129)  # where the season's length is looked for
SMOOTHED = 20  # seasons that Holt-Winters smoothing is fitted on


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """Mean absolute errors of the network, `mae.H`, and of the others for some horizons H.

    `naive.H`, `var.H` and `smoothing.H` are these; `worst` is the largest ratio, over all horizons,
    of the network's error to that of the best of them. They are fitted on rows before the test,
    validation included: all of them, or the last 20 seasons for smoothing. `season` is its rows.
    """
    network, test = trained.network(), trained.test
    told = torch.cat([network(batch["history"]) for batch in batches(test)]).numpy()
    truth = gathered(test, "future").numpy()
    past = gathered(test, "history").double().numpy()
    ahead = truth.shape[1]
    assert isinstance(test, Fields)
    known, first, last = before(test)
    period = season(known[:first])
    begin = SMOOTHED * period
    starts, horizon = np.arange(last - first + 1), list(range(1, ahead + 1))
    each = [
        smoothed(one, starts, begin, horizon, period) for one in known[first - begin : last + 1].T
    ]
    forecasts = {
        "mae": told,
        "naive": past[:, -period:][:, np.arange(ahead) % period],
        "var": regressed(known[:first], past, ahead),
        "smoothing": np.stack(each, axis=2),
    }
    errors = {name: np.abs(one - truth).mean(axis=(0, 2)) for name, one in forecasts.items()}
    best = np.min([errors[name] for name in ("naive", "var", "smoothing")], axis=0)
    found = {f"{name}.{h}": float(one[h - 1]) for name, one in errors.items() for h in SHOWN}
    return {**found, "worst": float((errors["mae"] / best).max()), "season": float(period)}


def before(test: Fields) -> tuple[NDArray, int, int]:
    """All rows `[rows, series]`, and where the first and the last window's history ends."""
    history = test.fields["history"]
    assert isinstance(history, Stretch)
    ends = history.starts + len(history.offsets)
    return history.values.double().numpy(), int(ends[0]), int(ends[-1])


def season(values: NDArray) -> int:
    """The distance at which rows are most alike, by the series' mean autocorrelation."""
    whole = values - values.mean(axis=0)
    return max(SEASONS, key=lambda lag: float((whole[:-lag] * whole[lag:]).mean()))


def regressed(values: NDArray, past: NDArray, ahead: int) -> NDArray:
    """A vector autoregression's forecasts `[windows, ahead, series]` after `[windows, rows, …]`.

    Its order is the best by Akaike's criterion.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = min((VAR(values).fit(lags) for lags in LAGS), key=lambda one: float(one.aic))
    rows = past[:, -model.k_ar :]
    for _ in range(ahead):
        latest = rows[:, : -model.k_ar - 1 : -1]
        new = model.intercept + np.einsum("lij,nlj->ni", model.coefs, latest)
        rows = np.concatenate([rows, new[:, None]], axis=1)
    return rows[:, -ahead:]
