from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.inference.evaluate import evaluate
from personality.models.batching import make_batch
from personality.models.checkpoint import load_model
from personality.predictions.assemble import mark_sources_in_training
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.predictions.predictions_table import PredictionsError
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES

NAMES = ("audio", "visual", "audiovisual", "handcrafted")


def test_evaluate_gives_one_row_per_clip_model_and_trait(runs: Path, cache: Cache, tmp_path: Path) -> None:
    table, silent = evaluate([runs / name for name in NAMES], cache, "test")
    clips = cache.labelled_clips("test")
    assert len(table) == len(clips) * 4 * 5
    assert silent == dict.fromkeys(NAMES, 0)
    write_predictions(table, tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "p.parquet"), table)
    training = cache.clips[cache.clips["split"] == "training"]
    for trait in TRAIT_NAMES:
        rows = table[table["trait"] == trait]
        assert rows["constant"].to_numpy() == pytest.approx(training[trait].mean())
    truth = clips.set_index("clip")
    row = table.iloc[-1]
    assert row["actual"] == truth.loc[row["clip"], row["trait"]]
    assert row["gender"] == truth.loc[row["clip"], "gender"]


def test_batch_prediction_equals_single_clip_prediction(runs: Path, cache: Cache) -> None:
    table, _ = evaluate([runs / "handcrafted"], cache, "test")
    network = load_model(runs / "handcrafted").network
    row = cache.labelled_clips("test").iloc[0]
    alone = network(make_batch([cache.sample(row)], 16)).detach().numpy()[0]
    found = table[table["clip"] == row["clip"]].set_index("trait").loc[list(TRAIT_NAMES), "predicted"]
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_runs_with_the_same_name_are_refused(runs: Path, cache: Cache) -> None:
    with pytest.raises(PredictionsError, match="audio"):
        evaluate([runs / "audio", runs / "audio"], cache, "test")


def test_invalid_or_missing_table_raises_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(PredictionsError, match=r"a\.parquet cannot be read"):
        read_predictions(tmp_path / "a.parquet")
    with pytest.raises(PredictionsError, match=r"b\.parquet cannot be read"):
        read_predictions(tmp_path / "b.parquet")


def test_source_is_seen_if_a_clip_of_it_was_trained_on() -> None:
    clips = pd.DataFrame({"source": ["a", "b", "a", "b", "c"], "split": ["training", "validation", *["test"] * 3]})
    test = clips[clips["split"] == "test"]
    assert mark_sources_in_training(test, clips)["source_in_training"].tolist() == ["yes", "no", "no"]
    assert mark_sources_in_training(test, clips, ("training", "validation"))["source_in_training"].tolist() == [
        "yes",
        "yes",
        "no",
    ]
    assert mark_sources_in_training(test, clips, ("none",))["source_in_training"].tolist() == ["no"] * 3
