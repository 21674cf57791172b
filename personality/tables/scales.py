"""Rescaling of questionnaire values to [0, 1]."""

from __future__ import annotations

import pandas as pd

from personality.tables.errors import TableError

Scale = tuple[float, float]
UNIT_SCALE: Scale = (0.0, 1.0)
MAX_OVERSHOOT = 0.25  # distance from [0, 1] up to which predictions are clamped
COMMON_SCALES: tuple[Scale, ...] = ((1, 5), (1, 7), (0, 10), (0, 100))


def rescale(values: pd.DataFrame, scale: Scale | None) -> pd.DataFrame:
    """Rescale numbers from a scale (by default [0, 1]) to [0, 1]. Values outside the scale stay outside."""
    low, high = scale or UNIT_SCALE
    return (values - low) / (high - low)


def clamp_predictions(values: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Clamp predictions to [0, 1], and count those that were outside, as linear models may predict.

    If any is outside by more than MAX_OVERSHOOT, the scale is a different one, and all are returned unchanged.
    """
    if values.lt(-MAX_OVERSHOOT).any(axis=None) or values.gt(1 + MAX_OVERSHOOT).any(axis=None):
        return values, 0
    return values.clip(0, 1), int((values.lt(0) | values.gt(1)).sum(axis=None))


def describe_clamped_count(count: int) -> str:
    """A message about clamped predictions."""
    return f"{count:,} predictions are outside 0 to 1 (by at most {MAX_OVERSHOOT:g}) and were clamped"


def check_scale(values: pd.DataFrame, scale: Scale | None, *, option: str) -> None:
    """Raise TableError if the limits of the scale (by default [0, 1]) are not ascending, or if a value is outside.

    option: the command-line option for the scale, for the error message.
    """
    low, high = scale or UNIT_SCALE
    if not low < high:
        raise TableError(f"{option} {low:g} {high:g} is not a valid scale; expected its lowest and its highest value")
    outside = int((values.lt(low) | values.gt(high)).sum(axis=None))
    if outside:
        least, most = float(values.min(axis=None)), float(values.max(axis=None))
        raise TableError(
            f"its values range from {least:g} to {most:g}, {outside:,} of {int(values.count().sum()):,} are outside "
            f"{low:g} to {high:g}; {_scale_advice(least, most, option)}"
        )


def _scale_advice(least: float, most: float, option: str) -> str:
    fitting = [
        f"{option} {low:g} {high:g}" for low, high in COMMON_SCALES if low <= least and most <= high and most > 1
    ]
    examples = f", such as {' or '.join(fitting[:2])}" if fitting else ""
    return f"specify the lowest and the highest value of the scale with {option} LOW HIGH{examples}"


def describe_value_range(values: pd.DataFrame) -> str:
    """The range and the mean of all values as text."""
    least, most = float(values.min(axis=None)), float(values.max(axis=None))
    return f"{least:.3g} to {most:.3g}, mean {float(values.mean(axis=None)):.3g}"
