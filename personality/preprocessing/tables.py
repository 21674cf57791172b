"""Tables of features that somebody computed (descriptors, embeddings, action units), kept in a cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from personality.preprocessing.cache import Cache, CacheError
from personality.storage import atomic_path

CLIP_COLUMNS = ("clip", "videoname", "name", "file")  # in any case; what a table may call its clips
NAME = re.compile(r"[a-z0-9_]+")


def read_table_files(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of CSV or parquet files together, indexed by clip.

    Raises CacheError where a file cannot be read, has no column of clips, or has other columns than the first.
    """
    tables = [_read_one(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if set(table.columns) != set(tables[0].columns):
            strange = sorted(map(str, set(table.columns) ^ set(tables[0].columns)))[0]
            raise CacheError(f"{path.name} and {paths[0].name} have not the same columns: {strange}.")
    return pd.concat(tables)


def _read_one(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise CacheError(f"{path} cannot be read; wanted a table as CSV in UTF-8 or as parquet.") from error
    named = [column for column in table.columns if str(column).lower() in CLIP_COLUMNS]
    table = table[[column for column in table if not str(column).startswith("Unnamed: ")]]  # pandas' own row numbers
    if table.index.name == "clip":
        return table
    if not named:
        raise CacheError(f"{path.name} has no column of clips; wanted one called clip or VideoName.")
    return table.set_index(named[0]).rename_axis("clip")


def add_table(cache: Cache, name: str, table: pd.DataFrame) -> int:
    """Keep `table` (indexed by clip, numbers only) in the cache as `name`, in place of one of that name.

    A column called `group/name` belongs to a group; groups weigh the same in a model, whatever their number of
    columns. Rows with a figure that is not finite are left out; returns their number. Raises CacheError where the
    table cannot be used.
    """
    if not NAME.fullmatch(name):
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
    cache.forget(name)
    return len(table) - len(whole)
