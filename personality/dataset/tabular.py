"""Anyone's own videos: a folder with `clips.csv` and the files it names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from personality.dataset.index import (
    BASE_COLUMNS,
    NOTED_COLUMNS,
    SPLITS,
    Dataset,
    DatasetError,
    check_labels,
    note,
    source_of,
)
from personality.trait_names import current_columns
from personality.traits import AGE_GROUPS, GENDERS, TRAIT_NAMES

TABLE = "clips.csv"
OLDEST = 130  # years
# Columns that preprocessing adds to a clip, and evaluation to a prediction.
RESERVED = (
    *("location", *NOTED_COLUMNS, "emotion", "emotion_confidence"),
    *("gender_from", "age_from", "age_group_from", "source_in_training"),
    *("model", "trait", "predicted", "actual", "constant", "lookup", "value"),
)


def read_tabular(folder: Path) -> Dataset:
    """The dataset of `clips.csv`: `clip` is a path below the folder (video or still), then the five traits.

    `source` and `split` are optional: a clip's source is its name without running number, and sources are dealt
    60 / 20 / 20 by their name. Every further column becomes an attribute. Raises DatasetError where the table cannot
    be read or lacks a column.
    """
    try:
        table = current_columns(pd.read_csv(folder / TABLE, dtype={"clip": str, "source": str}))
    except (ValueError, UnicodeDecodeError) as error:
        raise DatasetError(f"{TABLE} cannot be read as comma-separated text in UTF-8.") from error
    missing = [column for column in ("clip", *TRAIT_NAMES) if column not in table]
    if missing:
        raise DatasetError(
            f"{TABLE} lacks the column {missing[0]}; wanted clip, {', '.join(TRAIT_NAMES)} and any others."
        )
    problems: dict[str, list[str]] = {}
    table = check_labels(_free_names(table.dropna(subset="clip"), problems), problems)
    table["location"] = [_location(folder, clip) for clip in table["clip"]]
    note(problems, "labels without a clip file", table.loc[table["location"] == "", "clip"])
    note(problems, "clips without labels", table.loc[table[list(TRAIT_NAMES)].isna().any(axis=1), "clip"])
    table["source"] = _words(table, "source").fillna(table["clip"].map(source_of))
    table["split"] = _known(table, "split", SPLITS, problems).fillna(table["source"].map(_deal))
    if "gender" in table:
        table["gender"] = _known(table, "gender", GENDERS, problems)
    if "age_group" in table:
        table["age_group"] = _known(table, "age_group", AGE_GROUPS, problems)
    if "age" in table:
        table["age"] = _ages(table, problems)
    others = [column for column in table.columns if column not in BASE_COLUMNS]
    return Dataset(folder.name, folder, table[[*BASE_COLUMNS, *others]], problems)


def _free_names(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.DataFrame:
    """Columns that would clash with what preprocessing and evaluation write get a name of their own."""
    clash = [column for column in table.columns if column in RESERVED]
    note(problems, "columns whose names are taken, now with given_ before them", clash)
    return table.rename(columns={column: f"given_{column}" for column in clash})


def _words(table: pd.DataFrame, column: str) -> pd.Series:
    """A column as text without blanks around it; missing where it is empty or absent."""
    if column not in table:
        return pd.Series(None, table.index, dtype=object)
    words = table[column].astype("string").str.strip()
    return words.where(words.ne("") & words.notna(), None).astype(object)


def _known(table: pd.DataFrame, column: str, allowed: tuple[str, ...], problems: dict[str, list[str]]) -> pd.Series:
    """A column of known words in any case; others are blanked and noted."""
    words = _words(table, column).map(lambda word: word.lower() if isinstance(word, str) else None)
    strange = words.notna() & ~words.isin(allowed)
    wanted = " or ".join(allowed[:3]) + (" ..." if len(allowed) > 3 else "")
    note(problems, f"clips with a {column} that is not {wanted}, ignored", table.loc[strange, "clip"])
    return words.where(words.isin(allowed), None)


def _ages(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.Series:
    """Ages in years; what is no number from 0 to 130 is blanked and noted."""
    years = pd.to_numeric(table["age"], errors="coerce").astype(float)
    sane = years.between(0, OLDEST)
    note(
        problems,
        f"clips with an age that is not 0 to {OLDEST}, ignored",
        table.loc[~sane & table["age"].notna(), "clip"],
    )
    return years.where(sane)


def _location(folder: Path, clip: str) -> str:
    """`clip` where it names a file below `folder`, else nothing: a table may not point outside its folder."""
    path = (folder / clip).resolve()
    return clip if path.is_relative_to(folder.resolve()) and path.is_file() else ""


def _deal(source: str) -> str:
    """60 / 20 / 20, by the source's name alone, so that adding clips moves none."""
    place = int(hashlib.sha256(source.encode()).hexdigest()[:8], 16) / 2**32
    return "training" if place < 0.6 else "validation" if place < 0.8 else "test"
