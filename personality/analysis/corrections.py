"""Adjustment of p-values for multiple testing."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values of a family of tests, float64 (N,), by Holm (1979). NaN is not counted as a test."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    steps = len(order) - np.arange(len(order))
    result[order] = np.maximum.accumulate(p[order] * steps).clip(max=1)
    return result


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values of a family of tests, float64 (N,), by Benjamini and Hochberg (1995). NaN is not counted
    as a test."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    scaled = p[order] * len(order) / (np.arange(len(order)) + 1)
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return result
