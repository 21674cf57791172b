from typing import Any

import numpy as np
import pytest

from personality.standing import LEVELS, describe_labels, describe_residuals, interval, percentile


def test_a_percentile_is_the_share_of_training_clips_below() -> None:
    labels = np.random.default_rng(0).beta(4, 4, 5_000)
    card = {"training_labels": {"openness": describe_labels(labels)}}
    assert len(card["training_labels"]["openness"]) == len(LEVELS)
    for value in (0.3, 0.5, 0.62):
        assert percentile(card, "openness", value) == pytest.approx(100 * (labels < value).mean(), abs=1)
    assert percentile(card, "openness", 0.0) == 0
    assert percentile(card, "openness", 1.0) == 100


def bounds(card: dict[str, Any], value: float) -> tuple[float, float]:
    found = interval(card, "openness", value)
    assert found is not None
    return found


def test_nine_in_ten_labels_lie_in_the_interval_and_it_stays_within_the_scale() -> None:
    random = np.random.default_rng(1)
    predicted = random.uniform(0.3, 0.7, 4_000)
    actual = predicted + random.normal(0.02, 0.08, 4_000)
    card = {"residuals": {"openness": describe_residuals(actual - predicted)}}
    inside = [low <= a <= high for p, a in zip(predicted, actual, strict=True) for low, high in [bounds(card, p)]]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.01)
    assert bounds(card, 0.98)[1] == 1.0


def test_a_card_that_does_not_know_says_nothing() -> None:
    assert percentile({}, "openness", 0.5) is None
    assert interval({}, "openness", 0.5) is None
