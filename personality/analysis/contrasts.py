"""Test of the difference between two groups of clips, valid for groups between sources, within sources, or both.

The model is y = mean + difference * (in the first group) + effect of the source + residual. The difference is estimated
by generalised least squares, with the ratio of the two variances estimated from the table. If every source has clips of
both groups, this compares the groups within sources, so that source effects cancel; if each source belongs to one
group, it weights sources by their information. The standard error is that of the cluster jackknife (CV3), which is
valid for any true variances; p-values use Student's t with the degrees of freedom of Bell and McCaffrey.

MacKinnon, Nielsen and Webb (2023), Journal of Econometrics 232; Bell and McCaffrey (2002), Survey Methodology 28;
Imbens and Kolesar (2016), Review of Economics and Statistics 98. Size and power in seven designs: docs/analysis.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from personality.analysis.jackknife import ZERO_STANDARD_ERROR, standard_error, sums_by_unit, t_quantile

DETECTION_POWER = 0.8  # power that defines the minimum detectable difference
MAX_VARIANCE_RATIO = 1e6  # used if there is no variance within sources


@dataclass(frozen=True)
class Contrast:
    """Differences between two groups, their standard errors and degrees of freedom, each float64 (C,)."""

    difference: np.ndarray
    std_error: np.ndarray
    degrees: np.ndarray

    def p_values(self) -> np.ndarray:
        """Two-sided p-values (C,); NaN without variance."""
        from scipy.special import stdtr

        with np.errstate(invalid="ignore", divide="ignore"):
            p = 2 * stdtr(self.degrees, -np.abs(self.difference / self.std_error))
        return np.where(self.std_error > ZERO_STANDARD_ERROR, p, np.nan)


def minimum_detectable_difference(error: np.ndarray, degrees: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The smallest difference that a two-sided test detects with a power of 80 %.

    Computed from the noncentral t distribution; the probability of the opposite tail is neglected. Standard errors from
    few sources are too small on average, by a factor of 1 - 1 / (4 * degrees), which is corrected.

    Parameters
    ----------
    error, degrees
        Standard errors and degrees of freedom, (N,).
    level
        Significance level of each test, (N,).
    """
    from scipy.special import nctdtrinc

    return error * (1 + 1 / (4 * degrees)) * nctdtrinc(degrees, 1 - DETECTION_POWER, t_quantile(1 - level / 2, degrees))


def variance_ratio(clips: np.ndarray, totals: np.ndarray, squares: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Ratio of the variance between sources to the variance within sources, (C,), by one-way analysis of variance.

    Parameters
    ----------
    clips, totals, squares
        For each pair of a group and a source: the number of clips, the sum of their values, and the sum of squares,
        (P, C), after subtraction of the group means.
    source
        The source of each pair, int (P,).
    """
    sources = int(source.max()) + 1
    n, total = sums_by_unit(clips, source, sources), sums_by_unit(totals, source, sources)
    all_clips, present = n.sum(0), (n > 0).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nansum(total**2 / n, 0)
        within = (squares.sum(0) - between).clip(0) / (all_clips - present)
        mean_square = (between - total.sum(0) ** 2 / all_clips) / (present - 1)
        typical = (all_clips - (n**2).sum(0) / all_clips) / (present - 1)
        ratio = ((mean_square - within) / typical / within).clip(0, MAX_VARIANCE_RATIO)
    return np.where(all_clips > present, np.nan_to_num(ratio, nan=0.0, posinf=MAX_VARIANCE_RATIO), 0.0)


def contrast_groups(
    clips: tuple[np.ndarray, np.ndarray],
    totals: tuple[np.ndarray, np.ndarray],
    ratio: np.ndarray,
    unit: np.ndarray,
) -> Contrast:
    """Estimate the difference of the first group from the second.

    Parameters
    ----------
    clips, totals
        For each of the two groups, the number of clips and the sum of their values by source, (S, C).
    ratio
        Ratio of the variance between sources to that within, (C,); 0 gives the difference of the means of clips.
    unit
        The jackknife unit of each source, int (S,); see `jackknife.jackknife_units`.
    """
    first, both = clips[0], clips[0] + clips[1]
    shrink = 1 / (1 + both * ratio)
    total = totals[0] + totals[1]
    # The terms of X'WX and X'Wy of each source, W the inverse covariance of its clips; X is (1, in the first group).
    parts = (
        both * shrink,
        first * shrink,
        first - ratio * first**2 * shrink,
        total * shrink,
        totals[0] - ratio * first * total * shrink,
    )
    units = int(unit.max()) + 1
    by_unit = [sums_by_unit(part, unit, units) for part in parts]
    whole = [part.sum(0) for part in by_unit]
    rest = [one - part for one, part in zip(whole, by_unit, strict=True)]
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = _solve_slope(*whole)
        error = standard_error(_solve_slope(*rest), difference, (by_unit[0] > 0).sum(0))
        return Contrast(difference, error, _contrast_degrees_of_freedom(by_unit[:3], whole[:3], rest[:3]))


def _solve_slope(one: np.ndarray, cross: np.ndarray, square: np.ndarray, y: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The second coefficient of the normal equations [[one, cross], [cross, square]] b = [y, xy]."""
    return (one * xy - cross * y) / (one * square - cross**2)


def _contrast_degrees_of_freedom(
    parts: list[np.ndarray], whole: list[np.ndarray], rest: list[np.ndarray]
) -> np.ndarray:
    """Degrees of freedom of Bell and McCaffrey, tr(K)^2 / tr(K^2), with K the covariance of the leave-one-unit-out
    differences: diag(own) - F inverse(whole) F', where F has two columns, so that the traces are sums over units.

    parts, whole, rest: symmetric 2 x 2 matrices of each unit, of all units, and of all units except each; the first
    diagonal element, the off-diagonal element, and the second diagonal element.
    """
    a, b, c = parts
    size = rest[0] * rest[2] - rest[1] ** 2
    row = (-rest[1] / size, rest[0] / size)  # second row of the inverse of `rest`
    f = (a * row[0] + b * row[1], b * row[0] + c * row[1])
    own = f[0] * row[0] + f[1] * row[1]
    determinant = whole[0] * whole[2] - whole[1] ** 2
    inverse = (whole[2] / determinant, -whole[1] / determinant, whole[0] / determinant)
    crossed = ((f[0] ** 2).sum(0), (f[0] * f[1]).sum(0), (f[1] ** 2).sum(0))
    product = (
        (inverse[0] * crossed[0] + inverse[1] * crossed[1], inverse[0] * crossed[1] + inverse[1] * crossed[2]),
        (inverse[1] * crossed[0] + inverse[2] * crossed[1], inverse[1] * crossed[1] + inverse[2] * crossed[2]),
    )
    shared = inverse[0] * f[0] ** 2 + 2 * inverse[1] * f[0] * f[1] + inverse[2] * f[1] ** 2
    trace = own.sum(0) - product[0][0] - product[1][1]
    of_product = product[0][0] ** 2 + 2 * product[0][1] * product[1][0] + product[1][1] ** 2
    square = np.square(own).sum(0) - 2 * (own * shared).sum(0) + of_product
    return trace**2 / square
