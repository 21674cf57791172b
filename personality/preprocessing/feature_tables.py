"""Feature tables computed elsewhere (descriptors, embeddings, action units), stored in a cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from personality.constants import LIMITS
from personality.dataset.safe_pickle import read_transcription
from personality.preprocessing.cache import Cache, CacheError
from personality.tables.cells import as_numbers, as_text
from personality.tables.clip_names import match_clips
from personality.tables.columns import CLIP_COLUMN_NAMES, UNNAMED_COLUMN_PREFIX, find_column
from personality.tables.delimited import decode_text
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.utils.atomic_files import atomic_path

TRANSCRIPT_SUFFIX = ".txt"
TABLE_NAME_PATTERN = re.compile(r"[a-z0-9_]+")


def read_table_files(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of CSV or parquet files together, indexed by clip.

    Raises CacheError where a file cannot be read, has no column of clips, or has other columns than the first.
    """
    tables = [_read_feature_table(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if set(table.columns) != set(tables[0].columns):
            strange = sorted(map(str, set(table.columns) ^ set(tables[0].columns)))[0]
            raise CacheError(f"{path.name} and {paths[0].name} have not the same columns: {strange}.")
    return pd.concat(tables)


def _read_feature_table(path: Path) -> pd.DataFrame:
    try:
        table = read_table(path)
        table = table.drop(columns=[name for name in table if name.startswith(UNNAMED_COLUMN_PREFIX)])
        clip = find_column(list(table.columns), CLIP_COLUMN_NAMES)
    except TableError as error:
        raise CacheError(str(error)) from error
    if clip is None:
        raise CacheError(f"{path.name} has no column of clips; expected one called clip or VideoName.")
    return table.set_index(as_text(table.pop(clip))).rename_axis("clip").apply(_parse_numeric_column)


def _parse_numeric_column(values: pd.Series) -> pd.Series:
    """A column as numbers where it holds any, otherwise as it is, for `add_table` to name."""
    try:
        return values if pd.api.types.is_numeric_dtype(values) else as_numbers(values)
    except TableError:
        return values


def read_transcript_files(paths: Sequence[Path], clips: Sequence[str]) -> dict[str, str]:
    """{clip: text} from First Impressions' transcription pickles, and from text files each named after its clip.

    Raises DatasetError for a pickle that is none, CacheError where a text file cannot be read or is of no clip.
    """
    texts: dict[str, str] = {}
    named = match_clips([path.stem for path in paths], clips)
    for path in paths:
        if path.suffix.lower() != TRANSCRIPT_SUFFIX:
            texts |= read_transcription(path)
        elif (clip := named[path.stem]) is None:
            raise CacheError(f"{path.name} is the text of no clip; this cache has {clips[0]!r}, for instance.")
        else:
            texts[clip] = _read_transcript_file(path)
    return texts


def _read_transcript_file(path: Path) -> str:
    try:
        if path.stat().st_size > LIMITS.annotation_bytes:
            raise CacheError(f"{path.name} has over {LIMITS.annotation_bytes // 2**20} MB; expected a transcript.")
        return decode_text(path.read_bytes())
    except (OSError, TableError) as error:
        raise CacheError(f"{path.name} cannot be read: {error}.") from error


def add_table(cache: Cache, name: str, table: pd.DataFrame) -> int:
    """Keep `table` (indexed by clip, numbers only) in the cache as `name`, in place of one of that name.

    A column called `group/name` belongs to a group; groups weigh the same in a model, whatever their number of
    columns. Rows with a figure that is not finite are left out; returns their number. Raises CacheError where the
    table cannot be used.
    """
    if not TABLE_NAME_PATTERN.fullmatch(name):
        raise CacheError(f"A table is called by small letters, figures and _; got {name!r}.")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise CacheError(f"The table {name} has {twice} twice; each clip may occur once.")
    words = [str(column) for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    if words or not len(table.columns):
        raise CacheError(f"The table {name} wants columns of numbers; {', '.join(words[:3]) or 'it has none'}.")
    empty = [str(column) for column in table if table[column].isna().all()]
    if empty:
        raise CacheError(f"The column {empty[0]} of the table {name} is empty; leave it out.")
    whole = table.astype(np.float32)
    whole = whole[np.isfinite(whole.to_numpy()).all(axis=1)]
    known = whole.index.isin(cache.clips["clip"])
    if not known.any():
        raise CacheError(f"No clip of the table {name} is in {cache.folder}; are the clips' names the same?")
    path = cache.table_path(name)
    path.parent.mkdir(exist_ok=True)
    with atomic_path(path) as temporary:
        whole.rename(columns=str).to_parquet(temporary)
    cache.invalidate_table(name)
    return len(table) - len(whole)
