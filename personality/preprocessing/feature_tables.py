"""Feature tables computed elsewhere (descriptors, embeddings, action units), stored in a cache."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from personality.constants import LIMITS
from personality.dataset.safe_pickle import read_transcription
from personality.preprocessing.cache import Cache, CacheError
from personality.tables.cells import as_numbers, as_text
from personality.tables.clip_names import match_clips
from personality.tables.columns import (
    CLIP_COLUMN_NAMES,
    SPLIT_SYNONYMS,
    UNNAMED_COLUMN_PREFIX,
    find_column,
    match_synonyms,
)
from personality.tables.delimited import decode_text
from personality.tables.errors import TableError
from personality.tables.hdf5 import read_hdf5_features, read_hdf5_splits
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


def read_hdf5_table(
    path: Path, cache: Cache, features: Sequence[str], *, clips: str | None = None, splits: str | None = None
) -> pd.DataFrame:
    """Features of an HDF5 file, as `read_hdf5_features`, for the clips of the cache, whose names may differ in path and
    extension. `splits` names a dataset of splits, which must be those of the cache.

    Raises CacheError where the file cannot be read, or a clip is in another split than in the cache.
    """
    try:
        table = read_hdf5_features(path, features, clips)
        given = None if splits is None or clips is None else read_hdf5_splits(path, clips, splits)
    except TableError as error:
        raise CacheError(f"{path.name} cannot be read: {error}.") from error
    names = match_clips(table.index, cache.clips["clip"])
    if given is not None:
        _check_splits(cache, given.rename(index=names), path.name)
    return table[[names[clip] is not None for clip in table.index]].rename(index=names)


def _check_splits(cache: Cache, given: pd.Series, name: str) -> None:
    """Raise CacheError where a file names another split of a clip than the cache does."""
    found = match_synonyms(given[given.index.isin(cache.clips["clip"])], SPLIT_SYNONYMS)
    both = pd.DataFrame({"given": found, "own": cache.clips.set_index("clip")["split"]}).dropna()
    differ = both[both["given"] != both["own"]]
    if both.empty:
        raise CacheError(f"No clip of {name} has a known split; expected training, validation or test.")
    if len(differ):
        raise CacheError(
            f"{len(differ):,} of {len(both):,} clips are in another split in {name} than in the cache, such as "
            f"{differ.index[0]} in {differ['given'].iloc[0]}; use the same splits, so that no feature is evaluated on "
            "the clips that it was fitted to."
        )


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
    write_feature_table(cache, name, whole.rename(columns=str))
    return len(table) - len(whole)


def write_feature_table(cache: Cache, name: str, table: pd.DataFrame) -> None:
    """Write a table of features, indexed by clip, in place of one of that name."""
    path = cache.table_path(name)
    path.parent.mkdir(exist_ok=True)
    with atomic_path(path) as temporary:
        table.to_parquet(temporary)
    cache.invalidate_table(name)


def write_transcripts(cache: Cache, texts: Mapping[str, str]) -> None:
    """Keep the texts of clips of the cache, for encoders of words."""
    known = set(cache.clips["clip"])
    kept = pd.Series({clip: text for clip, text in texts.items() if clip in known}, name="text", dtype=str)
    with atomic_path(cache.transcripts_path) as temporary:
        kept.rename_axis("clip").to_frame().to_parquet(temporary)
