"""95 % intervals by leaving out one source at a time: clips of one video are not independent, so whole sources go.

The cluster jackknife, called CV3 (MacKinnon, Nielsen and Webb 2023, "Cluster-robust inference: A guide to empirical
practice", Journal of Econometrics 232), with Student's t and the degrees of freedom of Bell and McCaffrey (2002), which
fall where a few sources hold most of the clips. It takes any figure that can be computed without a source, needs no
random numbers, and covers the truth from LEAST_SOURCES sources on (docs/analysis.md).
"""

from __future__ import annotations

import numpy as np

CONFIDENCE_LEVEL = 0.95
INTERVAL_METHOD = "cluster jackknife (CV3) over sources, Student's t"
MIN_SOURCES = 5  # with fewer, nothing is said of people who are not in the table
MAX_JACKKNIFE_UNITS = 5_000  # sources that are left out one by one
JACKKNIFE_SEED = 0  # by which more sources than that are put into batches
ZERO_STANDARD_ERROR = 1e-12  # a standard error that is nothing but rounding


def jackknife_units(source: np.ndarray) -> np.ndarray:
    """Codes of sources (N,) as codes of what is left out: the sources, or where there are more than MOST_UNITS as many
    random batches of them. A sum over independent sources varies the same when they are left out in batches; the
    interval's width is then known to one part in a hundred, and a million clips take seconds."""
    sources = int(source.max()) + 1
    if sources <= MAX_JACKKNIFE_UNITS:
        return source
    return (np.random.default_rng(JACKKNIFE_SEED).permutation(sources) % MAX_JACKKNIFE_UNITS)[source]


def standard_error(left_out: np.ndarray, whole: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The jackknife's standard error (...) of figures.

    Parameters
    ----------
    left_out
        The figures without each of U units, (U, ...). A unit without a clip of the figure leaves it as it is.
    whole
        The figures of all clips, (...).
    units
        How many units have clips of the figure, int (...).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((units - 1) / units * np.square(left_out - whole).sum(0))


def degrees_of_freedom(clips: np.ndarray) -> np.ndarray:
    """The degrees of freedom (...) of the standard error of a mean over U units with so many clips each, (U, ...).

    Bell and McCaffrey's (2002), for clips that vary alike: U - 1 where units are of one size, fewer otherwise. NaN of
    one unit.
    """
    clips = clips.astype(float)
    total = clips.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = clips / (total - clips)  # of a unit's mean in the figure without it
        own, shared = weight**2 / clips, (weight**2).sum(0) / total
        own = np.where(clips > 0, own, 0)
        trace = own.sum(0) - shared
        square = np.square(own).sum(0) - 2 * (own * weight**2).sum(0) / total + shared**2
        return trace**2 / square


def t_quantile(probability: float | np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """The quantile of Student's t."""
    from scipy.special import stdtrit

    return stdtrit(degrees, probability)


def t_interval(
    figure: np.ndarray, error: np.ndarray, degrees: np.ndarray, *, level: float | np.ndarray = CONFIDENCE_LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of figures with these standard errors and degrees of freedom, each (...)."""
    reach = t_quantile((1 + level) / 2, degrees) * error
    return figure - reach, figure + reach


def sums_by_unit(values: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    """Sums (units, C) over the rows of values (N, C) by the code of their unit (N,); NaN counts as nothing."""
    result = np.zeros((units, values.shape[1]))
    np.add.at(result, unit, np.nan_to_num(values))
    return result


def mean_intervals(values: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bounds (C,), (C,) of 95 % intervals for the mean of each column of values (N, C), NaN where there is none.

    source: codes (N,) of each row's source. NaN where fewer than LEAST_SOURCES sources have a value.
    """
    unit = jackknife_units(source)
    units = int(unit.max()) + 1
    clips = sums_by_unit((~np.isnan(values)).astype(float), unit, units)
    total = sums_by_unit(values, unit, units)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total.sum(0) / clips.sum(0)
        left_out = (total.sum(0) - total) / (clips.sum(0) - clips)
    present = (clips > 0).sum(0)
    low, high = t_interval(mean, standard_error(left_out, mean, present), degrees_of_freedom(clips))
    enough = present >= MIN_SOURCES
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
