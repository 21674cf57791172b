"""Models of tables, and fusions of any models, on the labels of a few synthetic people."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from personality.analysis.groups import accuracy_by
from personality.dataset import load_dataset
from personality.inference.evaluate import evaluate, predict_unlabelled
from personality.inference.predict import Unavailable, predict_impressions
from personality.models.checkpoint import load_model
from personality.predictions.predictions_table import PredictionsError
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.feature_tables import add_table, read_table_files
from personality.traits import TRAIT_NAMES
from tests.training.helpers import dying_after
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine.train_run import train_run
from training.runs.run import Run

STAGES = (Stage(4, "head", 1e-2),)


@pytest.fixture(scope="module")
def tables(cache: Cache) -> Cache:
    """The shared cache with a table `hints` of the labels in other units, and one row of an unlabelled clip."""
    labels = cache.clips.set_index("clip")[list(TRAIT_NAMES)]
    labels.loc["unlabelled.mp4"] = 0.5
    add_table(cache, "hints", labels.add_prefix("hint_") * 1e5)
    return cache


def run_features(folder: Path, cache: Cache, **changes: Any) -> Run:
    run = Run(folder)
    run.create(preset("features", table="hints", **{"stages": STAGES, "batch": 4, **changes}), cache.folder)
    return run


@pytest.fixture(scope="module")
def features(tables: Cache, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_features(tmp_path_factory.mktemp("runs") / "features", tables, stages=(Stage(60, "head", 1e-2),))
    train_run(run)
    return run


def test_a_table_that_tells_the_labels_is_learnt(features: Run, tables: Cache) -> None:
    table, silent = evaluate([features.folder], tables, "training")
    assert silent == {"features": 0}
    error = (table["predicted"] - table["actual"]).abs().mean()
    assert error < 0.5 * (table["constant"] - table["actual"]).abs().mean()
    card = json.loads((features.folder / "card.json").read_text())
    assert card["table"] == ["hints", [f"hint_{trait}" for trait in TRAIT_NAMES]]
    assert card["epoch"] == 60, "the last epoch, not the best on validation, is kept"


@pytest.mark.trial
def test_audio_descriptors_of_real_clips_beat_what_was_published(real_data: Path, tmp_path: Path) -> None:
    """Training to validation of First Impressions: .898 is wanted, .8900 was published for audio on this split."""
    folder = real_data / "first-impressions"
    preprocess(load_dataset(folder), tmp_path / "cache", workers=2)
    store = Cache(tmp_path / "cache")
    add_table(store, "audio", read_table_files(sorted((folder / "audio_features").glob("*.csv"))))
    run = Run(tmp_path / "features")
    run.create(preset("features", table="audio"), store.folder)
    train_run(run)
    table, _ = evaluate([run.folder], store, "validation")
    rows = accuracy_by(table, ["source_in_training"]).set_index(["trait", "group"])
    assert accuracy_by(table).set_index("trait").loc["mean", "accuracy"] > 0.898
    assert rows.loc[("mean", "no"), "n"] + rows.loc[("mean", "yes"), "n"] == 2000
    assert rows.loc[("mean", "no"), "accuracy"] < rows.loc[("mean", "yes"), "accuracy"]


def test_resumed_with_a_falling_rate_equals_never_stopped(tables: Cache, tmp_path: Path) -> None:
    whole = run_features(tmp_path / "whole", tables)
    train_run(whole)
    torn = run_features(tmp_path / "torn", tables)
    with dying_after(2):
        train_run(torn)
    train_run(Run(torn.folder))
    assert (torn.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_what_was_fitted_to_the_data_is_not_averaged_away(tables: Cache, tmp_path: Path) -> None:
    """Quantiles of a column of few values lie on each other: a hair's breadth between them would move every rank."""
    folder = tmp_path / "cache"
    cache_of_steps = Cache(folder)
    folder.mkdir()
    tables.clips.to_parquet(folder / "clips.parquet")
    (folder / "card.json").write_text((tables.folder / "card.json").read_text())
    clips = tables.clips["clip"]
    add_table(cache_of_steps, "hints", pd.DataFrame({"yes": np.arange(len(clips)) % 2, "one": 3.1}, clips))
    knots: list[torch.Tensor] = []
    for averaging in (0.9, 0.0):
        run = Run(tmp_path / str(averaging))
        stages = (Stage(10, "head", 1e-3),)
        config = preset("features", "modern", table="hints", stages=stages, batch=4, averaging=averaging)
        run.create(config, folder)
        train_run(run)
        knots.append(load_model(run.folder).network.get_buffer("knots"))
    assert torch.equal(*knots)
    assert len(knots[0][:, 1].unique()) == 1


