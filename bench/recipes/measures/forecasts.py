"""Forecasts on every horizon, and what seasonal-naive and statsmodels say of the same rows."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from bench.recipes.trained import Trained, batches, gathered

SEASON = 52


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """Mean absolute errors in the series' own unit for each horizon H: `mae.H`, and of the others.

    `naive.H` and `smoothing.H` are these; `worst` is the largest ratio of the network's error to
    that of the better one.

    Seasonal-naive is the value a season before what is asked, plus the growth over the last season.
    Holt-Winters smoothing (additive trend and season) is fitted on the rows before the test and
    then runs through them, forecasting from every row on.
    """
    network = trained.network()
    horizon = list(trained.program.parameters["horizon"])
    scale = trained.facts["scale"]["future"]["deviation"][0]
    test = trained.test
    told = torch.cat([network(batch["history"]) for batch in batches(test)])[..., 0].numpy()
    truth = gathered(test, "future")[..., 0].numpy()
    past = gathered(test, "history")[..., 0].numpy()
    whole, rows = test.fields["history"], past.shape[1]
    found: dict[str, float] = {}
    errors = {
        "mae": told - truth,
        "naive": seasonal(past, horizon) - truth,
        "smoothing": smoothed(
            whole.values[:, 0].double().numpy(), whole.starts.numpy(), rows, horizon
        )
        - truth,
    }
    for name, error in errors.items():
        for k, ahead in enumerate(horizon):
            found[f"{name}.{ahead}"] = float(np.abs(error[:, k]).mean() * scale)
    found["worst"] = max(
        found[f"mae.{h}"] / min(found[f"naive.{h}"], found[f"smoothing.{h}"]) for h in horizon
    )
    return found


def seasonal(past: NDArray, horizon: list[int]) -> NDArray:
    """Of each window `[n, rows]`, the forecasts `[n, horizons]`."""
    growth = past[:, -1] - past[:, -1 - SEASON]
    columns = []
    for ahead in horizon:
        back = SEASON - (ahead - 1) % SEASON
        columns.append(past[:, -back] + growth * ((ahead - 1) // SEASON + 1))
    return np.stack(columns, axis=1)


def smoothed(
    values: NDArray, starts: NDArray, rows: int, horizon: list[int], period: int = SEASON
) -> NDArray:
    """Holt-Winters' forecasts from each window's end `[n, horizons]`, of a series `[rows]`.

    Its weights are those fitted on all before the first window's end; the rows after it are walked
    through with the same weights. A season is `period` rows.
    """
    first = int(starts[0]) + rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(
            values[:first], trend="add", seasonal="add", seasonal_periods=period
        ).fit()
    level, slope = float(model.level[-1]), float(model.trend[-1])
    season = list(np.asarray(model.season)[-period:])
    alpha, beta, gamma = (
        float(model.params[f"smoothing_{one}"]) for one in ("level", "trend", "seasonal")
    )
    found = []
    for row in range(first, int(starts[-1]) + rows + 1):
        found.append([level + ahead * slope + season[(ahead - 1) % period] for ahead in horizon])
        value, before, old = values[row], level, season[0]
        level = alpha * (value - old) + (1 - alpha) * (level + slope)
        slope = beta * (level - before) + (1 - beta) * slope
        season = [*season[1:], gamma * (value - level) + (1 - gamma) * old]
    return np.array(found)
