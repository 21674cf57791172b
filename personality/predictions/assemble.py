"""Assemble predictions tables: join predictions with labels, baselines and attributes, and tables with each other."""

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

DEFAULT_TRAINING_SPLITS = ("training",)  # default of the splits on which a model was trained


def mark_sources_in_training(
    rows: pd.DataFrame, clips: pd.DataFrame, trained_on: Sequence[str] = DEFAULT_TRAINING_SPLITS
) -> pd.DataFrame:
    """Add the attribute `source_in_training` (yes or no): whether the splits that a model was trained on contain clips
    of the same source. The official splits of First Impressions share sources; clips with `no` are source-disjoint."""
    seen = rows["source"].isin(clips.loc[clips["split"].isin(trained_on), "source"])
    return rows.assign(**{SOURCE_IN_TRAINING: seen.map({True: "yes", False: "no"})})


def build_predictions_table(
    predicted: pd.DataFrame,
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    trained_on: Sequence[str] = DEFAULT_TRAINING_SPLITS,
) -> pd.DataFrame:
    """Build a predictions table.

    Parameters
    ----------
    predicted
        Predictions in wide format: clip, model, five traits.
    rows
        The labelled clips of the split that was predicted.
    clips
        All clips of the dataset, for the baselines.
    trained_on
        The splits that the model was trained on.

    Raises
    ------
    PredictionsError
        If the table is invalid; see `check_predictions`.
    """
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
    """Join predictions tables of different models.

    Parameters
    ----------
    tables
        Predictions tables.
    mean
        The name of an additional model: the unweighted mean of all models, on clips with predictions of all. By
        default, none is added.

    Raises
    ------
    PredictionsError
        If a model occurs in two tables, or the tables have different labels or attributes for a clip.
    """
    models = [model for table in tables for model in table["model"].unique()] + ([mean] if mean else [])
    if len(set(models)) < len(models):
        raise PredictionsError(
            f"The model name {max(models, key=models.count)} occurs twice; rename one of the models."
        )
    joined = _merge_sources_in_training(pd.concat(tables, ignore_index=True))
    if mean:
        key = ["clip", "trait"]
        found = joined.groupby(key)["predicted"].agg(["mean", "count"]).query(f"count == {len(models) - 1}")
        if found.empty:
            first, second = (table["clip"].iloc[0] for table in tables[:2])
            raise PredictionsError(
                f"No clip has predictions of all models, so there is no mean {mean}; clips are named {first!r} in the "
                f"first table and {second!r} in the second. Import both with the same dataset, or leave --mean out."
            )
        rows = joined.drop_duplicates(key).drop(columns="predicted").assign(model=mean)
        joined = pd.concat([joined, rows.merge(found["mean"].rename("predicted"), on=key)], ignore_index=True)
    return check_predictions(joined)


def _merge_sources_in_training(table: pd.DataFrame) -> pd.DataFrame:
    """Mark a source as seen in training if any of the models was trained on it."""
    if SOURCE_IN_TRAINING not in table:
        return table
    seen = set(table.loc[table[SOURCE_IN_TRAINING].eq("yes"), "clip"])
    return table.assign(**{SOURCE_IN_TRAINING: table[SOURCE_IN_TRAINING].mask(table["clip"].isin(seen), "yes")})
