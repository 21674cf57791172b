"""Figures of real people: made small, and the ones that ship against the data where these are at hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.analysis.gaps import compare_groups
from personality.analysis.groups import accuracy_by
from personality.analysis.model_comparison import compare_models
from personality.analysis.real_figures import (
    FIGURE_ATTRIBUTES,
    REAL_FIGURES_FOLDER,
    SOURCES_NOT_IN_TRAINING,
    read_real_figures,
)
from personality.assets.shipped_models import REAL_MODEL_NAMES
from personality.dataset import load_dataset
from personality.inference.import_predictions import import_predictions
from personality.predictions.assemble import join_predictions
from personality.predictions.prediction_files import write_predictions
from personality.predictions.predictions_table import SOURCE_IN_TRAINING, PredictionsError
from personality.traits import TRAIT_NAMES
from training.__main__ import main
from training.recipes.real_figures import write_real_figures

CLIPS = 240
MODELS = ("words", "voice")
DECIMALS = 6e-6  # figures are rounded to five


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two models on clips of men and women, of whom twenty are of a third ethnicity and ten of no known one."""
    random = np.random.default_rng(0)
    clips = pd.DataFrame({"clip": [f"secret{number}.mp4" for number in range(CLIPS)], "split": "validation"})
    clips["source"] = [f"video{number // 2}" for number in range(CLIPS)]
    clips["gender"] = np.repeat(["male", "female"], CLIPS // 2)
    clips["ethnicity"] = random.choice(["Caucasian", "African-American"], CLIPS)
    clips.loc[:19, "ethnicity"], clips.loc[20:29, "ethnicity"] = "Asian", None
    clips["age_group"] = random.choice(["19-24", "25-32"], CLIPS)
    clips[SOURCE_IN_TRAINING] = np.tile(["yes", "yes", "no", "no"], CLIPS // 4)
    table = clips.merge(pd.DataFrame({"trait": TRAIT_NAMES}), how="cross").assign(constant=0.5, lookup=0.5)
    table = table.assign(actual=random.random(len(table)))
    tables = [table.assign(model=name, predicted=random.random(len(table))) for name in MODELS]
    return pd.concat(tables).sort_values("clip", kind="stable", ignore_index=True)


@pytest.fixture(scope="module")
def folder(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figures of that table, by the command line."""
    folder = tmp_path_factory.mktemp("figures")
    write_predictions(table, folder / "table.parquet")
    assert main(["real-figures", str(folder / "table.parquet"), "--out", str(folder / "out")]) == 0
    return folder


def test_figures_are_those_of_the_table(folder: Path, table: pd.DataFrame) -> None:
    figures = read_real_figures(folder / "out")
    assert figures.models == ["voice", "words"]
    assert figures.attributes == [by for by in FIGURE_ATTRIBUTES if by]
    for by in ((), ("gender",)):
        assert_same(figures.accuracy_by(by), accuracy_by(table, by), ["model", "trait", "group"])
    for measure in ("gain", "signed_error"):
        found, direct = figures.compare_groups(["gender"], measure), compare_groups(table, ["gender"], measure=measure)
        assert_same(found.gaps, direct.gaps, ["model", "trait", "group"])
        assert_same(found.spreads, direct.spreads, ["model", "trait"])
    assert_same(figures.compare_with("voice"), compare_models(table, "voice"), ["model", "trait"])
    unseen = figures.select_sources(SOURCES_NOT_IN_TRAINING).accuracy_by(["gender"])
    assert_same(unseen, accuracy_by(table[table[SOURCE_IN_TRAINING] == "no"], ["gender"]), ["model", "trait", "group"])


def assert_same(found: pd.DataFrame, direct: pd.DataFrame, index: list[str]) -> None:
    columns = [column for column in direct if column in found and column != "verdict"]
    assert {"n", "low", "high"} <= set(columns) or "difference" in columns
    some = [rows[rows["n"] > 0] if "n" in rows else rows for rows in (found, direct)]
    one, other = (rows.set_index(index).sort_index()[sorted(set(columns) - set(index))] for rows in some)
    pd.testing.assert_frame_equal(one, other, atol=DECIMALS, rtol=1e-6, check_dtype=False)


def test_groups_of_few_clips_are_left_out_and_counted(folder: Path, table: pd.DataFrame) -> None:
    figures = read_real_figures(folder / "out")
    assert set(figures.accuracy_by(["ethnicity"])["group"]) == {"Caucasian", "African-American"}
    assert figures.count_omitted_groups(["ethnicity"]) == {"groups": 1, "clips": 20, "unknown": 10}
    assert figures.count_omitted_groups(["gender"]) == {"groups": 0, "clips": 0, "unknown": 0}
    kept = table[table["ethnicity"].isin(["Caucasian", "African-American"])]
    found = figures.compare_groups(["ethnicity"], "accuracy").gaps
    assert_same(found, compare_groups(kept, ["ethnicity"]).gaps, ["model", "trait", "group"])


def test_a_selection_of_models_keeps_what_it_compares(folder: Path) -> None:
    figures = read_real_figures(folder / "out").select_models(["words"])
    assert figures.models == ["words"]
    assert set(figures.compare_groups(["gender"], "gain").gaps["model"]) == {"words"}
    with pytest.raises(PredictionsError, match="no measure 'beauty'"):
        figures.compare_groups(["gender"], "beauty")
    with pytest.raises(PredictionsError, match="no figures by height"):
        figures.accuracy_by(["height"])


def test_the_same_tables_give_the_same_bytes_and_no_name(folder: Path, tmp_path: Path) -> None:
    write_real_figures([folder / "table.parquet"], tmp_path)
    for path in (folder / "out").iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        assert b"secret" not in path.read_bytes()
    for path in tmp_path.glob("*.parquet"):
        assert not {"clip", "source"} & set(pd.read_parquet(path))
        assert "secret" not in pd.read_parquet(path).to_csv()


def test_tables_that_do_not_belong_together_are_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    for changes, words in (({"model": "who"}, "model 'who'"), ({"split": "test"}, "splits test, validation")):
        other = table[table["model"] == "voice"].assign(**{"model": "words", **changes})
        other = other.assign(clip=other["clip"] + "x") if "split" in changes else other
        write_predictions(table[table["model"] == "voice"], tmp_path / "a.parquet")
        write_predictions(other, tmp_path / "b.parquet")
        with pytest.raises(PredictionsError, match=words):
            write_real_figures([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_what_ships_is_small_and_of_no_small_group() -> None:
    figures = read_real_figures()
    assert sum(path.stat().st_size for path in REAL_FIGURES_FOLDER.iterdir()) < 300_000
    for rows in (figures.accuracy, figures.gaps, figures.differences):
        assert rows["n"].min() >= 30
    assert figures.gaps["n_reference"].min() >= 30
    assert figures.spreads[["lowest_n", "highest_n"]].min().min() >= 30
    tables = (figures.accuracy, figures.gaps, figures.spreads, figures.differences)
    words = {str(value) for rows in tables for name in rows.select_dtypes(exclude="number") for value in rows[name]}
    assert 20 < len(words) < 100
    assert "mp4" not in json.dumps([*sorted(words), figures.card])


def test_what_ships_is_what_the_real_data_give(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "first-impressions"
    dataset = load_dataset(folder)
    published = folder / "published_predictions"
    names = {"BU-NKU 2017 face": "validation_face.csv", "BU-NKU 2017 audio + scene": "validation_audio_scene.csv"}
    winners = [
        import_predictions(published / csv, dataset, split="validation", model=model)[0] for model, csv in names.items()
    ]
    table = join_predictions(winners, mean="BU-NKU 2017 mean").sort_values("clip", kind="stable")
    figures = read_real_figures().select_models(list(table["model"].unique()))
    for by in ((), ("gender",), (SOURCE_IN_TRAINING,)):
        assert_same(figures.accuracy_by(by), accuracy_by(table, by), ["model", "trait", "group"])
    found = figures.compare_groups(["gender"], "gain").gaps
    direct = compare_groups(table, ["gender"], measure="gain").gaps
    assert_same(found, direct, ["model", "trait", "group"])
    assert set(REAL_MODEL_NAMES) <= set(read_real_figures().models)
