"""Copies what `make demo` made to where it is published: `python -m training publish-demo WORK demo`.

The models get the names and the cards that they are published with: on whom they were trained, and how good they are
on people they have not seen.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from personality.analysis.groups import accuracy_by
from personality.assets.demo import PRACTICE
from personality.modalities import MODALITIES
from personality.models.checkpoint import CARD, WEIGHTS
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import write_bytes, write_json
from training.recipes.rated_portraits import agreement
from training.recipes.speech_clip import write_speech_clip

SAMPLE = "2aad56adb31.000.mp4"  # a test clip of `make demo`, chosen by eye: a plain, friendly face
TRAINED_ON = "Trained on {clips:,} clips of {sources:,} computer-made people with planted labels{more}."
PORTRAITS = (
    ", and on {count:,} portraits of computer-made faces (One Million Impressions) with labels computed from how real "
    "people rated them"
)
BRANCHES = " It joins practice_audio and practice_visual, which stay as they were trained."


def publish_demo(work: Path, out: Path, portraits: Path | None = None) -> None:
    """Copy the four practice models, predictions, the table of clips and two sample clips from `work` to `out`.

    Parameters
    ----------
    work
        The folder that `make demo` filled.
    out
        The folder that is published.
    portraits
        Folder of the rated portraits, if `practice_visual` was trained on them too.

    Raises
    ------
    FileNotFoundError
        If `make demo` has not finished, or Flite is not installed.
    """
    predictions = read_predictions(work / "predictions.parquet")
    predictions["model"] = PRACTICE + predictions["model"].astype(str)
    for modality in (name for name, modality in MODALITIES.items() if modality.video):
        run, folder = work / "runs" / modality, out / "models" / f"{PRACTICE}{modality}"
        folder.mkdir(parents=True, exist_ok=True)
        _copy(run / WEIGHTS, folder / WEIGHTS)
        rows = predictions[predictions["model"].eq(folder.name)]
        write_json(folder / CARD, published_card(json.loads((run / CARD).read_text()), rows, Cache(work / "cache")))
    if portraits is not None:
        _add_agreement(out / "models" / f"{PRACTICE}visual", Cache(work / "portraits-cache"), portraits)
    write_predictions(predictions, out / "predictions.parquet")
    _copy(work / "cache" / "clips.parquet", out / "clips.parquet")
    (sample,) = (work / "people").rglob(SAMPLE)
    _copy(sample, out / "sample.mp4")
    write_speech_clip(out / "sample_speech.mp4")


def _copy(made: Path, published: Path) -> None:
    write_bytes(published, made.read_bytes())


def published_card(card: dict[str, Any], predictions: pd.DataFrame, people: Cache) -> dict[str, Any]:
    """The card of a run as it is published.

    Parameters
    ----------
    card
        The run's own card.
    predictions
        The rows of the predictions table that are of this model, on the test split.
    people
        The cache of computer-made people that it was trained on.
    """
    branches = {
        name: {**entry, "folder": f"../{PRACTICE}{Path(entry['folder']).name}"}
        for name, entry in card["branches"].items()
    }
    return {**card, "branches": branches, "trained_on": _trained_on(card, people), "unseen": unseen(predictions)}


def _trained_on(card: dict[str, Any], people: Cache) -> dict[str, Any]:
    own = people.rows("training")
    counts = {"clips": len(own), "sources": own["source"].nunique()}
    extra = card["training_clips"] - len(own)
    text = TRAINED_ON.format(**counts, more=PORTRAITS.format(count=extra) if extra else "")
    text += BRANCHES if card["branches"] else ""
    total = {name: count + extra for name, count in counts.items()}  # a portrait is a clip and a source of its own
    return {"people": "computer-made", "dataset": card["data"]["name"], **total, "text": text}


def unseen(predictions: pd.DataFrame) -> dict[str, Any]:
    """Accuracy of one model on people it has not seen, beside always predicting the training mean, and the share of the
    variance around that mean that it explains (mean over traits)."""
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


def _add_agreement(folder: Path, cache: Cache, portraits: Path) -> None:
    """Write to the card how well the model follows people's ratings of the held-out portraits."""
    card = json.loads((folder / CARD).read_text())
    write_json(folder / CARD, {**card, "portraits_held_out": asdict(agreement(folder, cache, portraits))})
