"""Convert the predictions of an external model to a predictions table, with a preview in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from personality.dataset.index import Dataset
from personality.predictions.assemble import DEFAULT_TRAINING_SPLITS, build_predictions_table
from personality.predictions.predictions_table import PredictionsError
from personality.tables.cells import as_numbers, as_text
from personality.tables.clip_names import match_clips
from personality.tables.columns import EMOTIONAL_STABILITY, ColumnMapping, describe_fifth_trait, identify_columns
from personality.tables.errors import TableError
from personality.tables.long_form import widen_long_table
from personality.tables.raters import average_ratings
from personality.tables.reader import read_table
from personality.tables.scales import (
    UNIT_SCALE,
    Scale,
    check_scale,
    clamp_predictions,
    describe_clamped_count,
    describe_value_range,
    rescale,
)
from personality.traits import TRAIT_NAMES

SCALE_OPTION = "--scale"  # the option's name in messages
REVERSED_OPTION, LABEL_REVERSED_OPTION = "--reversed", "--label-reversed"
REVERSAL_STANDARD_ERRORS = 2.5  # standard errors below 0 at which a correlation suggests a reversed fifth trait
MIN_REVERSAL_CLIPS = 10  # clips


def import_predictions(
    file: Path | BinaryIO, dataset: Dataset, *, split: str, model: str, name: str = "", **how: Any
) -> tuple[pd.DataFrame, list[str]]:
    """Import the predictions of an external model.

    Parameters
    ----------
    file : Path or binary file
        CSV or parquet with a clip column and five trait columns, or with one row per clip and trait.
    dataset : Dataset
        The dataset with the labels.
    split : str
        The split that was predicted.
    model : str
        Name for the model.
    name : str
        Name of the file in messages; default: the file's name.
    **how
        `scale`, `is_reversed` and `trained_on` of `convert_predictions`.

    Returns
    -------
    table : DataFrame
        The predictions table.
    preview : list of str
        How the columns were interpreted, how many rows match, and what looks wrong.

    Raises
    ------
    PredictionsError
        The file is not readable, or as `convert_predictions`.
    """
    name = name or (file.name if isinstance(file, Path) else "The table")
    try:
        given = read_table(file, name)
    except TableError as error:
        raise PredictionsError(str(error)) from error
    return convert_predictions(given, dataset, split=split, model=model, name=name, **how)


def convert_predictions(
    given: pd.DataFrame,
    dataset: Dataset,
    *,
    split: str,
    model: str,
    name: str,
    scale: Scale | None = None,
    is_reversed: bool = False,
    trained_on: Sequence[str] = DEFAULT_TRAINING_SPLITS,
) -> tuple[pd.DataFrame, list[str]]:
    """Convert a table of clips and five traits, wide or long, to a predictions table.

    Parameters
    ----------
    given : DataFrame
        The result of `read_table`.
    dataset : Dataset
        The dataset with the labels.
    split, model : str
        The split that was predicted; the name for the model.
    name : str
        Name of the table in messages.
    scale : (low, high), optional
        The ends of the scale of the values; default [0, 1].
    is_reversed : bool
        Whether the fifth column is neuroticism (high: uneasy) and not emotional stability.
    trained_on : sequence of str
        The splits of the dataset that the model was trained on.

    Returns
    -------
    table : DataFrame
    preview : list of str
        How the columns were interpreted, how many rows match, the range of the values, and what looks wrong.

    Raises
    ------
    PredictionsError
        A column is missing, a value is not a number on the scale, a clip is duplicated, or no clip is in the split.
    """
    try:
        given = widen_long_table(given)
        columns = identify_columns(list(given.columns))
        wide = _parse_trait_columns(given, columns)
        clamped = 0
        if scale is None:
            wide[list(TRAIT_NAMES)], clamped = clamp_predictions(wide[list(TRAIT_NAMES)])
        check_scale(wide[list(TRAIT_NAMES)], scale, option=SCALE_OPTION)
    except TableError as error:
        raise PredictionsError(f"{name} cannot be used: {error}.") from error
    preview = [columns.describe_mapping(), _describe_values(wide, scale)]
    preview += [describe_clamped_count(clamped)] if clamped else []
    wide[list(TRAIT_NAMES)] = rescale(wide[list(TRAIT_NAMES)], scale)
    if is_reversed:
        wide[EMOTIONAL_STABILITY] = 1 - wide[EMOTIONAL_STABILITY]
    wide, matched = _match_split_rows(wide, dataset, split, name)
    wide, agreement = average_ratings(wide, list(TRAIT_NAMES))
    labelled = _select_labelled_clips(dataset.table, split)
    preview += [*matched, *([agreement.describe_agreement()] if agreement else [])]
    preview += _describe_direction(wide, labelled, columns, is_reversed=is_reversed)
    return build_predictions_table(
        wide.drop(columns="rater").assign(model=model), labelled, dataset.table, trained_on
    ), preview


def _parse_trait_columns(given: pd.DataFrame, columns: ColumnMapping) -> pd.DataFrame:
    """Columns clip, rater (empty if there is none) and five traits, without rows that have no clip. Raises TableError
    if a value is missing."""
    wide = pd.DataFrame({"clip": as_text(given[columns.clip])})
    wide["rater"] = as_text(given[columns.rater]).fillna("") if columns.rater else ""
    for trait in TRAIT_NAMES:
        wide[trait] = as_numbers(given[columns.traits[trait]])
    wide = wide.dropna(subset="clip")
    bad = wide[wide[list(TRAIT_NAMES)].isna().any(axis=1)]
    if len(bad):
        raise TableError(f"{len(bad):,} rows do not have five numbers; the first is for {bad['clip'].iloc[0]}")
    if wide.empty:
        raise TableError(f"the column {columns.clip} is empty; expected names of clips")
    return wide


def _select_labelled_clips(clips: pd.DataFrame, split: str) -> pd.DataFrame:
    return clips[clips["split"].eq(split) & clips[list(TRAIT_NAMES)].notna().all(axis=1)]


def _match_split_rows(wide: pd.DataFrame, dataset: Dataset, split: str, name: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of labelled clips of the split, with the dataset's clip names; and descriptions of the other rows."""
    clips, labelled = dataset.table, _select_labelled_clips(dataset.table, split)
    found = wide["clip"].map(match_clips(wide["clip"], clips["clip"]))
    unknown, inside = wide.loc[found.isna(), "clip"], found.isin(labelled["clip"])
    unmatched = ""
    if len(unknown):
        unmatched = (
            f"{len(unknown):,} rows match no clip of {dataset.name}, or several, such as {unknown.iloc[0]!r}; a clip "
            f"of the dataset is {clips['clip'].iloc[0]!r}"
        )
    if not inside.any():
        splits = clips.loc[clips["clip"].isin(found), "split"].unique()
        why = unmatched or f"its clips are in {' and '.join(sorted(splits))}, or have no labels"
        raise PredictionsError(f"No clip of {name} is a labelled clip of the split {split} of {dataset.name}: {why}.")
    rows = wide[inside].assign(clip=found[inside].astype("str"))
    duplicated = rows.duplicated(["clip", "rater"])
    if duplicated.any():
        hint = "" if rows["rater"].any() else "; ratings by several raters require a column rater"
        raise PredictionsError(f"{name} has {rows.loc[duplicated, 'clip'].iloc[0]} more than once{hint}.")
    others, absent = len(wide) - len(unknown) - len(rows), set(labelled["clip"]) - set(rows["clip"])
    lines = [f"{len(rows):,} of {len(wide):,} rows are labelled clips of {split}"]
    renamed = rows["clip"].ne(wide.loc[rows.index, "clip"])
    if renamed.any():
        example = f"{wide.loc[renamed.idxmax(), 'clip']!r} = {rows.loc[renamed.idxmax(), 'clip']!r}"
        lines += [f"{int(renamed.sum()):,} of them match by another form of the name, such as {example}"]
    lines += [unmatched] if unmatched else []
    lines += [f"{others:,} rows are in other splits or have no labels"] if others else []
    lines += [f"{len(absent):,} clips of {split} have no prediction, such as {min(absent)!r}"] if absent else []
    return rows, lines


