"""Where a predicted trait stands: among what people said of the training clips, and how far it may be off."""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS = tuple(range(0, 101, 5))  # percentiles of the training labels that a card keeps
COVERED = (0.05, 0.95)  # quantiles of the residuals that a card keeps: nine in ten lie between


def describe_labels(labels: np.ndarray) -> list[float]:
    """The LEVELS of one trait's training labels (N,), for a card."""
    return [round(float(value), 4) for value in np.percentile(labels, LEVELS)]


def describe_residuals(residuals: np.ndarray) -> list[float]:
    """The COVERED quantiles of actual minus predicted (N,) on validation, for a card."""
    return [round(float(value), 4) for value in np.quantile(residuals, COVERED)]


def percentile(card: dict[str, Any], trait: str, value: float) -> float | None:
    """The share of training clips, 0 to 100, that people gave less than `value`; None where the card does not know."""
    known = card.get("training_labels", {}).get(trait)
    return None if known is None else float(np.interp(value, known, LEVELS))


def interval(card: dict[str, Any], trait: str, value: float) -> tuple[float, float] | None:
    """Between which two values in [0, 1] nine in ten clips lie of which the model says `value`, by its residuals on
    validation; None where the card does not know. Residuals are taken to be alike for low and high values."""
    known = card.get("residuals", {}).get(trait)
    if known is None:
        return None
    low, high = np.clip(np.add(known, value), 0, 1)
    return float(low), float(high)
