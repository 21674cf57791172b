import numpy as np
import pytest

from personality.inference.calibration import (
    INTERVAL_COVERAGE,
    conformal_offsets,
    describe_labels,
    label_percentile,
    prediction_interval,
)
from personality.models.model_card import LABEL_PERCENTILES


def test_percentile_is_the_share_of_training_clips_below() -> None:
    labels = np.random.default_rng(0).beta(4, 4, 5_000)
    card = {"training_labels": {"openness": describe_labels(labels)}}
    assert len(card["training_labels"]["openness"]) == len(LABEL_PERCENTILES)
    for value in (0.3, 0.5, 0.62):
        assert label_percentile(card, "openness", value) == pytest.approx(100 * (labels < value).mean(), abs=1)
    assert label_percentile(card, "openness", 0.0) == 0
    assert label_percentile(card, "openness", 1.0) == 100


def test_offsets_with_one_clip_per_source_are_order_statistics() -> None:
    residuals = np.arange(1, 20) / 100  # 19 sources: the 5 % and 95 % of 20 are the first and the last
    assert conformal_offsets(residuals, np.arange(19)) == (0.01, 0.19)
    assert conformal_offsets(residuals[:18], np.arange(18)) == (-1.0, 1.0)  # too few for 90 %


def test_sources_have_equal_weight_for_any_number_of_clips() -> None:
    few = np.linspace(-0.1, 0.1, 99)
    many = np.full(500, 0.5)
    low, high = conformal_offsets(np.r_[few, many], np.r_[np.arange(99), np.full(500, 99)])
    # 100 sources of weight 1/101: the upper bound needs 95.95 of them from below, the lower from above.
    assert high == pytest.approx(few[95])
    assert low == pytest.approx(few[4])


def test_intervals_cover_new_sources_with_correlated_clips() -> None:
    random = np.random.default_rng(1)
    sizes = random.integers(1, 7, 6_000)
    sources = np.repeat(np.arange(6_000), sizes)
    residuals = random.normal(0, 0.08, 6_000)[sources] + random.normal(0.02, 0.05, len(sources))
    known = sources < 3_000
    low, high = conformal_offsets(residuals[known], sources[known])
    inside = (residuals[~known] >= low) & (residuals[~known] <= high)
    assert inside.mean() == pytest.approx(INTERVAL_COVERAGE, abs=0.015)


def test_interval_stays_within_the_scale() -> None:
    card = {"conformal": {"openness": [-0.2, 0.15]}}
    assert prediction_interval(card, "openness", 0.5) == pytest.approx((0.3, 0.65))
    assert prediction_interval(card, "openness", 0.95) == pytest.approx((0.75, 1.0))


def test_cards_of_older_versions_still_give_an_interval() -> None:
    assert prediction_interval({"residuals": {"openness": [-0.1, 0.1]}}, "openness", 0.5) == pytest.approx((0.4, 0.6))


def test_card_without_labels_and_offsets_gives_none() -> None:
    assert label_percentile({}, "openness", 0.5) is None
    assert prediction_interval({}, "openness", 0.5) is None