def test_words_or_figures_are_enough_for_a_gate(features: Run, tables: Cache, tmp_path: Path) -> None:
    """predict-table predicts from the clips of any table."""
    clips = tables.clips["clip"]
    both = pd.DataFrame({"x": np.linspace(0, 1, len(clips) + 1)}, [*clips, "another.mp4"])
    add_table(tables, "others", both)
    other = Run(tmp_path / "others")
    other.create(preset("features", table="others", stages=STAGES, batch=4), tables.folder)
    train_run(other)
    run = Run(tmp_path / "fusion")
    branches = (str(features.folder), str(other.folder))
    run.create(preset("fusion", "modern", branches=branches, stages=STAGES, batch=4), tables.folder)
    train_run(run)
    table = predict_unlabelled(run.folder, tables)
    assert table["clip"].tolist() == ["another.mp4", "unlabelled.mp4"]
    assert table[list(TRAIT_NAMES)].notna().all().all()


def test_a_fusion_joins_a_table_with_sound(features: Run, runs: Path, tables: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "fusion")
    branches = (str(features.folder), str(runs / "audio"))
    run.create(preset("fusion", branches=branches, stages=STAGES, batch=4), tables.folder)
    train_run(run)
    model = load_model(run.folder)
    assert model.network.needs.inputs == {"audio"}
    assert {name for name, _ in model.network.needs.tables} == {"hints"}
    table, silent = evaluate([run.folder, features.folder], tables, "test")
    assert set(table["model"]) == {"fusion", "features"}
    assert silent == {"fusion": 0, "features": 0}
    with pytest.raises(PredictionsError, match="videos"):
        predict_unlabelled(run.folder, tables)


def test_clips_without_labels_are_predicted_from_a_table(features: Run, tables: Cache) -> None:
    table = predict_unlabelled(features.folder, tables)
    assert table["clip"].tolist() == ["unlabelled.mp4"]
    assert table[list(TRAIT_NAMES)].to_numpy() == pytest.approx(0.5, abs=0.15)


def test_a_video_alone_makes_a_model_of_a_table_silent(features: Run, tables: Cache) -> None:
    sample = tables.sample(tables.labelled_clips("test").iloc[0])
    (piece,) = predict_impressions(sample, [load_model(features.folder)])
    assert isinstance(piece, Unavailable) and piece.model == "features" and "hints" in piece.why


def test_a_cache_without_the_table_or_its_columns_is_a_sentence(features: Run, cache: Cache, tmp_path: Path) -> None:
    cache.clips.to_parquet(tmp_path / "clips.parquet")
    other = Cache(tmp_path)
    with pytest.raises(CacheError, match="no table hints"):
        evaluate([features.folder], other, "test")
    add_table(other, "hints", pd.DataFrame({"x": np.ones(len(cache.clips))}, cache.clips["clip"]))
    with pytest.raises(CacheError, match=r"hints .*hint_"):
        evaluate([features.folder], other, "test")


@pytest.mark.parametrize(
    ("modality", "changes", "words"),
    [
        ("features", {}, "table"),
        ("audio", {"table": "x"}, "table"),
        ("fusion", {"branches": ("one",)}, "branches: 1"),
        ("audio", {"branches": ("one", "two")}, "branches: 2"),
        ("text", {"stages": (Stage(1, "all", 1e-3),)}, "stages"),
        ("text", {"schedule": "sideways"}, "schedule"),
    ],
)
def test_invalid_options_of_tables_and_fusions_raise(modality: str, changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        preset(modality, **changes)


def test_two_branches_of_one_name_are_a_sentence(features: Run, tables: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "fusion")
    run.create(preset("fusion", branches=(str(features.folder), "elsewhere/features"), stages=STAGES), tables.folder)
    with pytest.raises(TrainingError, match="same name"):
        train_run(run)


def test_a_branch_of_other_data_is_a_sentence(features: Run, runs: Path, tables: Cache, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    card = json.loads((runs / "audio" / "card.json").read_text())
    card["data"]["fingerprint"] = "0" * 16
    (other / "card.json").write_text(json.dumps(card))
    (other / "model.safetensors").write_bytes((runs / "audio" / "model.safetensors").read_bytes())
    run = Run(tmp_path / "fusion")
    run.create(preset("fusion", branches=(str(features.folder), str(other)), stages=STAGES), tables.folder)
    with pytest.raises(TrainingError, match="trained on other data"):
        train_run(run)
