"""Percentiles of predictions among the training labels, and prediction intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from personality.models.model_card import LABEL_PERCENTILES

INTERVAL_COVERAGE = 0.9  # share of new people whose label is within the interval
FULL_SCALE_OFFSET = 1.0  # extends the interval to the end of [0, 1] from any prediction


def describe_labels(labels: np.ndarray) -> list[float]:
    """Summarise the training labels of one trait for a card.

    Parameters
    ----------
    labels : ndarray of float, shape (N,)
        Labels in [0, 1].

    Returns
    -------
    list of float
        Their percentiles at LABEL_PERCENTILES.
    """
    return [round(float(value), 4) for value in np.percentile(labels, LABEL_PERCENTILES)]


def conformal_offsets(
    residuals: np.ndarray, sources: np.ndarray, coverage: float = INTERVAL_COVERAGE
) -> tuple[float, float]:
    """Offsets of a split conformal prediction interval, each source with equal weight.

    Parameters
    ----------
    residuals : ndarray of float, shape (N,)
        Label minus prediction, of clips whose sources the model was not trained on.
    sources : ndarray, shape (N,)
        The source (person or video) of each clip.
    coverage : float
        Share of clips of a new source that the interval covers on average.

    Returns
    -------
    low, high : float
        Add them to a prediction. With K sources, each has the weight 1 / (K + 1) and the new one the rest, at
        infinity; if K is too small for this coverage, an offset is -1 or 1, which extends to the end of the scale.

    References
    ----------
    Lee, Barber and Willett (2023), Distribution-free inference with hierarchical data, arXiv:2306.06342.
    """
    tail = (1 - coverage) / 2
    return -_weighted_upper_quantile(-residuals, sources, 1 - tail), _weighted_upper_quantile(
        residuals, sources, 1 - tail
    )


def _weighted_upper_quantile(residuals: np.ndarray, sources: np.ndarray, level: float) -> float:
    """The smallest residual up to which the weights sum to `level` or more."""
    _, codes, clips = np.unique(sources, return_inverse=True, return_counts=True)
    weights = 1 / ((len(clips) + 1) * clips[codes])
    order = np.argsort(residuals)
    reached = np.cumsum(weights[order]) >= level - 1e-12  # tolerance for rounding of the sum
    return float(residuals[order][np.argmax(reached)]) if reached.any() else FULL_SCALE_OFFSET


def label_percentile(card: dict[str, Any], trait: str, value: float) -> float | None:
    """Rank a predicted value among the training labels.

    Parameters
    ----------
    card : dict
        A model's card; `training_labels` has the result of `describe_labels` by trait.
    trait : str
        A name of TRAIT_NAMES.
    value : float
        The prediction, in [0, 1].

    Returns
    -------
    float or None
        Share of training clips with a lower label, 0 to 100; None if the card has no labels of the trait.
    """
    known = card.get("training_labels", {}).get(trait)
    return None if known is None else float(np.interp(value, known, LABEL_PERCENTILES))


def prediction_interval(card: dict[str, Any], trait: str, value: float) -> tuple[float, float] | None:
    """The 90 % prediction interval around a predicted value.

    Parameters
    ----------
    card : dict
        A model's card; `conformal` has the result of `conformal_offsets` by trait. Cards of older versions have
        `residuals` (quantiles of pooled validation clips), which are used in the same way.
    trait : str
        A name of TRAIT_NAMES.
    value : float
        The prediction, in [0, 1].

    Returns
    -------
    (low, high) or None
        Within [0, 1]; None if the card has no offsets. The offsets do not depend on the prediction.
    """
    offsets = (card.get("conformal") or card.get("residuals") or {}).get(trait)
    if offsets is None:
        return None
    low, high = np.clip(np.add(offsets, value), 0, 1)
    return float(low), float(high)
