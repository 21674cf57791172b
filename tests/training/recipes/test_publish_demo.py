"""The cards of the practice models: training data and accuracy on people that were not in training."""

import json

import numpy as np
import pandas as pd
import pytest

from personality.assets import demo
from personality.models.checkpoint import MODEL_WEIGHTS_FILE, load_model
from personality.models.model_card import MODEL_CARD_FILE
from personality.predictions.prediction_files import read_predictions
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import file_sha256
from training.recipes.publish_demo import make_published_card, measure_unseen_accuracy


@pytest.fixture
def predictions() -> pd.DataFrame:
    table = read_predictions(demo.DEMO_PREDICTIONS_FILE)
    return table[table["model"].eq("practice_visual")]


def test_figures_on_unseen_people_are_those_of_the_table(predictions: pd.DataFrame) -> None:
    found = measure_unseen_accuracy(predictions)
    wide = predictions.pivot(index="clip", columns="trait", values=["predicted", "actual", "constant"])
    assert (found["n"], found["sources"]) == (len(wide), predictions["source"].nunique())
    for name, column in (("accuracy", "predicted"), ("mean_baseline", "constant")):
        assert found[name] == pytest.approx(1 - (wide[column] - wide["actual"]).abs().mean().mean(), abs=1e-5)
    assert found["low"] < found["accuracy"] < found["high"]
    own = ((wide["predicted"] - wide["actual"]) ** 2).to_numpy().sum(0)
    constant = ((wide["constant"] - wide["actual"]) ** 2).to_numpy().sum(0)
    assert found["r2"] == pytest.approx(np.mean(1 - own / constant), abs=1e-5)


def test_a_model_that_repeats_the_labels_explains_all_and_the_mean_explains_nothing(predictions: pd.DataFrame) -> None:
    assert measure_unseen_accuracy(predictions.assign(predicted=predictions["actual"]))["r2"] == 1
    assert measure_unseen_accuracy(predictions.assign(predicted=predictions["constant"]))["r2"] == 0


def test_a_card_names_its_sources_and_where_its_branches_are_published(predictions: pd.DataFrame, cache: Cache) -> None:
    clips = len(cache.labelled_clips("training"))
    joined = {"folder": "../visual", "sha256": "0" * 64}
    card = {"training_clips": clips + 3, "data": {"name": "people"}, "branches": {"visual": joined}}
    made = make_published_card(card, predictions, cache)
    assert made["branches"]["visual"] == {"folder": "../practice_visual", "sha256": "0" * 64}
    assert made["trained_on"]["people"] == "computer-made"
    assert made["trained_on"]["clips"] == clips + 3
    assert "3 portraits" in made["trained_on"]["text"] and "joins" in made["trained_on"]["text"]
    alone = make_published_card({**card, "training_clips": clips, "branches": {}}, predictions, cache)
    assert "portraits" not in alone["trained_on"]["text"] and "joins" not in alone["trained_on"]["text"]


def test_the_shipped_models_lie_under_their_names_and_fusions_find_their_branches() -> None:
    for folder in demo.PRACTICE_MODEL_FOLDERS:
        assert load_model(folder).name == folder.name
        for name, entry in json.loads((folder / MODEL_CARD_FILE).read_text())["branches"].items():
            assert entry["folder"] == f"../practice_{name}"
            assert file_sha256(folder / entry["folder"] / MODEL_WEIGHTS_FILE) == entry["sha256"]
    assert set(read_predictions(demo.DEMO_PREDICTIONS_FILE)["model"]) == {
        folder.name for folder in demo.PRACTICE_MODEL_FOLDERS
    }
