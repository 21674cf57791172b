"""Anyone's own videos: a folder with `clips.csv` and the files it names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from personality.dataset.index import BASE_COLUMNS, SPLITS, Dataset, DatasetError, check_labels, note, source_of
from personality.traits import GENDERS, TRAIT_NAMES

TABLE = "clips.csv"


def read_tabular(folder: Path) -> Dataset:
    """The dataset of `clips.csv`: `clip` is a path below the folder (video or still), then the five traits.

    `source` and `split` are optional: a clip's source is its name without running number, and sources are dealt
    60 / 20 / 20 by their name. Every further column becomes an attribute. Raises DatasetError where the table cannot
    be read or lacks a column.
    """
    try:
        table = pd.read_csv(folder / TABLE, dtype={"clip": str, "source": str})
    except (ValueError, UnicodeDecodeError) as error:
        raise DatasetError(f"{TABLE} cannot be read as comma-separated text in UTF-8.") from error
    missing = [column for column in ("clip", *TRAIT_NAMES) if column not in table]
    if missing:
        raise DatasetError(
            f"{TABLE} lacks the column {missing[0]}; wanted clip, {', '.join(TRAIT_NAMES)} and any others."
        )
    problems: dict[str, list[str]] = {}
    table = check_labels(table.dropna(subset="clip"), problems)
    table["location"] = [_location(folder, clip) for clip in table["clip"]]
    note(problems, "labels without a clip file", table.loc[table["location"] == "", "clip"])
    note(problems, "clips without labels", table.loc[table[list(TRAIT_NAMES)].isna().any(axis=1), "clip"])
    if "source" not in table:
        table["source"] = table["clip"].map(source_of)
    if "split" not in table:
        table["split"] = table["source"].map(_deal)
    _check_words(table, "split", SPLITS)
    if "gender" in table:
        table["gender"] = table["gender"].str.lower()
        _check_words(table, "gender", GENDERS)
    others = [column for column in table.columns if column not in BASE_COLUMNS]
    return Dataset(folder.name, folder, table[[*BASE_COLUMNS, *others]], problems)


def _location(folder: Path, clip: str) -> str:
    """`clip` where it names a file below `folder`, else nothing: a table may not point outside its folder."""
    path = (folder / clip).resolve()
    return clip if path.is_relative_to(folder.resolve()) and path.is_file() else ""


def _deal(source: str) -> str:
    """60 / 20 / 20, by the source's name alone, so that adding clips moves none."""
    place = int(hashlib.sha256(source.encode()).hexdigest()[:8], 16) / 2**32
    return "training" if place < 0.6 else "validation" if place < 0.8 else "test"


def _check_words(table: pd.DataFrame, column: str, allowed: tuple[str, ...]) -> None:
    strange = sorted({str(value) for value in table[column].dropna()} - set(allowed))
    if strange:
        raise DatasetError(f"{TABLE} has {strange[0]!r} in {column}; wanted {', '.join(allowed)}.")
