"""Files of versions before 0.2 call emotional stability `neuroticism`."""

import json
import shutil
from pathlib import Path

import pandas as pd

from personality.assets import demo
from personality.dataset.tabular import read_clips_table
from personality.models.checkpoint import read_checkpoint_card
from personality.predictions.predictions_table import check_predictions
from personality.traits import TRAIT_NAMES
from personality.utils.legacy_names import CURRENT_TRAIT, LEGACY_TRAIT, rename_legacy_json, rename_legacy_rows


def test_table_with_legacy_trait_is_renamed() -> None:
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    old = table.assign(trait=table["trait"].astype(object).replace(CURRENT_TRAIT, LEGACY_TRAIT))
    assert set(check_predictions(old)["trait"]) == set(TRAIT_NAMES)
    assert rename_legacy_rows(table[["clip"]]).equals(table[["clip"]])


def test_card_with_legacy_trait_loads(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(demo.PRACTICE_MODEL_FOLDERS[0], folder)
    text = (folder / "card.json").read_text().replace(CURRENT_TRAIT, LEGACY_TRAIT)
    (folder / "card.json").write_text(text)
    card = read_checkpoint_card(folder)
    assert card["traits"] == list(TRAIT_NAMES)
    assert set(card["training_labels"]) == set(TRAIT_NAMES)


def test_metrics_of_old_run_are_renamed() -> None:
    assert rename_legacy_json([{"accuracy_neuroticism": 0.9}]) == [{"accuracy_emotional_stability": 0.9}]
    assert (
        json.dumps(rename_legacy_json({"traits": ["openness", LEGACY_TRAIT]}))
        == '{"traits": ["openness", "emotional_stability"]}'
    )


def test_table_of_clips_accepts_both_names(tmp_path: Path) -> None:
    for name in (LEGACY_TRAIT, CURRENT_TRAIT):
        columns = [trait if trait != CURRENT_TRAIT else name for trait in TRAIT_NAMES]
        rows = pd.DataFrame([["a.mp4", *[0.1, 0.2, 0.3, 0.4, 0.5]]], columns=["clip", *columns])
        rows.to_csv(tmp_path / "clips.csv", index=False)
        assert read_clips_table(tmp_path).table[CURRENT_TRAIT].tolist() == [0.5]
