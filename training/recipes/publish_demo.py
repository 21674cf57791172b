"""Copy the results of `make demo` to the published folder: `python -m training publish-demo WORK demo`.

The published cards of the models include their training data and their accuracy on people that were not in training.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from personality.analysis.groups import accuracy_by
from personality.assets.demo import PRACTICE_PREFIX
from personality.modalities import MODALITIES
from personality.models.checkpoint import MODEL_WEIGHTS_FILE
from personality.models.model_card import MODEL_CARD_FILE
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import write_bytes, write_json
from training.recipes.rated_portraits import measure_rating_agreement
from training.recipes.speech_clip import write_speech_clip

SAMPLE_CLIP_NAME = "2aad56adb31.000.mp4"  # a test clip of `make demo`, selected by hand: an average, friendly face
# Test clips of `make demo` of six adults, three women and three men, whom visitors rate.
GUESS_CLIP_NAMES = tuple(
    f"{name}.000.mp4"
    for name in ("0833422ebed", "08807449f7b", "0b50cc677a8", "108866d5856", "169ccdea55a", SAMPLE_CLIP_NAME[:11])
)
PRACTICE_TRAINED_ON_TEXT = "Trained on {clips:,} clips of {sources:,} computer-made people with planted labels{more}."
PORTRAITS_TEXT = (
    ", and on {count:,} portraits of computer-made faces (One Million Impressions) with labels computed from how real "
    "people rated them"
)
BRANCHES_TEXT = " It joins practice_audio and practice_visual, whose weights are fixed."


def publish_demo(work: Path, out: Path, portraits: Path | None = None) -> None:
    """Copy the four practice models, predictions, the table of clips, and the sample clips from `work` to `out`.

    Parameters
    ----------
    work
        Output folder of `make demo`.
    out
        The published folder.
    portraits
        Folder of the rated portraits, if `practice_visual` was trained on them too.

    Raises
    ------
    FileNotFoundError
        If `make demo` has not finished, or Flite is not installed.
    """
    predictions = read_predictions(work / "predictions.parquet")
    predictions["model"] = PRACTICE_PREFIX + predictions["model"].astype(str)
    for modality in (name for name, modality in MODALITIES.items() if modality.can_predict_video):
        run, folder = work / "runs" / modality, out / "models" / f"{PRACTICE_PREFIX}{modality}"
        folder.mkdir(parents=True, exist_ok=True)
        _publish_file(run / MODEL_WEIGHTS_FILE, folder / MODEL_WEIGHTS_FILE)
        rows = predictions[predictions["model"].eq(folder.name)]
        write_json(
            folder / MODEL_CARD_FILE,
            make_published_card(json.loads((run / MODEL_CARD_FILE).read_text()), rows, Cache(work / "cache")),
        )
    if portraits is not None:
        _add_rating_agreement(out / "models" / f"{PRACTICE_PREFIX}visual", Cache(work / "portraits-cache"), portraits)
    write_predictions(predictions, out / "predictions.parquet")
    _publish_file(work / "cache" / "clips.parquet", out / "clips.parquet")
    (sample,) = (work / "people").rglob(SAMPLE_CLIP_NAME)
    _publish_file(sample, out / "sample.mp4")
    (out / "guess").mkdir(exist_ok=True)
    for name in GUESS_CLIP_NAMES:
        (clip,) = (work / "people").rglob(name)
        _publish_file(clip, out / "guess" / name)
    write_speech_clip(out / "sample_speech.mp4")


def _publish_file(made: Path, published: Path) -> None:
    write_bytes(published, made.read_bytes())


def make_published_card(card: dict[str, Any], predictions: pd.DataFrame, people: Cache) -> dict[str, Any]:
    """Return the card of a run in its published form.

    Parameters
    ----------
    card
        The card of the run.
    predictions
        The rows of this model in the predictions table of the test split.
    people
        The cache of computer-made people on which the model was trained.
    """
    branches = {
        name: {**entry, "folder": f"../{PRACTICE_PREFIX}{Path(entry['folder']).name}"}
        for name, entry in card["branches"].items()
    }
    return {
        **card,
        "branches": branches,
        "trained_on": _describe_practice_training(card, people),
        "unseen": measure_unseen_accuracy(predictions),
    }


def _describe_practice_training(card: dict[str, Any], people: Cache) -> dict[str, Any]:
    own = people.labelled_clips("training")
    counts = {"clips": len(own), "sources": own["source"].nunique()}
    extra = card["training_clips"] - len(own)
    text = PRACTICE_TRAINED_ON_TEXT.format(**counts, more=PORTRAITS_TEXT.format(count=extra) if extra else "")
    text += BRANCHES_TEXT if card["branches"] else ""
    total = {name: count + extra for name, count in counts.items()}  # each portrait is a clip and a source
    return {"people": "computer-made", "dataset": card["data"]["name"], **total, "text": text}


def measure_unseen_accuracy(predictions: pd.DataFrame) -> dict[str, Any]:
    """Measure the accuracy of one model on people who were not in training, that of the mean baseline, and R2 (mean
    over traits)."""
    rows = accuracy_by(predictions).set_index("trait").loc["mean"]
    errors = predictions.assign(
        own=(predictions["predicted"] - predictions["actual"]) ** 2,
        constant=(predictions["constant"] - predictions["actual"]) ** 2,
    )
    sums = errors.groupby("trait")[["own", "constant"]].sum()
    figures = {name: rows[name] for name in ("accuracy", "low", "high")} | {"mean_baseline": rows["baseline"]}
    figures["r2"] = float(np.mean(1 - sums["own"] / sums["constant"]))
    counts = {"n": int(rows["n"]), "sources": int(rows["sources"])}
    return {**counts, **{name: round(float(value), 5) for name, value in figures.items()}}


def _add_rating_agreement(folder: Path, cache: Cache, portraits: Path) -> None:
    """Add the correlation of the model with human ratings of the held-out portraits to the card."""
    card = json.loads((folder / MODEL_CARD_FILE).read_text())
    write_json(
        folder / MODEL_CARD_FILE,
        {**card, "portraits_held_out": asdict(measure_rating_agreement(folder, cache, portraits))},
    )
