from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.analysis.groups import accuracy_by
from personality.analysis.scores import PredictionsError
from personality.dataset import load_dataset
from personality.evaluate import evaluate, import_predictions, read_predictions, write_predictions
from personality.models.checkpoint import load_model
from personality.models.inputs import make_batch
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES

NAMES = ("audio", "visual", "audiovisual", "handcrafted")


def test_evaluate_gives_one_row_per_clip_model_and_trait(runs: Path, cache: Cache, tmp_path: Path) -> None:
    table, silent = evaluate([runs / name for name in NAMES], cache, "test")
    clips = cache.rows("test")
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


def test_a_batch_predicts_what_each_clip_alone_does(runs: Path, cache: Cache) -> None:
    table, _ = evaluate([runs / "handcrafted"], cache, "test")
    network = load_model(runs / "handcrafted").network
    row = cache.rows("test").iloc[0]
    alone = network(make_batch([cache.sample(row)], 16)).detach().numpy()[0]
    found = table[table["clip"] == row["clip"]].set_index("trait").loc[list(TRAIT_NAMES), "predicted"]
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_two_runs_of_one_name_are_refused(runs: Path, cache: Cache) -> None:
    with pytest.raises(PredictionsError, match="Two runs are called audio"):
        evaluate([runs / "audio", runs / "audio"], cache, "test")


def csv(folder: Path, people: Path, **changes: object) -> tuple[Path, pd.DataFrame]:
    clips = load_dataset(people).table
    test = clips[clips["split"] == "test"]
    table = test[["clip", *TRAIT_NAMES]].rename(columns={"clip": "VideoName", "openness": "Openness"})
    table = table[table.columns[::-1]].assign(**changes)
    table.to_csv(folder / "p.csv", index=False)
    return folder / "p.csv", test


def test_perfect_predictions_in_any_order_of_columns_are_perfect(people: Path, tmp_path: Path) -> None:
    path, test = csv(tmp_path, people, interview=0.5)
    table, left_out = import_predictions(path, load_dataset(people), split="test", model="oracle")
    assert left_out == []
    assert accuracy_by(table)["accuracy"].to_numpy() == pytest.approx(1)
    assert len(table) == 5 * len(test)
    assert "interview" not in set(table["trait"])


def test_what_is_left_out_is_said(people: Path, tmp_path: Path) -> None:
    path, _ = csv(tmp_path, people)
    table = pd.read_csv(path)
    pd.concat([table.iloc[1:], table.iloc[:1].assign(VideoName="nobody.mp4")]).to_csv(path, index=False)
    _, left_out = import_predictions(path, load_dataset(people), split="test", model="m")
    assert left_out == ["1 rows are of no labelled clip of test", "1 clips of test have no prediction"]


@pytest.mark.parametrize(
    ("changes", "words"), [({"Openness": "high"}, "without five numbers"), ({"VideoName": "a"}, "twice")]
)
def test_bad_csv_is_one_sentence(people: Path, tmp_path: Path, changes: dict, words: str) -> None:
    path, _ = csv(tmp_path, people, **changes)
    with pytest.raises(PredictionsError, match=words):
        import_predictions(path, load_dataset(people), split="test", model="m")


def test_somebody_elses_real_predictions(real_data: Path) -> None:
    folder = real_data / "first-impressions"
    dataset = load_dataset(folder)
    table, left_out = import_predictions(
        folder / "published_predictions/validation_face.csv", dataset, split="validation", model="BU-NKU face"
    )
    assert left_out == []
    rows = accuracy_by(table, ["gender"], draws=100)
    means = rows[rows["trait"] == "mean"].set_index("group")
    assert means["n"].sum() == 2000
    assert (means["accuracy"] > means["baseline"]).all()


def test_a_file_that_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(PredictionsError, match="a.parquet cannot be read"):
        read_predictions(tmp_path / "a.parquet")
    with pytest.raises(PredictionsError, match="b.parquet cannot be read"):
        read_predictions(tmp_path / "b.parquet")
