"""Columns of feature tables as attributes of predictions, by which the analysis groups."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.cli.main import main
from personality.predictions.added_attributes import MAX_ADDED_ATTRIBUTES, add_attributes, cut_into_equal_groups
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.predictions.predictions_table import MEAN_BASELINE_COLUMN, PredictionsError
from personality.preprocessing.cache import Cache
from personality.preprocessing.feature_tables import add_table
from personality.traits import TRAIT_NAMES

SLOW_ERROR, FAST_ERROR = 0.1, 0.3


@pytest.fixture
def predictions(cache: Cache) -> pd.DataFrame:
    """Predictions of one model for all clips, too high by SLOW_ERROR for the first half and by FAST_ERROR after."""
    clips = cache.clips["clip"].tolist()
    errors = [SLOW_ERROR if number < len(clips) / 2 else FAST_ERROR for number in range(len(clips))]
    rows = [
        {"clip": clip, "source": clip, "split": "test", "model": "m", "trait": trait, "predicted": 0.5 + error,
         "actual": 0.5, MEAN_BASELINE_COLUMN: 0.5}
        for clip, error in zip(clips, errors, strict=True)
        for trait in TRAIT_NAMES
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def rates(predictions: pd.DataFrame) -> pd.DataFrame:
    """A speech rate that increases from clip to clip; that of the last clip is unknown."""
    clips = predictions["clip"].unique()[:-1]
    return pd.DataFrame({"speech_rate": np.arange(len(clips)) / 4 + 1}, pd.Index(clips, name="clip"), dtype=np.float32)


def test_missing_values_remain_missing(predictions: pd.DataFrame, rates: pd.DataFrame) -> None:
    found = add_attributes(predictions, rates)
    last = predictions["clip"].iloc[-1]
    assert found.loc[found["clip"].eq(last), "speech_rate"].isna().all()
    known = found.drop_duplicates("clip").set_index("clip")["speech_rate"].dropna()
    pd.testing.assert_series_equal(known, rates["speech_rate"].astype(np.float64), check_names=False)
    assert found["clip"].tolist() == predictions["clip"].tolist()


def test_tables_that_cannot_be_added_are_refused(predictions: pd.DataFrame, rates: pd.DataFrame) -> None:
    with pytest.raises(PredictionsError, match="speech_rate"):
        add_attributes(add_attributes(predictions, rates), rates)
    with pytest.raises(PredictionsError):
        add_attributes(predictions, rates.add_prefix("x").rename(index=lambda clip: f"other {clip}"))
    many = pd.DataFrame(0.0, rates.index, range(MAX_ADDED_ATTRIBUTES + 1)).rename(columns=str)
    with pytest.raises(PredictionsError):
        add_attributes(predictions, many)


@pytest.mark.parametrize(
    ("values", "count", "edges"),
    [
        ([1, 2, 3, 4, 5, 6, 7], 3, [3, 5]),
        ([0.12345, 0.23456, 0.34567], 2, [0.235]),
        ([0, 0, 0, 0, 0, 9], 3, []),
        ([0, 0, 1, 1, 1, 1], 2, [1]),
        ([4, 4, 4], 3, []),
        ([-3, -1, np.nan, 2], 2, [-1]),
    ],
)
def test_edges_cut_clips_into_groups_of_equal_size(values: list[float], count: int, edges: list[float]) -> None:
    table = pd.DataFrame({"clip": [str(number) for number in range(len(values))], "value": values})
    assert cut_into_equal_groups(pd.concat([table, table]), "value", count) == edges


def test_command_prints_groups_that_the_analysis_reads(
    cache: Cache, predictions: pd.DataFrame, rates: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    store = Cache(Path(shutil.copytree(cache.folder, tmp_path / "cache")))
    add_table(store, "speech_rate", rates)
    before, after = tmp_path / "p.parquet", tmp_path / "q.parquet"
    write_predictions(predictions, before)
    words = ["add-attributes", str(before), str(store.folder), "speech_rate", "--out", str(after), "--groups", "2"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.count("--by ") == 1
    option = printed.split("--by ")[1].split()[0]
    assert "speech_rate" in read_predictions(after)
    assert main(["accuracy", str(after), "--by", option, "--json"]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out) if row["trait"] == "mean"]
    assert [row["n"] for row in rows] == [7, 8], "the clip without a value is in no group"
    slow, fast = rows
    assert slow["accuracy"] == pytest.approx(1 - SLOW_ERROR)
    assert fast["accuracy"] == pytest.approx(1 - FAST_ERROR + (FAST_ERROR - SLOW_ERROR) / 8, abs=1e-6)
    assert main([*words[:-1], "1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
