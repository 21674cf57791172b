"""p-values of several tests, adjusted for their number."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values (1979) of a family (N,); NaN is no member."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    steps = len(order) - np.arange(len(order))
    result[order] = np.maximum.accumulate(p[order] * steps).clip(max=1)
    return result


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values (1995) of a family (N,); NaN is no member."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    scaled = p[order] * len(order) / (np.arange(len(order)) + 1)
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return result
