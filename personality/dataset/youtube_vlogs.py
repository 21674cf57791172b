"""The YouTube Personality dataset as distributed: impressions and gender of 404 vloggers, without their videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from personality.dataset.index import Dataset, DatasetError
from personality.dataset.tabular import dataset_from_labels
from personality.tables.cells import as_text
from personality.tables.columns import (
    CLIP_COLUMN_NAMES,
    GENDER_COLUMN_NAMES,
    GENDER_SYNONYMS,
    find_column,
    match_synonyms,
)
from personality.tables.errors import TableError
from personality.tables.reader import read_table

VLOG_SCORES_FILE = "YouTube-Personality-Personality_impression_scores.csv"
VLOG_GENDER_FILE = "YouTube-Personality-gender.csv"
VLOG_RATING_SCALE = (1.0, 7.0)  # scale of the Ten-Item Personality Inventory; scores are means of five raters


def find_youtube_vlogs(folder: Path) -> Path | None:
    """Return the file of impression scores below `folder`, or None if there is none."""
    return next(folder.rglob(VLOG_SCORES_FILE), None)


def read_youtube_vlogs(folder: Path) -> Dataset:
    """Read the dataset below `folder`: a clip and a source per vlog, assigned to splits by a hash of its name.

    Audiovisual cues and transcripts of the vlogs are added as features with `add-table` and `add-text`.

    Raises
    ------
    DatasetError
        If there are no impression scores, or a file cannot be read.

    References
    ----------
    Biel, J.-I. and Gatica-Perez, D. (2013): The YouTube lens: crowdsourced personality impressions and audiovisual
    analysis of vlogs. IEEE Transactions on Multimedia 15(1), 41-55.
    """
    file = find_youtube_vlogs(folder)
    if file is None:
        raise DatasetError(f"{folder} has no {VLOG_SCORES_FILE}.")
    try:
        labels = dataset_from_labels(read_table(file), file.name, scale=VLOG_RATING_SCALE)
        genders = _read_vlog_genders(file.with_name(VLOG_GENDER_FILE))
    except TableError as error:
        raise DatasetError(str(error)) from error
    table = labels.table.assign(gender=labels.table["clip"].map(genders))
    return replace(labels, name=folder.name, root=folder, table=table)


def _read_vlog_genders(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    table = read_table(file)
    clip, gender = (find_column(list(table.columns), names) for names in (CLIP_COLUMN_NAMES, GENDER_COLUMN_NAMES))
    if clip is None or gender is None:
        raise TableError(f"{file.name} has no column for the vlog or the gender; it has {', '.join(table.columns)}.")
    return dict(zip(as_text(table[clip]), match_synonyms(table[gender], GENDER_SYNONYMS), strict=True))
