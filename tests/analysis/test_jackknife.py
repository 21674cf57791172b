"""Jackknife intervals: values checked against theory, and simulated coverage."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.calibration import draw_half_normal, simulate_interval_coverage
from personality.analysis.groups import accuracy_by
from personality.analysis.jackknife import (
    MAX_JACKKNIFE_UNITS,
    MIN_SOURCES,
    degrees_of_freedom,
    jackknife_units,
    mean_intervals,
    t_interval,
)


def test_interval_with_one_clip_per_source_equals_students_t() -> None:
    values = np.random.default_rng(0).gamma(2, 0.05, (30, 2))
    low, high = mean_intervals(values, np.arange(30))
    for column in range(2):
        error = stats.sem(values[:, column])
        expected = stats.t.interval(0.95, 29, values[:, column].mean(), error)
        assert (low[column], high[column]) == pytest.approx(expected)


def test_standard_error_equals_leaving_out_each_source() -> None:
    random = np.random.default_rng(1)
    source = np.repeat(np.arange(9), random.integers(1, 6, 9))
    values = random.normal(size=(len(source), 1))
    without = [values[source != one].mean() for one in range(9)]
    error = np.sqrt(8 / 9 * np.sum((np.array(without) - values.mean()) ** 2))
    degrees = degrees_of_freedom(np.bincount(source)[:, None])
    low, high = mean_intervals(values, source)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, degrees) * error)


def test_degrees_of_freedom_decrease_if_one_source_dominates() -> None:
    sizes = np.array([[3] * 10, [30] + [2] * 9]).T
    equal, dominated = degrees_of_freedom(sizes)
    assert equal == pytest.approx(9)
    assert dominated < 3
    assert np.isnan(degrees_of_freedom(np.array([[4]]))).all()


def test_degrees_of_freedom_equal_bell_and_mccaffrey() -> None:
    """Twice the squared expectation over the variance of the quadratic form, from its matrix."""
    n = np.array([1.0, 2, 5, 3, 9, 4])
    project = np.eye(6) - np.outer(n, np.ones(6)) / n.sum()
    weights = np.diag(1 / (n.sum() - n) ** 2)
    matrix = np.sqrt(weights) @ project @ np.diag(n) @ project.T @ np.sqrt(weights)
    expected = np.trace(matrix) ** 2 / np.trace(matrix @ matrix)
    assert degrees_of_freedom(n[:, None])[0] == pytest.approx(expected)


@pytest.mark.parametrize("clips", [1, 6, 20])
@pytest.mark.parametrize("sources", [5, 7, 20])
def test_coverage_of_intervals_from_five_sources(sources: int, clips: int) -> None:
    """The standard error of the simulated coverage, from 4,000 repetitions, is .003."""
    normal = simulate_interval_coverage(sources, clips, lambda random, shape: random.standard_normal(shape), 4_000)
    assert 0.94 < normal < 0.96
    assert 0.92 < simulate_interval_coverage(sources, clips, draw_half_normal, 4_000) < 0.97


def test_intervals_that_ignore_sources_are_too_narrow() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=(40, 500))[np.repeat(np.arange(40), 5)] + random.normal(0, 0.3, (200, 500))
    naive = mean_intervals(values, np.arange(200))
    clustered = mean_intervals(values, np.repeat(np.arange(40), 5))
    shares = [((low <= 0) & (high >= 0)).mean() for low, high in (naive, clustered)]
    assert shares[0] < 0.75
    assert 0.92 < shares[1] < 0.98


def test_too_few_sources_have_no_interval() -> None:
    for sources, has_interval in ((MIN_SOURCES - 1, False), (MIN_SOURCES, True)):
        source = np.repeat(np.arange(sources), 20)
        bounds = mean_intervals(np.random.default_rng(3).random((len(source), 1)), source)
        assert np.isfinite(bounds).all() == has_interval


def test_missing_values_are_ignored() -> None:
    values = np.random.default_rng(4).random((12, 1))
    source = np.arange(12) // 2
    missing = np.append(values, [[np.nan]], axis=0)
    np.testing.assert_allclose(mean_intervals(missing, np.append(source, 6)), mean_intervals(values, source))


def test_higher_confidence_level_gives_a_wider_interval() -> None:
    one, two = (t_interval(np.zeros(1), np.ones(1), np.array([10.0]), level=level)[1] for level in (0.95, 0.99))
    assert (one[0], two[0]) == pytest.approx((stats.t.ppf(0.975, 10), stats.t.ppf(0.995, 10)))


def test_many_sources_are_left_out_in_batches_of_equal_size() -> None:
    source = np.random.default_rng(0).permutation(np.repeat(np.arange(12_000), 2))
    units = jackknife_units(source)
    assert np.bincount(np.bincount(units)).nonzero()[0].tolist() == [4, 6]  # two or three sources of two clips
    assert all(len(set(units[source == one])) == 1 for one in (0, 7, 11_999))
    np.testing.assert_array_equal(jackknife_units(source % MAX_JACKKNIFE_UNITS), source % MAX_JACKKNIFE_UNITS)


def test_interval_with_batches_equals_theory() -> None:
    random = np.random.default_rng(1)
    errors = random.gamma(2, 0.05, 30_000).clip(0, 0.5)
    clips = pd.DataFrame({"clip": np.arange(30_000).astype(str), "split": "test", "model": "m", "trait": "openness"})
    row = accuracy_by(clips.assign(source=clips["clip"], predicted=0.5 + errors, actual=0.5)).iloc[0]
    assert row["sources"] == 30_000
    half = 1.96 * errors.std() / np.sqrt(30_000)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.08)
