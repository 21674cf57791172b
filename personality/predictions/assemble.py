"""Rows of predictions with their labels, baselines and attributes: a predictions table; several of them as one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.dataset.index import BASE_COLUMNS, PREPROCESSING_COLUMNS
from personality.predictions.baselines import same_source_baseline, training_means
from personality.predictions.predictions_table import (
    MEAN_BASELINE_COLUMN,
    SOURCE_BASELINE_COLUMN,
    SOURCE_IN_TRAINING,
    PredictionsError,
    check_predictions,
)
from personality.traits import TRAIT_NAMES

DEFAULT_TRAINING_SPLITS = ("training",)  # the splits that a model is trained on, where nothing else is said


def mark_sources_in_training(
    rows: pd.DataFrame, clips: pd.DataFrame, trained_on: Sequence[str] = DEFAULT_TRAINING_SPLITS
) -> pd.DataFrame:
    """The rows with the attribute `source_in_training`, yes or no: whether clips of a clip's source are in the splits
    that a model was trained on. First Impressions' own splits share sources; figures of those that say no are
    source-disjoint."""
    seen = rows["source"].isin(clips.loc[clips["split"].isin(trained_on), "source"])
    return rows.assign(**{SOURCE_IN_TRAINING: seen.map({True: "yes", False: "no"})})


def build_predictions_table(
    predicted: pd.DataFrame,
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    trained_on: Sequence[str] = DEFAULT_TRAINING_SPLITS,
) -> pd.DataFrame:
    """The predictions table from wide predictions (clip, model, five traits), the labelled rows of one split that they
    are of, all clips of the dataset, from which the baselines know, and the splits on which the model was trained.
    Raises PredictionsError as `check_predictions`."""
    (split,) = rows["split"].unique()
    traits = list(TRAIT_NAMES)
    table = predicted.melt(["clip", "model"], traits, var_name="trait", value_name="predicted")
    for name, values in (
        ("actual", rows.set_index("clip")[traits]),
        (SOURCE_BASELINE_COLUMN, same_source_baseline(clips, split)),
    ):
        long = values.rename_axis("clip").reset_index().melt("clip", var_name="trait", value_name=name)
        table = table.merge(long, on=["clip", "trait"], how="left")
    table[MEAN_BASELINE_COLUMN] = table["trait"].map(training_means(clips))
    rows = mark_sources_in_training(rows, clips, trained_on)
    attributes = [column for column in rows.columns if column not in (*BASE_COLUMNS, *PREPROCESSING_COLUMNS)]
    table = table.merge(rows[["clip", "source", "split", *attributes]], on="clip", how="left")
    order = [
        "clip",
        "source",
        "split",
        "model",
        "trait",
        "predicted",
        "actual",
        MEAN_BASELINE_COLUMN,
        SOURCE_BASELINE_COLUMN,
        *attributes,
    ]
    return check_predictions(table[order])


def join_predictions(tables: Sequence[pd.DataFrame], *, mean: str | None = None) -> pd.DataFrame:
    """Several predictions tables as one; mean: what to call a further model, the plain mean of all of them on the
    clips on which all speak, None for no such.

    Raises PredictionsError where two tables have one model, or contradict each other.
    """
    models = [model for table in tables for model in table["model"].unique()] + ([mean] if mean else [])
    if len(set(models)) < len(models):
        raise PredictionsError(f"Two models are called {max(models, key=models.count)}; give them different names.")
    joined = _merge_sources_in_training(pd.concat(tables, ignore_index=True))
    if mean:
        key = ["clip", "trait"]
        found = joined.groupby(key)["predicted"].agg(["mean", "count"]).query(f"count == {len(models) - 1}")
        rows = joined.drop_duplicates(key).drop(columns="predicted").assign(model=mean)
        joined = pd.concat([joined, rows.merge(found["mean"].rename("predicted"), on=key)], ignore_index=True)
    return check_predictions(joined)


def _merge_sources_in_training(table: pd.DataFrame) -> pd.DataFrame:
    """The table in which a source counts as seen where any of the models was trained on it."""
    if SOURCE_IN_TRAINING not in table:
        return table
    seen = set(table.loc[table[SOURCE_IN_TRAINING].eq("yes"), "clip"])
    return table.assign(**{SOURCE_IN_TRAINING: table[SOURCE_IN_TRAINING].mask(table["clip"].isin(seen), "yes")})