def _describe_values(wide: pd.DataFrame, scale: Scale | None) -> str:
    low, high = scale or UNIT_SCALE
    scaled = f", on a scale from {low:g} to {high:g}, rescaled to 0 to 1" if scale else ""
    return f"values {describe_value_range(wide[list(TRAIT_NAMES)])}{scaled}"


def _describe_direction(
    wide: pd.DataFrame, labelled: pd.DataFrame, columns: ColumnMapping, *, is_reversed: bool
) -> list[str]:
    """How the fifth trait was interpreted, or a warning if it seems to be reversed."""
    labels = labelled.set_index("clip")[EMOTIONAL_STABILITY].reindex(wide["clip"])
    n, column = len(wide), columns.traits[EMOTIONAL_STABILITY]
    varied = n >= MIN_REVERSAL_CLIPS and wide[EMOTIONAL_STABILITY].std() > 0 and labels.std() > 0
    r = float(np.corrcoef(wide[EMOTIONAL_STABILITY], labels)[0, 1]) if varied else 0.0
    if r * np.sqrt(n) < -REVERSAL_STANDARD_ERRORS:
        advice = (
            f"leave {REVERSED_OPTION} out"
            if is_reversed
            else f"import again with {REVERSED_OPTION} if high means uneasy in it, or with {LABEL_REVERSED_OPTION} if "
            "high means uneasy in the labels"
        )
        return [f"warning: {column} correlates with the labels of emotional stability by r = {r:.2f}; {advice}"]
    return describe_fifth_trait(columns, is_reversed=is_reversed)
