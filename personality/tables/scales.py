"""Values on the scale of a questionnaire brought to [0, 1]."""

from __future__ import annotations

import pandas as pd

from personality.tables.errors import TableError

Scale = tuple[float, float]
UNIT_SCALE: Scale = (0.0, 1.0)
MAX_OVERSHOOT = 0.25  # by which a regression onto [0, 1] may miss it
COMMON_SCALES: tuple[Scale, ...] = ((1, 5), (1, 7), (0, 10), (0, 100))


def rescale(values: pd.DataFrame, scale: Scale | None) -> pd.DataFrame:
    """Numbers from a scale, [0, 1] for None, to [0, 1]; values outside the scale stay outside."""
    low, high = scale or UNIT_SCALE
    return (values - low) / (high - low)


def clamp_predictions(values: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Predictions meant for [0, 1] held in it, and how many were not: a linear model overshoots.

    Where any lies further outside than OVERSHOOT, the scale is another, and all stay as they are.
    """
    if values.lt(-MAX_OVERSHOOT).any(axis=None) or values.gt(1 + MAX_OVERSHOOT).any(axis=None):
        return values, 0
    return values.clip(0, 1), int((values.lt(0) | values.gt(1)).sum(axis=None))


def describe_clamped_count(count: int) -> str:
    """That so many predictions overshoot."""
    return f"{count:,} predictions lie outside 0 to 1, by {MAX_OVERSHOOT:g} at most, and count as 0 or 1"


def check_scale(values: pd.DataFrame, scale: Scale | None, *, option: str) -> None:
    """Raise TableError where the scale has no width, or a value lies outside of it, [0, 1] for None. The message says
    which values there are, and how to give the scale by the option of this name."""
    low, high = scale or UNIT_SCALE
    if not low < high:
        raise TableError(f"{option} {low:g} {high:g} is no scale; expected its lowest and its highest value")
    outside = int((values.lt(low) | values.gt(high)).sum(axis=None))
    if outside:
        least, most = float(values.min(axis=None)), float(values.max(axis=None))
        raise TableError(
            f"its values range from {least:g} to {most:g}, {outside:,} of {int(values.count().sum()):,} lie outside "
            f"{low:g} to {high:g}; {_scale_advice(least, most, option)}"
        )


def _scale_advice(least: float, most: float, option: str) -> str:
    fitting = [
        f"{option} {low:g} {high:g}" for low, high in COMMON_SCALES if low <= least and most <= high and most > 1
    ]
    examples = f", such as {' or '.join(fitting[:2])}" if fitting else ""
    return f"give the lowest and the highest value of their scale by {option} LOW HIGH{examples}"


def describe_value_range(values: pd.DataFrame) -> str:
    """The range and the mean of all values, for a preview."""
    least, most = float(values.min(axis=None)), float(values.max(axis=None))
    return f"{least:.3g} to {most:.3g}, mean {float(values.mean(axis=None)):.3g}"
