"""Predictions of an external model, in a table of its own, become a predictions table; with a preview in words."""

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

SCALE_OPTION = "--scale"  # how messages call the option
REVERSED_OPTION = "--reversed"
REVERSAL_STANDARD_ERRORS = 2.5  # standard errors of a correlation below 0 from which the fifth trait seems turned
MIN_REVERSAL_CLIPS = 10  # clips


def import_predictions(
    file: Path | BinaryIO, dataset: Dataset, *, split: str, model: str, name: str = "", **how: Any
) -> tuple[pd.DataFrame, list[str]]:
    """A file with a clip column and five traits, text or parquet, as `convert_predictions`. Raises PredictionsError as
    that, and where the file cannot be read."""
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
    """A table of a clip column and five traits as a predictions table.

    Parameters
    ----------
    given : DataFrame
        As `read_table` returns it.
    dataset : Dataset
        Whose labels they are compared with.
    split, model : str
        Of which clips they are; what to call the model.
    name : str
        What messages call the table.
    scale : (low, high), optional
        The ends of the scale of the values; [0, 1] without.
    is_reversed : bool
        Whether the fifth column truly is neuroticism, high for uneasy.
    trained_on : sequence of str
        The splits of the dataset that the model was trained on.

    Returns
    -------
    table : DataFrame
    preview : list of str
        How the columns were understood, how many rows match, the range of the values; what seems wrong.

    Raises
    ------
    PredictionsError
        Where a column is missing, a value is no number on the scale, a clip is there twice, or none is of the split.
    """
    try:
        columns = identify_columns(list(given.columns))
        wide = _parse_trait_columns(given, columns)
        overshot = 0
        if scale is None:
            wide[list(TRAIT_NAMES)], overshot = clamp_predictions(wide[list(TRAIT_NAMES)])
        check_scale(wide[list(TRAIT_NAMES)], scale, option=SCALE_OPTION)
    except TableError as error:
        raise PredictionsError(f"{name} cannot be used: {error}.") from error
    preview = [columns.describe_mapping(), _describe_values(wide, scale)]
    preview += [describe_clamped_count(overshot)] if overshot else []
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
    """clip, rater (empty without one), five numbers; rows without a clip are left out. Raises TableError where a row
    lacks a number."""
    wide = pd.DataFrame({"clip": as_text(given[columns.clip])})
    wide["rater"] = as_text(given[columns.rater]).fillna("") if columns.rater else ""
    for trait in TRAIT_NAMES:
        wide[trait] = as_numbers(given[columns.traits[trait]])
    wide = wide.dropna(subset="clip")
    bad = wide[wide[list(TRAIT_NAMES)].isna().any(axis=1)]
    if len(bad):
        raise TableError(f"{len(bad):,} rows have not five numbers, the first is for {bad['clip'].iloc[0]}")
    if wide.empty:
        raise TableError(f"the column {columns.clip} is empty; expected names of clips")
    return wide


def _select_labelled_clips(clips: pd.DataFrame, split: str) -> pd.DataFrame:
    return clips[clips["split"].eq(split) & clips[list(TRAIT_NAMES)].notna().all(axis=1)]


def _match_split_rows(wide: pd.DataFrame, dataset: Dataset, split: str, name: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of labelled clips of the split, by the names that the dataset gives them; what was left out, in
    words."""
    clips, labelled = dataset.table, _select_labelled_clips(dataset.table, split)
    found = wide["clip"].map(match_clips(wide["clip"], clips["clip"]))
    unknown, inside = wide.loc[found.isna(), "clip"], found.isin(labelled["clip"])
    strange = ""
    if len(unknown):
        strange = (
            f"{len(unknown):,} rows match no clip of {dataset.name}, or several: {unknown.iloc[0]!r}, where the "
            f"dataset has {clips['clip'].iloc[0]!r}"
        )
    if not inside.any():
        splits = clips.loc[clips["clip"].isin(found), "split"].unique()
        why = strange or f"its clips are of {' and '.join(sorted(splits))}, or have no labels"
        raise PredictionsError(f"No clip of {name} is a labelled clip of the split {split} of {dataset.name}: {why}.")
    rows = wide[inside].assign(clip=found[inside].astype("str"))
    twice = rows.duplicated(["clip", "rater"])
    if twice.any():
        hint = "" if rows["rater"].any() else "; several raters need a column called rater"
        raise PredictionsError(f"{name} has {rows.loc[twice, 'clip'].iloc[0]} twice{hint}.")
    others, absent = len(wide) - len(unknown) - len(rows), set(labelled["clip"]) - set(rows["clip"])
    lines = [f"{len(rows):,} of {len(wide):,} rows are of labelled clips of {split}"]
    renamed = rows["clip"].ne(wide.loc[rows.index, "clip"])
    if renamed.any():
        example = f"{wide.loc[renamed.idxmax(), 'clip']!r} = {rows.loc[renamed.idxmax(), 'clip']!r}"
        lines += [f"{int(renamed.sum()):,} of them by another form of the name, such as {example}"]
    lines += [strange] if strange else []
    lines += [f"{others:,} rows are of other splits, or of clips without labels"] if others else []
    lines += [f"{len(absent):,} clips of {split} have no prediction, such as {min(absent)!r}"] if absent else []
    return rows, lines


def _describe_values(wide: pd.DataFrame, scale: Scale | None) -> str:
    low, high = scale or UNIT_SCALE
    scaled = f", on a scale from {low:g} to {high:g}, rescaled to 0 to 1" if scale else ""
    return f"values {describe_value_range(wide[list(TRAIT_NAMES)])}{scaled}"


def _describe_direction(
    wide: pd.DataFrame, labelled: pd.DataFrame, columns: ColumnMapping, *, is_reversed: bool
) -> list[str]:
    """What the fifth trait was taken for, or a hint where it seems to be the other way round."""
    labels = labelled.set_index("clip")[EMOTIONAL_STABILITY].reindex(wide["clip"])
    n, column = len(wide), columns.traits[EMOTIONAL_STABILITY]
    varied = n >= MIN_REVERSAL_CLIPS and wide[EMOTIONAL_STABILITY].std() > 0 and labels.std() > 0
    r = float(np.corrcoef(wide[EMOTIONAL_STABILITY], labels)[0, 1]) if varied else 0.0
    if r * np.sqrt(n) < -REVERSAL_STANDARD_ERRORS:
        advice = (
            f"leave {REVERSED_OPTION} out"
            if is_reversed
            else f"if high means uneasy, import again with {REVERSED_OPTION}"
        )
        return [f"warning: {column} correlates with the labels of emotional stability by r = {r:.2f}; {advice}"]
    return describe_fifth_trait(columns, is_reversed=is_reversed)
