"""Checks of predictions tables: accepted formats, filled values, errors."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.predictions.assemble import join_predictions
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.predictions.predictions_table import (
    PredictionsError,
    check_external_predictions,
    check_predictions,
    to_prediction_arrays,
)
from personality.traits import TRAIT_NAMES


def table(clips: int = 4, **columns: object) -> pd.DataFrame:
    """A table of one model, with every trait of `clips` clips."""
    rows = [
        {"clip": f"c{clip}", "source": f"s{clip}", "split": "test", "model": "m", "trait": trait}
        for clip in range(clips)
        for trait in TRAIT_NAMES
    ]
    return pd.DataFrame(rows).assign(predicted=0.25, actual=0.5, gender="male", **columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"predicted": 55.5}, "predicted ranges from 55.5 to 55.5; expected 0 to 1.*--scale"),
        ({"actual": [-0.1] + [1.2] * 19}, "actual ranges from -0.1 to 1.2"),
        ({"constant": 3.0}, "constant ranges"),
        ({"predicted": np.inf}, "infinite"),
        ({"lookup": "high"}, "lookup .*'high'"),
        ({"actual": True}, "column actual"),
        ({"words": [["a"]] * 20}, "column words"),
        ({"gender": ["male"] * 4 + ["female"] * 16}, "c0 has two values of gender: male and female"),
        ({"source": [f"s{row}" for row in range(20)]}, "two values of source"),
        ({"split": ["test"] * 2 + ["training"] * 18}, "two values of split"),
        ({"age": [30.0] * 4 + [31.0] * 16}, "two values of age"),
        ({"predicted": None}, "empty cells"),
        ({"model": [None] + ["m"] * 19}, "empty cells"),
        ({"trait": "interview"}, "trait 'interview'"),
    ],
)
def test_invalid_columns_raise_clear_error(columns: dict, words: str) -> None:
    with pytest.raises(PredictionsError, match=words):
        check_predictions(table().assign(**columns))


def test_attributes_and_baselines_that_differ_by_model_are_refused() -> None:
    other = table().assign(model="n")
    with pytest.raises(PredictionsError, match="c0 has two values of fold: f1 and f2"):
        check_predictions(pd.concat([table(fold="f1"), other.assign(fold="f2")]))
    with pytest.raises(PredictionsError, match=r"two values of constant: 0\.5 and 0\.6"):
        join_predictions([table(constant=0.5), other.assign(constant=0.6)])
    with pytest.raises(PredictionsError, match="two values of gender"):
        join_predictions([table(), other.assign(gender="female")])


def test_missing_columns_are_filled_from_other_tables() -> None:
    joined = join_predictions([table().drop(columns="gender"), table(constant=0.5).assign(model="n")])
    assert joined["gender"].tolist() == ["male"] * 40
    assert joined["constant"].tolist() == [0.5] * 40
    part = table(constant=[0.5] * 10 + [np.nan] * 10, accent=[None] * 5 + ["a"] + [None] * 14)
    checked = check_predictions(part)
    assert checked["constant"].isna().sum() == 10, "values are not filled from other clips"
    assert checked["accent"].fillna("-").tolist() == ["-"] * 5 + ["a"] * 5 + ["-"] * 10


def test_integers_are_accepted_as_names_and_values() -> None:
    scores = to_prediction_arrays(table(model_id=1).assign(model=1, actual=1, split=pd.Categorical(["test"] * 20)))
    assert scores.models == ("1",)
    assert scores.actual.tolist() == [[1.0] * 5] * 4


def test_predictions_table_is_read_back_from_csv_and_parquet(tmp_path: Path) -> None:
    first = check_predictions(table(age=30.5, country="NA"))
    first[::-1].to_csv(tmp_path / "t.csv", sep=";", decimal=",")  # with row numbers
    first[::-1].to_parquet(tmp_path / "rows.parquet")
    write_predictions(first, tmp_path / "t.parquet")
    assert list(read_predictions(tmp_path / "rows.parquet")) == list(first)
    again = read_predictions(tmp_path / "t.csv")[::-1]
    assert list(again) == list(first)
    assert again["country"].tolist() == ["NA"] * 20
    np.testing.assert_array_equal(to_prediction_arrays(again).predicted, to_prediction_arrays(first).predicted)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "t.parquet"), first)


def test_sparse_table_with_huge_arrays_is_refused() -> None:
    """30,000 rows, one per clip: with 30,000 models the arrays would have 36 GB, with 199 models 0.2 GB."""
    rows = 30_000
    names = [f"c{number}" for number in range(rows)]
    thin = pd.DataFrame({"clip": names, "source": "s", "split": "test", "trait": "openness"})
    thin = thin.assign(predicted=0.5, actual=0.5)
    for models in (rows, 199):
        tracemalloc.start()
        with pytest.raises(PredictionsError, match="30,000 clips"):
            check_predictions(thin.assign(model=[f"m{number % models}" for number in range(rows)]))
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
        tracemalloc.stop()
    assert len(check_predictions(thin.assign(model="m"))) == rows


@pytest.mark.parametrize("as_written", [float, str], ids=["Parquet", "CSV"])
def test_small_overshoots_are_clamped_and_counted(as_written: type) -> None:
    values = [as_written(value) for value in [1.2, -0.1] + [0.5] * 18]
    found, clamped = check_external_predictions(table().assign(predicted=values))
    assert found["predicted"].tolist()[:3] == [1.0, 0.0, 0.5]
    assert clamped == 2
    assert check_external_predictions(table())[1] == 0
    with pytest.raises(PredictionsError, match=r"ranges from 0.5 to 1.3; expected 0 to 1"):
        check_external_predictions(table().assign(predicted=[1.3] + [0.5] * 19))
