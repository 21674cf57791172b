"""The test of two groups: values against pyfixest and scipy, level and power in several designs."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.calibration import (
    EFFECT_STANDARD_ERRORS,
    StudyDesign,
    compare_two_groups,
    make_study_designs,
    reference_test_p_values,
    simulate_errors,
    sum_by_source_and_group,
)
from personality.analysis.contrasts import Contrast, contrast_groups, minimum_detectable_difference, variance_ratio

REPETITIONS = 2_000


Sides = tuple[np.ndarray, np.ndarray]


def both(design: StudyDesign, values: np.ndarray) -> tuple[Sides, Sides]:
    """Clips and totals by source of both groups."""
    return sum_by_source_and_group(design, np.ones_like(values)), sum_by_source_and_group(design, values)


def mixed(random: np.random.Generator) -> tuple[StudyDesign, np.ndarray]:
    """Sources with one to six clips, each of a random group, and values."""
    source = np.repeat(np.arange(12), random.integers(1, 7, 12))
    design = StudyDesign(source, random.random(len(source)) < 0.5)
    return design, random.normal(size=(len(source), 1)) + random.normal(size=(12, 1))[source]


def test_difference_and_standard_error_equal_pyfixest_crv3() -> None:
    import pyfixest

    design, values = mixed(np.random.default_rng(0))
    found = contrast_groups(*both(design, values), np.zeros(1), np.arange(12))
    table = pd.DataFrame({"y": values[:, 0], "x": design.is_first_group.astype(int), "source": design.source})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation warnings of pandas
        fitted = pyfixest.feols("y ~ x", table, vcov={"CRV3": "source"})
        adjusted = pyfixest.feols("y ~ x", table, vcov={"CRV3": "source"}, ssc=pyfixest.ssc(k_adj=False, G_adj=True))
    assert found.difference[0] == pytest.approx(fitted.coef()["x"])
    # pyfixest's G / (G - 1), and the jackknife's (G - 1) / G.
    assert found.std_error[0] == pytest.approx(adjusted.se()["x"] * 11 / 12)


def test_generalised_least_squares_equals_matrix_formula() -> None:
    random = np.random.default_rng(1)
    design, values = mixed(random)
    x = np.column_stack([np.ones(len(values)), design.is_first_group])
    same = design.source[:, None] == design.source

    def slope(kept: np.ndarray) -> float:
        precision = np.linalg.inv(np.eye(kept.sum()) + 0.7 * same[np.ix_(kept, kept)])
        return np.linalg.solve(x[kept].T @ precision @ x[kept], x[kept].T @ precision @ values[kept, 0])[1]

    found = contrast_groups(*both(design, values), np.full(1, 0.7), np.arange(12))
    whole = slope(np.ones(len(values), bool))
    without = np.array([slope(design.source != one) for one in range(12)])
    assert found.difference[0] == pytest.approx(whole)
    assert found.std_error[0] == pytest.approx(np.sqrt(11 / 12 * np.sum((without - whole) ** 2)))


def test_degrees_of_freedom_equal_bell_and_mccaffrey() -> None:
    """Reference: tr(K)^2 / tr(K^2), with K computed from the matrices of the clips."""
    random = np.random.default_rng(2)
    design, values = mixed(random)
    x = np.column_stack([np.ones(len(values)), design.is_first_group])
    covariance = np.eye(len(values)) + 0.7 * (design.source[:, None] == design.source)
    precision = np.linalg.inv(covariance)
    inverse = np.linalg.inv(x.T @ precision @ x)
    rows = []
    for one in range(12):
        kept = design.source != one
        inside = np.linalg.inv(covariance[np.ix_(kept, kept)])
        left = np.linalg.solve(x[kept].T @ inside @ x[kept], x[kept].T @ inside)[1]
        row = -(inverse @ x.T @ precision)[1]
        row[kept] += left
        rows.append(row)
    k = np.array(rows) @ covariance @ np.array(rows).T
    found = contrast_groups(*both(design, values), np.full(1, 0.7), np.arange(12))
    assert found.degrees[0] == pytest.approx(np.trace(k) ** 2 / np.trace(k @ k))


def test_one_clip_per_group_and_source_equals_paired_t_test() -> None:
    design = make_study_designs()["within, one clip of each group"]
    values = np.random.default_rng(3).normal(size=(len(design.source), 3)) + 0.2 * design.is_first_group[:, None]
    first, second = values[design.is_first_group], values[~design.is_first_group]
    np.testing.assert_allclose(compare_two_groups(design, values).p_values(), stats.ttest_rel(first, second).pvalue)


def test_one_clip_per_source_approximates_welchs_test() -> None:
    design = StudyDesign(np.arange(60), np.arange(60) < 25)
    values = np.random.default_rng(4).normal(size=(60, 20))
    wanted = stats.ttest_ind(values[:25], values[25:], equal_var=False).pvalue
    np.testing.assert_allclose(compare_two_groups(design, values).p_values(), wanted, atol=0.02)


@pytest.mark.parametrize("name", make_study_designs())
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_level_is_nominal_and_power_is_near_the_best_test(name: str, share: float) -> None:
    """Without a difference 3 to 7 % are significant; with one, the power is over .85 of that of the best other test."""
    random = np.random.default_rng(5)
    design = make_study_designs()[name]
    null = simulate_errors(design, share, REPETITIONS, random)
    found = compare_two_groups(design, null)
    assert 0.03 < (found.p_values() < 0.05).mean() < 0.07
    shifted = null[:, :200] + EFFECT_STANDARD_ERRORS * np.median(found.std_error) * design.is_first_group[:, None]
    power = (compare_two_groups(design, shifted).p_values() < 0.05).mean()
    best = max((p < 0.05).mean() for p in reference_test_p_values(design, shifted).values())
    assert power > 0.85 * best


def test_level_is_kept_for_a_small_group_with_larger_variance() -> None:
    """Twelve of sixty sources have three times the standard deviation, and the same mean."""
    random = np.random.default_rng(6)
    source = np.repeat(np.arange(60), 2)
    design = StudyDesign(source, source < 12)
    values = simulate_errors(design, 0.5, REPETITIONS, random) * np.where(design.is_first_group, 3.0, 1.0)[:, None]
    assert 0.03 < (compare_two_groups(design, values).p_values() < 0.05).mean() < 0.08


def test_variance_ratio_is_recovered() -> None:
    random = np.random.default_rng(7)
    source = np.repeat(np.arange(2_000), random.integers(1, 5, 2_000))
    values = np.sqrt(0.5) * random.normal(size=(2_000, 1))[source] + random.normal(size=(len(source), 1))
    ones = np.ones_like(values)
    assert variance_ratio(ones, values, values**2, source)[0] == pytest.approx(0.5, abs=0.08)
    alone = np.arange(len(source))  # unknown for sources with one clip
    assert variance_ratio(ones, values, values**2, alone)[0] == 0


def test_no_variance_gives_no_p_value() -> None:
    assert np.isnan(Contrast(np.ones(1), np.zeros(1), np.full(1, 9.0)).p_values()).all()


def test_minimum_detectable_difference_has_80_percent_power() -> None:
    error, degrees, level = np.full(1, 2.0), np.full(1, 15.0), np.full(1, 0.01)
    size = minimum_detectable_difference(error / (1 + 1 / 60), degrees, level)  # with an unbiased error
    critical = stats.t.ppf(1 - level / 2, degrees)
    power = stats.nct.sf(critical, degrees, size / error) + stats.nct.cdf(-critical, degrees, size / error)
    assert power[0] == pytest.approx(0.8, abs=1e-6)
