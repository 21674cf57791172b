"""How near predictions come to what people said. All take float arrays (N,) of equal length, N >= 1."""

from __future__ import annotations

import numpy as np


def accuracy(predicted: np.ndarray, actual: np.ndarray) -> float:
    """1 - mean absolute error, as in the thesis and in the ChaLearn challenge; 1 is perfect on labels in [0, 1]."""
    return float(1 - np.abs(predicted - actual).mean())


def signed_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Mean of predicted - actual: above 0 where the model overrates."""
    return float((predicted - actual).mean())


def pearson(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Pearson's correlation; NaN where either side is constant."""
    if predicted.std() == 0 or actual.std() == 0:
        return float("nan")
    return float(((predicted - predicted.mean()) * (actual - actual.mean())).mean() / (predicted.std() * actual.std()))


def concordance(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Lin's concordance correlation (1989): 2 cov / (var + var + (difference of means)^2), with population moments."""
    covariance = ((predicted - predicted.mean()) * (actual - actual.mean())).mean()
    spread = predicted.var() + actual.var() + (predicted.mean() - actual.mean()) ** 2
    return float(2 * covariance / spread) if spread else float("nan")
