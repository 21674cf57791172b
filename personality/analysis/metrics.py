"""Metrics computed from sums over clips, so that leaving out clips is a subtraction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from personality.predictions.predictions_table import PredictionArrays

# Quantities that are summed over clips. Predicted and actual values are relative to RATING_CENTRE, for precision.
SUM_NAMES = ("n", "error", "signed", "constant", "lookup", "predicted", "actual", "predicted2", "actual2", "product")
RATING_CENTRE = 0.5


def summands(scores: PredictionArrays, model: int, clips: np.ndarray) -> Iterator[np.ndarray]:
    """Yield, for each of SUM_NAMES, the summands of clips (indices, int (N,)) for one model: float64 (N, 5), 0 without
    a prediction. One at a time, because all together exceed the processor's cache."""
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
    """Compute metrics from sums over clips.

    Parameters
    ----------
    sums
        float64 (..., 5, len(SUM_NAMES)).

    Returns
    -------
    dict of str to numpy.ndarray
        (..., 6) each: five traits and their mean. accuracy: 1 - mean absolute error; signed_error: mean of predicted
        minus actual; baseline and lookup: accuracy of the mean baseline and of the same-source baseline on the same
        clips; gain: accuracy minus baseline; pearson; concordance (Lin 1989); r2: coefficient of determination;
        calibration_slope: slope of the regression of the ratings on the predictions, ideally 1; actual_mean and
        actual_deviation: mean and standard deviation of the ratings; predicted_mean; spread_ratio: standard deviation
        of the predictions divided by that of the ratings, below 1 for a model that stays close to the mean, which
        accuracy rewards. NaN without clips; pearson, concordance, r2, calibration_slope and spread_ratio are also NaN
        without variance.

    References
    ----------
    Lin, L. I. (1989): A concordance correlation coefficient to evaluate reproducibility. Biometrics 45, 255-268.
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
            "spread_ratio": np.sqrt(spread_p.clip(0) / _nan_if_zero(spread_a)),
        }
    return {name: append_trait_mean(values) for name, values in found.items()}


def _nan_if_zero(variance: np.ndarray) -> np.ndarray:
    """Variances, NaN where they are rounding errors."""
    return np.where(variance > 1e-9, variance, np.nan)


def append_trait_mean(values: np.ndarray) -> np.ndarray:
    """Append to values of five traits (..., 5) their mean without NaN: (..., 6)."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, values, 0).sum(-1) / there.sum(-1)
    return np.concatenate([values, mean[..., None]], axis=-1)
