"""Figures of any set of clips, from sums over them, so that any of them can be left out at no cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from personality.predictions.predictions_table import PredictionArrays

# What is summed over clips. Of predicted and actual values their distance from RATING_CENTRE, which keeps squares
# small.
SUM_NAMES = ("n", "error", "signed", "constant", "lookup", "predicted", "actual", "predicted2", "actual2", "product")
RATING_CENTRE = 0.5


def summands(scores: PredictionArrays, model: int, clips: np.ndarray) -> Iterator[np.ndarray]:
    """What clips (their numbers, int (N,)) add to each of the SUMS for one model, float64 (N, 5); zeros where it does
    not speak. One after the other, because all at once are more than a processor's cache holds."""
    predicted, actual = scores.predicted[clips, model], scores.actual[clips]
    present = ~np.isnan(predicted)
    p, a = np.where(present, predicted - RATING_CENTRE, 0), np.where(present, actual - RATING_CENTRE, 0)
    yield present.astype(float)
    yield np.abs(p - a)
    yield p - a
    yield np.where(present, np.abs(scores.constant[clips] - actual), 0)
    yield np.where(present, np.abs(scores.lookup[clips] - actual), 0)
    yield from (p, a, p * p, a * a, p * a)


def compute_metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Figures (...) from sums (..., 5, len(SUMS)), for each trait and, last on the trait's axis, their mean: (..., 6).

    accuracy: 1 - mean absolute error; signed_error: mean of predicted minus actual; baseline and lookup: the accuracy
    of the two BASELINES on the same clips; gain: accuracy minus baseline; pearson; concordance (Lin 1989); r2: 1 -
    squared errors by squared distances of the ratings from their own mean; calibration_slope: of the ratings on the
    predictions, 1 where a difference predicted is a difference found; actual_mean, actual_deviation and predicted_mean:
    what people said and what the model said. NaN where there is no clip, and the middle four where nothing varies.
    """
    n, error, signed, constant, lookup, p, a, pp, aa, pa = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.where(n > 0, n, np.nan)
        p, a = p / n, a / n
        spread_p, spread_a, together = pp / n - p * p, aa / n - a * a, pa / n - p * a
        found = {
            "accuracy": 1 - error / n,
            "signed_error": signed / n,
            "baseline": 1 - constant / n,
            "lookup": 1 - lookup / n,
            "gain": (constant - error) / n,
            "pearson": together / np.sqrt(_nan_if_zero(spread_p) * _nan_if_zero(spread_a)),
            "concordance": 2 * together / _nan_if_zero(spread_p + spread_a + (p - a) ** 2),
            "r2": 1 - (spread_p + spread_a - 2 * together + (p - a) ** 2) / _nan_if_zero(spread_a),
            "calibration_slope": together / _nan_if_zero(spread_p),
            "actual_mean": a + RATING_CENTRE,
            "actual_deviation": np.sqrt(spread_a.clip(0)),
            "predicted_mean": p + RATING_CENTRE,
        }
    return {name: append_trait_mean(values) for name, values in found.items()}


def _nan_if_zero(variance: np.ndarray) -> np.ndarray:
    """A variance, NaN where it is nothing but rounding."""
    return np.where(variance > 1e-9, variance, np.nan)


def append_trait_mean(values: np.ndarray) -> np.ndarray:
    """Values of five traits (..., 5) with the mean of those that are numbers after them: (..., 6)."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, values, 0).sum(-1) / there.sum(-1)
    return np.concatenate([values, mean[..., None]], axis=-1)
