"""Models and a cache become a predictions table; predictions tables are read, joined and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pandas as pd

from personality.analysis.baselines import same_source_lookup, training_means
from personality.analysis.real_figures import SEEN
from personality.analysis.scores import CONSTANT, LOOKUP, PredictionsError, accept_predictions, check_predictions
from personality.constants import PREPROCESSING
from personality.dataset.index import BASE_COLUMNS, NOTED_COLUMNS
from personality.storage import atomic_path
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import torch

    from personality.models.checkpoint import Model
    from personality.preprocessing.cache import Cache

SYNTHETIC = "synthetic"  # of a table's attrs
TRAINING = ("training",)  # the splits that a model is trained on, where nothing else is said


def evaluate(folders: Sequence[Path], cache: Cache, split: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """The predictions table of the models in `folders` on one split, and per model the clips it could not speak on.
    The table's attrs say whether its people are synthetic, also once it is stored.

    Raises PredictionsError where the split has no usable clip, two models have one name or none can speak on any clip,
    CheckpointError as `load_model`, CacheError as `speakable`.
    """
    from personality.models.checkpoint import load_model

    loaded: dict = {}
    models = [load_model(folder, loaded) for folder in folders]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise PredictionsError(
            f"Two runs are called {max(names, key=names.count)}; give their folders different names."
        )
    rows = cache.rows(split)
    if rows.empty:
        raise PredictionsError(f"The cache has no usable clip with labels in the split {split}.")
    predicted, silent = _predict(models, cache, rows)
    table = assemble(predicted, rows, cache.clips)
    table.attrs[SYNTHETIC] = cache.card["synthetic"]
    return table, silent


def _predict(models: Sequence[Model], cache: Cache, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    import torch
    from tqdm import tqdm

    from personality.models.inputs import CLIPS_AT_ONCE, speakable

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for model in models:
        model.network.to(device)
    able = pd.DataFrame({model.name: speakable(cache, rows, model.network.needs) for model in models})
    if not able.any(axis=None):
        raise PredictionsError("No model can speak on any of these clips: no face, no sound, or no row in a table.")
    parts: list[pd.DataFrame] = []
    for start in tqdm(range(0, len(rows), CLIPS_AT_ONCE), desc="evaluate", unit="batch"):
        some = slice(start, start + CLIPS_AT_ONCE)
        parts += _predict_batch(models, cache, rows.iloc[some], able.iloc[some], device)
    return pd.concat(parts, ignore_index=True), {name: int(count) for name, count in (~able).sum().items()}


def _predict_batch(
    models: Sequence[Model], cache: Cache, rows: pd.DataFrame, able: pd.DataFrame, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Wide predictions per model, of the rows on which `able` says that it can speak. Models that speak on the same
    clips share their tensors, and with them the branches they have in common."""
    import torch

    from personality.models.inputs import read_batch
    from personality.models.network import Needs

    alike: dict[tuple[bool, ...], list[Model]] = {}
    for model in models:
        alike.setdefault(tuple(able[model.name]), []).append(model)
    for mask, together in alike.items():
        if not any(mask):
            continue
        spoken_on = rows[list(mask)]
        needs = reduce(or_, (model.network.needs for model in together), Needs())
        batch = read_batch(cache, spoken_on, needs, PREPROCESSING.faces).to(device)
        for model in together:
            with torch.inference_mode():
                values = model.network(batch).cpu().numpy()
            yield pd.DataFrame(values, columns=list(TRAIT_NAMES)).assign(clip=list(spoken_on["clip"]), model=model.name)


def predict_unlabelled(folder: Path, cache: Cache) -> pd.DataFrame:
    """What a model of tables says of the clips in its tables that have no labels: clip and five traits, by clip.

    Raises PredictionsError where the model needs a video, or no clip without labels is in all of its tables.
    """
    import torch

    from personality.models.checkpoint import load_model
    from personality.models.inputs import read_batch, speakable

    network = load_model(folder).network
    if network.needs.inputs:
        raise PredictionsError(f"{folder.name} takes videos; `predict` reads them. This is for models of tables.")
    labelled = cache.clips.dropna(subset=list(TRAIT_NAMES))["clip"]
    named = set[str]().union(*(cache.table(name).index for name, _ in network.needs.tables))
    clips = pd.DataFrame({"clip": sorted(named - set(labelled))})
    clips = clips[speakable(cache, clips, network.needs)].reset_index(drop=True)
    if clips.empty:
        raise PredictionsError(f"No clip without labels is in all tables of {folder.name}; `evaluate` takes others.")
    with torch.inference_mode():
        values = network(read_batch(cache, clips, network.needs, frames=1)).numpy()
    return pd.concat([clips, pd.DataFrame(values, columns=list(TRAIT_NAMES))], axis=1)


