import numpy as np
import pandas as pd
import pytest

from personality.tables.raters import average_ratings, intraclass_correlations


def test_icc_equals_example_of_shrout_and_fleiss() -> None:
    """Table 2 of the paper: six targets, four judges; table 4: ICC(1,1) = .17 and ICC(1,4) = .44."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    clips = pd.Series(np.repeat(list("abcdef"), 4))
    single, mean = intraclass_correlations(clips, pd.Series(np.ravel(ratings)))
    assert single == pytest.approx(0.1657, abs=1e-4)
    assert mean == pytest.approx(0.4428, abs=1e-4)


def test_icc_with_unequal_numbers_of_raters_by_hand() -> None:
    """Clip a: 1, 3; clip b: 4. Mean squares within 2 / 1 = 2, between (2 x (2 - 8/3)^2 + (4 - 8/3)^2) / 1 = 8/3;
    k = 3 - 5/3 = 4/3."""
    single, mean = intraclass_correlations(pd.Series(["a", "a", "b"]), pd.Series([1.0, 3.0, 4.0]))
    assert single == pytest.approx((8 / 3 - 2) / (8 / 3 + 2 / 3))
    assert mean == pytest.approx(0.25)


@pytest.mark.parametrize("clips", [["a", "a"], ["a", "b"]])
def test_icc_requires_two_clips_and_a_clip_with_two_ratings(clips: list[str]) -> None:
    assert np.isnan(intraclass_correlations(pd.Series(clips), pd.Series([0.1, 0.2]))).all()


def test_rows_of_a_clip_are_averaged() -> None:
    table = pd.DataFrame({"clip": ["b", "a", "b"], "o": [0.2, 0.5, 0.4], "group": ["x", "y", "x"]})
    rows, agreement = average_ratings(table, ["o"])
    assert rows.to_dict("list") == {"clip": ["b", "a"], "o": [pytest.approx(0.3), 0.5], "group": ["x", "y"]}
    assert agreement is not None and agreement.ratings_per_clip == 1.5
    assert average_ratings(table[:2], ["o"])[1] is None
