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
    """Predict one split of a cache with several models.

    Parameters
    ----------
    folders : sequence of Path
        Folders of trained runs or models.
    cache : Cache
        A finished cache.
    split : str
        `training`, `validation` or `test`.

    Returns
    -------
    table : DataFrame
        A predictions table; `attrs["synthetic"]` is whether the people are synthetic.
    skipped : dict of str to int
        Number of clips that each model cannot predict from, by its name.

    Raises
    ------
    PredictionsError
        The split has no labelled clip, two models have the same name, or no model can predict from any clip.
    CheckpointError
        As `load_models`.
    CacheError
        The cache does not include a table or sound that a model requires.
    """
    from personality.models.checkpoint import load_model

    loaded: dict = {}
    models = [load_model(folder, loaded) for folder in folders]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise PredictionsError(f"Two runs have the name {max(names, key=names.count)}; rename the folder of one.")
    rows = cache.labelled_clips(split)
    if rows.empty:
        raise PredictionsError(f"The cache has no usable clip with labels in the split {split}.")
    predicted, skipped = _predict_split(models, cache, rows)
    table = build_predictions_table(predicted, rows, cache.clips)
    table.attrs[SYNTHETIC_ATTR] = cache.card["synthetic"]
    return table, skipped


def _predict_split(models: Sequence[Model], cache: Cache, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    import torch
    from tqdm import tqdm

    from personality.models.batching import PREDICTION_BATCH_CLIPS, can_predict

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for model in models:
        model.network.to(device)
    predictable = pd.DataFrame({model.name: can_predict(cache, rows, model.network.needs) for model in models})
    if not predictable.any(axis=None):
        raise PredictionsError("No model can predict from any of these clips: no face, no sound, or no row in a table.")
    parts: list[pd.DataFrame] = []
    for start in tqdm(range(0, len(rows), PREDICTION_BATCH_CLIPS), desc="evaluate", unit="batch"):
        some = slice(start, start + PREDICTION_BATCH_CLIPS)
        parts += _predict_batch(models, cache, rows.iloc[some], predictable.iloc[some], device)
    return pd.concat(parts, ignore_index=True), {name: int(count) for name, count in (~predictable).sum().items()}


def _predict_batch(
    models: Sequence[Model], cache: Cache, rows: pd.DataFrame, predictable: pd.DataFrame, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Wide predictions per model of the rows that are `predictable` for it. Models with the same predictable rows share
    a batch, which computes common branches once."""
    import torch

    from personality.models.batching import read_batch
    from personality.models.network import Needs

    models_by_mask: dict[tuple[bool, ...], list[Model]] = {}
    for model in models:
        models_by_mask.setdefault(tuple(predictable[model.name]), []).append(model)
    for mask, sharing in models_by_mask.items():
        if not any(mask):
            continue
        usable = rows[list(mask)]
        needs = reduce(or_, (model.network.needs for model in sharing), Needs())
        batch = read_batch(cache, usable, needs, PREPROCESSING.faces).to(device).shared()
        for model in sharing:
            with torch.inference_mode():
                values = model.network(batch).cpu().numpy()
            yield pd.DataFrame(values, columns=list(TRAIT_NAMES)).assign(clip=list(usable["clip"]), model=model.name)


def predict_unlabelled(folder: Path, cache: Cache) -> pd.DataFrame:
    """Predict the clips without labels with a model of feature tables.

    Parameters
    ----------
    folder : Path
        Folder of the model.
    cache : Cache
        A cache with the tables that the model reads.

    Returns
    -------
    DataFrame
        Columns clip and the five traits, sorted by clip.

    Raises
    ------
    PredictionsError
        The model requires a video, or no clip without labels is in all of its tables.
    """
    import torch

    from personality.models.batching import can_predict, read_batch
    from personality.models.checkpoint import load_model

    network = load_model(folder).network
    if network.needs.inputs:
        raise PredictionsError(
            f"{folder.name} requires videos; use `predict`. Only models of feature tables are supported here."
        )
    labelled = cache.clips.dropna(subset=list(TRAIT_NAMES))["clip"]
    named = set[str]().union(*(cache.table(name).index for name, _ in network.needs.tables))
    clips = pd.DataFrame({"clip": sorted(named - set(labelled))})
    clips = clips[can_predict(cache, clips, network.needs)].reset_index(drop=True)
    if clips.empty:
        raise PredictionsError(
            f"No clip without labels is in all tables of {folder.name}; use `evaluate` for clips with labels."
        )
    with torch.inference_mode():
        values = network(read_batch(cache, clips, network.needs, frames=1)).numpy()
    return pd.concat([clips, pd.DataFrame(values, columns=list(TRAIT_NAMES))], axis=1)
