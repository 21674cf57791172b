"""95 % intervals by the cluster jackknife, which leaves out one source at a time, as its clips are not independent.

The estimator is CV3 (MacKinnon, Nielsen and Webb 2023, "Cluster-robust inference: A guide to empirical practice",
Journal of Econometrics 232), with Student's t and the degrees of freedom of Bell and McCaffrey (2002), which decrease
if a few sources have most of the clips. It applies to any statistic that can be recomputed without one source. The
coverage of the intervals for MIN_SOURCES and more sources is reported in docs/analysis.md.
"""

from __future__ import annotations

import numpy as np

CONFIDENCE_LEVEL = 0.95
INTERVAL_METHOD = "cluster jackknife (CV3) over sources, Student's t"
MIN_SOURCES = 5  # with fewer sources there are no intervals and no tests
MAX_JACKKNIFE_UNITS = 5_000  # more sources than this are left out in batches
JACKKNIFE_SEED = 0  # seed of the assignment of sources to batches
ZERO_STANDARD_ERROR = 1e-12  # smaller standard errors are rounding errors


def jackknife_units(source: np.ndarray) -> np.ndarray:
    """The unit with which each clip is left out: its source, or a batch of sources.

    Parameters
    ----------
    source
        Code of the source of each clip, int (N,).

    Returns
    -------
    numpy.ndarray
        Code of the unit of each clip, int (N,). If there are more than MAX_JACKKNIFE_UNITS sources, they are assigned
        to that number of batches at random, so that a million clips take seconds. Batches do not change the expected
        variance; the width of the interval then has a relative error of about 1 %.
    """
    sources = int(source.max()) + 1
    if sources <= MAX_JACKKNIFE_UNITS:
        return source
    return (np.random.default_rng(JACKKNIFE_SEED).permutation(sources) % MAX_JACKKNIFE_UNITS)[source]


def standard_error(left_out: np.ndarray, whole: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The jackknife standard error of statistics, (...).

    Parameters
    ----------
    left_out
        The statistics without each of U units, (U, ...). Leaving out a unit without clips does not change a statistic.
    whole
        The statistics of all clips, (...).
    units
        Number of units that have clips, int (...).

    Returns
    -------
    numpy.ndarray
        float64 (...); NaN without units.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((units - 1) / units * np.square(left_out - whole).sum(0))


def degrees_of_freedom(clips: np.ndarray) -> np.ndarray:
    """Degrees of freedom of the standard error of a mean, after Bell and McCaffrey (2002) for clips of equal variance.

    Parameters
    ----------
    clips
        Number of clips of each of U units, (U, ...).

    Returns
    -------
    numpy.ndarray
        float64 (...): U - 1 if all units have the same number of clips, fewer otherwise, NaN for one unit.
    """
    clips = clips.astype(float)
    total = clips.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = clips / (total - clips)  # of a unit's mean in the change if it is left out
        own, shared = weight**2 / clips, (weight**2).sum(0) / total
        own = np.where(clips > 0, own, 0)
        trace = own.sum(0) - shared
        square = np.square(own).sum(0) - 2 * (own * weight**2).sum(0) / total + shared**2
        return trace**2 / square


def t_quantile(probability: float | np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Quantiles of Student's t distribution."""
    from scipy.special import stdtrit

    return stdtrit(degrees, probability)


def t_interval(
    statistic: np.ndarray, error: np.ndarray, degrees: np.ndarray, *, level: float | np.ndarray = CONFIDENCE_LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of statistics from their standard errors and degrees of freedom, each (...)."""
    margin = t_quantile((1 + level) / 2, degrees) * error
    return statistic - margin, statistic + margin


def sums_by_unit(values: np.ndarray, unit: np.ndarray, unit_count: int) -> np.ndarray:
    """Sums, float64 (unit_count, C), of values (N, C) by the code of their unit, int (N,); NaN is ignored."""
    result = np.zeros((unit_count, values.shape[1]))
    np.add.at(result, unit, np.nan_to_num(values))
    return result


def mean_intervals(values: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals for the means of columns.

    Parameters
    ----------
    values
        float64 (N, C); NaN is ignored.
    source
        The code of the source of each row, int (N,).

    Returns
    -------
    tuple of numpy.ndarray
        Lower and upper bounds, (C,) each; NaN for columns with values of fewer than MIN_SOURCES sources.
    """
    unit = jackknife_units(source)
    unit_count = int(unit.max()) + 1
    clips = sums_by_unit((~np.isnan(values)).astype(float), unit, unit_count)
    total = sums_by_unit(values, unit, unit_count)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total.sum(0) / clips.sum(0)
        left_out = (total.sum(0) - total) / (clips.sum(0) - clips)
    present = (clips > 0).sum(0)
    low, high = t_interval(mean, standard_error(left_out, mean, present), degrees_of_freedom(clips))
    enough = present >= MIN_SOURCES
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
