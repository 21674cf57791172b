"""Evaluation: trained models and a cache become a predictions table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from personality.constants import PREPROCESSING
from personality.predictions.assemble import build_predictions_table
from personality.predictions.predictions_table import (
    SYNTHETIC_ATTR,
    PredictionsError,
)
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import torch

    from personality.models.checkpoint import Model
    from personality.preprocessing.cache import Cache


def evaluate(folders: Sequence[Path], cache: Cache, split: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """The predictions table of the models in `folders` on one split, and per model the clips it could not speak on.
    The table's attrs say whether its people are synthetic, also once it is stored.

    Raises PredictionsError where the split has no usable clip, two models have one name or none can speak on any clip,
    CheckpointError as `load_model`, CacheError as `can_predict`.
    """
    from personality.models.checkpoint import load_model

    loaded: dict = {}
    models = [load_model(folder, loaded) for folder in folders]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise PredictionsError(
            f"Two runs are called {max(names, key=names.count)}; give their folders different names."
        )
    rows = cache.labelled_clips(split)
    if rows.empty:
        raise PredictionsError(f"The cache has no usable clip with labels in the split {split}.")
    predicted, silent = _predict_split(models, cache, rows)
    table = build_predictions_table(predicted, rows, cache.clips)
    table.attrs[SYNTHETIC_ATTR] = cache.card["synthetic"]
    return table, silent


def _predict_split(models: Sequence[Model], cache: Cache, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    import torch
    from tqdm import tqdm

    from personality.models.batching import PREDICTION_BATCH_CLIPS, can_predict

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for model in models:
        model.network.to(device)
    able = pd.DataFrame({model.name: can_predict(cache, rows, model.network.needs) for model in models})
    if not able.any(axis=None):
        raise PredictionsError("No model can speak on any of these clips: no face, no sound, or no row in a table.")
    parts: list[pd.DataFrame] = []
    for start in tqdm(range(0, len(rows), PREDICTION_BATCH_CLIPS), desc="evaluate", unit="batch"):
        some = slice(start, start + PREDICTION_BATCH_CLIPS)
        parts += _predict_batch(models, cache, rows.iloc[some], able.iloc[some], device)
    return pd.concat(parts, ignore_index=True), {name: int(count) for name, count in (~able).sum().items()}


def _predict_batch(
    models: Sequence[Model], cache: Cache, rows: pd.DataFrame, able: pd.DataFrame, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Wide predictions per model, of the rows on which `able` says that it can speak. Models that speak on the same
    clips share their tensors, and with them the branches they have in common."""
    import torch

    from personality.models.batching import read_batch
    from personality.models.network import Needs

    alike: dict[tuple[bool, ...], list[Model]] = {}
    for model in models:
        alike.setdefault(tuple(able[model.name]), []).append(model)
    for mask, together in alike.items():
        if not any(mask):
            continue
        spoken_on = rows[list(mask)]
        needs = reduce(or_, (model.network.needs for model in together), Needs())
        batch = read_batch(cache, spoken_on, needs, PREPROCESSING.faces).to(device).shared()
        for model in together:
            with torch.inference_mode():
                values = model.network(batch).cpu().numpy()
            yield pd.DataFrame(values, columns=list(TRAIT_NAMES)).assign(clip=list(spoken_on["clip"]), model=model.name)


def predict_unlabelled(folder: Path, cache: Cache) -> pd.DataFrame:
    """What a model of tables says of the clips in its tables that have no labels: clip and five traits, by clip.

    Raises PredictionsError where the model needs a video, or no clip without labels is in all of its tables.
    """
    import torch

    from personality.models.batching import can_predict, read_batch
    from personality.models.checkpoint import load_model

    network = load_model(folder).network
    if network.needs.inputs:
        raise PredictionsError(f"{folder.name} takes videos; `predict` reads them. This is for models of tables.")
    labelled = cache.clips.dropna(subset=list(TRAIT_NAMES))["clip"]
    named = set[str]().union(*(cache.table(name).index for name, _ in network.needs.tables))
    clips = pd.DataFrame({"clip": sorted(named - set(labelled))})
    clips = clips[can_predict(cache, clips, network.needs)].reset_index(drop=True)
    if clips.empty:
        raise PredictionsError(f"No clip without labels is in all tables of {folder.name}; `evaluate` takes others.")
    with torch.inference_mode():
        values = network(read_batch(cache, clips, network.needs, frames=1)).numpy()
    return pd.concat([clips, pd.DataFrame(values, columns=list(TRAIT_NAMES))], axis=1)
