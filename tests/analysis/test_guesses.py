"""Accuracy of guesses, by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from personality.analysis.guesses import GUESS_COLUMNS, add_guesses, score_guesses, select_guess_clips


def guesses(clips: int) -> pd.DataFrame:
    rows = [
        (f"clip{number}", trait, 0.5, 0.6, 0.5 + 0.1 * number)
        for number in range(clips)
        for trait in ("openness", "extraversion")
    ]
    return pd.DataFrame(rows, columns=list(GUESS_COLUMNS))


def test_accuracy_is_one_minus_the_mean_error_over_clips() -> None:
    scores = score_guesses(guesses(3))
    assert scores.loc["visitor", "accuracy"] == pytest.approx(1 - (0 + 0.1 + 0.2) / 3)
    assert scores.loc["machine", "accuracy"] == pytest.approx(0.9)
    assert scores["n"].tolist() == [3, 3]
    assert np.isnan(scores["low"]).all()  # too few clips for an interval


def test_interval_equals_that_of_a_mean_of_independent_clips() -> None:
    scores = score_guesses(guesses(5))
    values = 1 - 0.1 * np.arange(5)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert scores.loc["visitor", ["low", "high"]].tolist() == pytest.approx([low, high])
    assert scores.loc["machine", ["low", "high"]].tolist() == pytest.approx([0.9, 0.9])


def test_guesses_are_joined_to_ratings_and_predictions() -> None:
    rows = [("a", "m", "openness", 0.1, 0.2), ("b", "m", "openness", 0.3, 0.4), ("b", "other", "openness", 0.9, 0.4)]
    table = pd.DataFrame(rows, columns=["clip", "model", "trait", "predicted", "actual"])
    known = select_guess_clips(table, ["b", "a"], "m")
    assert known.to_numpy().tolist() == [["b", "openness", 0.4, 0.3], ["a", "openness", 0.2, 0.1]]
    joined = add_guesses(known, {"a": {"openness": 0.7}})
    assert joined.to_numpy().tolist() == [["a", "openness", 0.2, 0.1, 0.7]]
    assert tuple(joined.columns) == GUESS_COLUMNS