def mark_seen(rows: pd.DataFrame, clips: pd.DataFrame, trained_on: Sequence[str] = TRAINING) -> pd.DataFrame:
    """The rows with the attribute `source_in_training`, yes or no: whether clips of a clip's source are in the splits
    that a model was trained on. First Impressions' own splits share sources; figures of those that say no are
    source-disjoint."""
    seen = rows["source"].isin(clips.loc[clips["split"].isin(trained_on), "source"])
    return rows.assign(**{SEEN: seen.map({True: "yes", False: "no"})})


def assemble(
    predicted: pd.DataFrame, rows: pd.DataFrame, clips: pd.DataFrame, trained_on: Sequence[str] = TRAINING
) -> pd.DataFrame:
    """The predictions table from wide predictions (clip, model, five traits), the labelled rows of one split that they
    are of, all clips of the dataset, from which the baselines know, and the splits on which the model was trained.
    Raises PredictionsError as `check_predictions`."""
    (split,) = rows["split"].unique()
    traits = list(TRAIT_NAMES)
    table = predicted.melt(["clip", "model"], traits, var_name="trait", value_name="predicted")
    for name, values in (("actual", rows.set_index("clip")[traits]), (LOOKUP, same_source_lookup(clips, split))):
        long = values.rename_axis("clip").reset_index().melt("clip", var_name="trait", value_name=name)
        table = table.merge(long, on=["clip", "trait"], how="left")
    table[CONSTANT] = table["trait"].map(training_means(clips))
    rows = mark_seen(rows, clips, trained_on)
    attributes = [column for column in rows.columns if column not in (*BASE_COLUMNS, *NOTED_COLUMNS)]
    table = table.merge(rows[["clip", "source", "split", *attributes]], on="clip", how="left")
    order = ["clip", "source", "split", "model", "trait", "predicted", "actual", CONSTANT, LOOKUP, *attributes]
    return check_predictions(table[order])


def join_predictions(tables: Sequence[pd.DataFrame], *, mean: str | None = None) -> pd.DataFrame:
    """Several predictions tables as one; mean: what to call a further model, the plain mean of all of them on the
    clips on which all speak, None for no such.

    Raises PredictionsError where two tables have one model, or contradict each other.
    """
    models = [model for table in tables for model in table["model"].unique()] + ([mean] if mean else [])
    if len(set(models)) < len(models):
        raise PredictionsError(f"Two models are called {max(models, key=models.count)}; give them different names.")
    joined = _with_seen_by_any(pd.concat(tables, ignore_index=True))
    if mean:
        key = ["clip", "trait"]
        found = joined.groupby(key)["predicted"].agg(["mean", "count"]).query(f"count == {len(models) - 1}")
        rows = joined.drop_duplicates(key).drop(columns="predicted").assign(model=mean)
        joined = pd.concat([joined, rows.merge(found["mean"].rename("predicted"), on=key)], ignore_index=True)
    return check_predictions(joined)


def _with_seen_by_any(table: pd.DataFrame) -> pd.DataFrame:
    """The table in which a source counts as seen where any of the models was trained on it."""
    if SEEN not in table:
        return table
    seen = set(table.loc[table[SEEN].eq("yes"), "clip"])
    return table.assign(**{SEEN: table[SEEN].mask(table["clip"].isin(seen), "yes")})


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write a predictions table as parquet, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_predictions(file: Path | BinaryIO, name: str = "") -> pd.DataFrame:
    """A predictions table from parquet or CSV, a path or an open file that messages call `name`; see
    `accept_predictions`. Raises PredictionsError where it is none, or is larger than `constants.TABLES` allows."""
    try:
        return accept_predictions(read_table(file, name))
    except TableError as error:
        raise PredictionsError(str(error)) from error
