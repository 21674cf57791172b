"""Bounded reading of HDF5 files: a list of their contents, and tables of features. The only module that imports h5py.

Files may be untrusted: links to other files, data in other files and filters that are not part of HDF5 are
refused, and sizes are checked before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from personality.constants import table_limits
from personality.tables.errors import TableError, check_table_size

if TYPE_CHECKING:
    import h5py

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_SUFFIXES = (".h5", ".hdf5")
MAX_HDF5_ITEMS = 200_000  # maximum number of groups and datasets in a file
MAX_HDF5_CHUNK_BYTES = 256 * 2**20  # maximum size of a chunk, which is decompressed as a whole
MAX_SHOWN_VALUES = 8  # maximum number of values shown of an attribute
BUILT_IN_FILTERS = {1, 2, 3, 32000}  # deflate, shuffle, fletcher32, lzf; others would load plugins from disk
BLOCK_BYTES = 64 * 2**20  # size of the blocks in which a sequence feature is read
POOLED_FIGURES = ("mean", "deviation")


@dataclass(frozen=True)
class Hdf5Item:
    """A group or a dataset of a file: its path, shape and dtype (of a dataset), attributes, and number of members (of
    a group)."""

    path: str
    shape: tuple[int, ...] | None
    dtype: str
    attributes: dict[str, str]
    members: int


def list_hdf5(path: Path) -> list[Hdf5Item]:
    """The groups and datasets of a file, in the order of their paths.

    Raises
    ------
    TableError
        The file is not an HDF5 file, is damaged, is too large or refers to other files, or h5py is not installed.
    """
    with _open_hdf5(path) as file:
        return [_describe_item(name, item) for name, item in sorted(_walk(file).items())]


def read_hdf5_features(path: Path, features: Sequence[str], clips: str | None) -> pd.DataFrame:
    """Read features of clips.

    Parameters
    ----------
    path : Path
        An HDF5 file.
    features : sequence of str
        Names of features: paths in the file, or their unique endings. A feature is a dataset of numbers with a row per
        clip, (N, D) or (N,), of sequences (N, T, D), or a group with a dataset per clip, (D,) or (T, D). Of a sequence
        over time, the mean and the standard deviation of its steps are read; steps that are zero or not finite are
        padding.
    clips : str, optional
        The dataset with the names of the clips (N,); only groups of clips do not require it.

    Returns
    -------
    DataFrame
        float32, indexed by clip, columns `FEATURE/NUMBER`; the clips that all features have.

    Raises
    ------
    TableError
        As `list_hdf5`; or a name is missing or ambiguous, or a feature has another shape.
    """
    with _open_hdf5(path) as file:
        items = _walk(file)
        names = None if clips is None else _read_texts(*_find_item(items, clips))
        tables = [_read_feature(*_find_item(items, feature), names) for feature in features]
        table = pd.concat(tables, axis=1, join="inner")
    check_table_size("columns", table.shape[1], table_limits().columns)
    return table.rename_axis("clip")


def read_hdf5_splits(path: Path, clips: str, splits: str) -> pd.Series:
    """The split of each clip as the file names it, indexed by clip. Raises TableError as `read_hdf5_features`."""
    with _open_hdf5(path) as file:
        items = _walk(file)
        names, values = (_read_texts(*_find_item(items, name)) for name in (clips, splits))
    if len(names) != len(values):
        raise TableError(f"{splits} has {len(values):,} values for the {len(names):,} clips of {clips}")
    return pd.Series(values, pd.Index(names, name="clip"))


@contextmanager
def _open_hdf5(path: Path) -> Iterator[h5py.File]:
    try:
        import h5py
    except ImportError as error:
        raise TableError(f"{path.name} requires h5py; `pip install h5py`") from error
    try:
        with path.open("rb") as raw:
            if not raw.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
                raise TableError(f"{path.name} is not an HDF5 file")
        with h5py.File(path, "r") as file:
            yield file
    # h5py raises one of these errors for damaged files.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        if isinstance(error, TableError | FileNotFoundError | PermissionError):
            raise
        raise TableError(f"{path.name} is a damaged HDF5 file: {' '.join(str(error).split())[:200]}") from error


def _walk(file: h5py.File) -> dict[str, Any]:
    """Every group and dataset by its path; each object occurs once, so that cycles end."""
    import h5py

    found: dict[str, Any] = {}
    seen, waiting = {h5py.h5o.get_info(file.id).addr}, [("", file)]
    while waiting:
        path, group = waiting.pop()
        check_table_size("groups and datasets", len(found) + len(group), MAX_HDF5_ITEMS)
        for name in group:
            place = f"{path}/{name}".lstrip("/")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise TableError(f"{place[:100]} is a link to another place; links are not followed: copy the data")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            found[place] = item
            if isinstance(item, h5py.Group):
                waiting.append((place, item))
    return found


def _describe_item(path: str, item: Any) -> Hdf5Item:
    attributes = {str(name): _describe_attribute(item.attrs, name) for name in item.attrs}
    if hasattr(item, "shape"):
        return Hdf5Item(path, item.shape, str(item.dtype), attributes, 0)
    return Hdf5Item(path, None, "", attributes, len(item) if hasattr(item, "keys") else 0)


def _describe_attribute(attributes: h5py.AttributeManager, name: str) -> str:
    size = attributes.get_id(name).get_storage_size()
    if size > table_limits().characters:
        return f"{size:,} bytes"
    values = np.atleast_1d(attributes[name]).ravel().tolist()
    shown = [one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in values]
    rest = f" and {len(values) - MAX_SHOWN_VALUES:,} more" if len(values) > MAX_SHOWN_VALUES else ""
    return ", ".join(shown[:MAX_SHOWN_VALUES]) + rest


def _find_item(items: dict[str, Any], name: str) -> tuple[str, Any]:
    """The item of a path, or the only one whose path ends with the name."""
    wanted = name.strip("/")
    found = [wanted] if wanted in items else [path for path in items if path.endswith(f"/{wanted}")]
    if len(found) != 1:
        those = f"it has {len(found)}: {', '.join(sorted(found)[:3])}" if found else "`personality inspect` lists all"
        raise TableError(f"expected one group or dataset called {name[:100]}; {those}")
    return found[0], items[found[0]]


def _check_dataset(path: str, item: Any) -> None:
    """Raise TableError unless a dataset is in the file itself, compressed by HDF5's own filters, and not too large."""
    import h5py

    if not isinstance(item, h5py.Dataset):
        raise TableError(f"{path} is a group; expected a dataset")
    if item.is_virtual or item.external:
        raise TableError(f"{path} has its data in other files, which are not read; copy them into one file")
    plist = item.id.get_create_plist()
    filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
    if not filters <= BUILT_IN_FILTERS:
        raise TableError(f"{path} is compressed by the filter {min(filters - BUILT_IN_FILTERS)}; rewrite it with gzip")
    width = max(item.dtype.itemsize, 1)
    check_table_size(f"bytes in {path}", item.size * width, table_limits().memory_bytes)
    chunk = int(np.prod(item.chunks, dtype=object)) * width if item.chunks else 0
    check_table_size(f"bytes in a chunk of {path}", chunk, MAX_HDF5_CHUNK_BYTES)


def _read_texts(path: str, item: Any) -> list[str]:
    """A dataset of text (N,)."""
    import h5py

    _check_dataset(path, item)
    if item.ndim != 1 or h5py.check_string_dtype(item.dtype) is None:
        raise TableError(f"{path} is {item.dtype} {item.shape}; expected text (N,)")
    check_table_size("rows", len(item), table_limits().rows)
    texts = []
    for row in range(len(item)):  # one at a time: many rows may refer to the same long text
        text = item[row]
        check_table_size(f"characters in a row of {path}", len(text), table_limits().characters)
        texts.append(text.decode(errors="replace") if isinstance(text, bytes) else str(text))
    return texts


def _read_feature(path: str, item: Any, clips: list[str] | None) -> pd.DataFrame:
    """A feature as columns `NAME/NUMBER`, indexed by clip."""
    import h5py

    name = path.rpartition("/")[2]
    if isinstance(item, h5py.Group):
        return _read_feature_of_group(path, item, name)
    if clips is None:
        raise TableError(f"{path} has a row per clip; name the dataset of their names with --clips")
    _check_numbers(path, item, (1, 2, 3))
    if len(item) != len(clips):
        raise TableError(f"{path} has {len(item):,} rows for {len(clips):,} clips")
    if item.ndim == 3:
        return _to_feature_table(_pool_rows(item), clips, name, pooled=True)
    return _to_feature_table(item[()].astype(np.float32).reshape(len(item), -1), clips, name)


def _read_feature_of_group(path: str, group: h5py.Group, name: str) -> pd.DataFrame:
    check_table_size("rows", len(group), table_limits().rows)
    rows, dimensions = {}, set()
    for clip in group:
        _check_numbers(f"{path}/{clip}", group[clip], (1, 2))
        values = group[clip][()].astype(np.float32)
        dimensions.add((values.ndim, values.shape[-1]))
        rows[clip] = _pool_steps(values) if values.ndim == 2 else values
        if len(dimensions) > 1:
            raise TableError(f"the datasets of {path} differ in shape: {values.shape} for {clip}")
    if not rows:
        raise TableError(f"{path} is empty; expected a dataset per clip")
    ((ndim, _),) = dimensions
    return _to_feature_table(np.stack([*rows.values()]), list(rows), name, pooled=ndim == 2)


def _check_numbers(path: str, item: Any, dimensions: tuple[int, ...]) -> None:
    _check_dataset(path, item)
    if item.dtype.kind not in "fiub" or item.ndim not in dimensions or 0 in item.shape:
        raise TableError(f"{path} is {item.dtype} {item.shape}; expected numbers with a row per clip")


def _pool_rows(item: h5py.Dataset) -> np.ndarray:
    """Sequences (N, T, D) as float32 (N, 2 D), read in blocks of clips."""
    size = max(1, BLOCK_BYTES // max(1, item.shape[1] * item.shape[2] * 4))
    blocks = (item[start : start + size].astype(np.float32) for start in range(0, len(item), size))
    return np.stack([_pool_steps(steps) for block in blocks for steps in block])


def _pool_steps(steps: np.ndarray) -> np.ndarray:
    """The mean and standard deviation, float32 (2 D,), of the steps (T, D) that are no padding; NaN without any."""
    real = steps[np.isfinite(steps).all(1) & steps.any(1)]
    if not len(real):
        return np.full(2 * steps.shape[1], np.nan, np.float32)
    return np.concatenate([real.mean(0), real.std(0)])


def _to_feature_table(values: np.ndarray, clips: list[str], name: str, *, pooled: bool = False) -> pd.DataFrame:
    if len(set(clips)) < len(clips):
        raise TableError(f"the clip {max(clips, key=clips.count)} occurs twice")
    count = values.shape[1] // 2 if pooled else values.shape[1]
    columns = [f"{figure} {n}" for figure in POOLED_FIGURES for n in range(count)] if pooled else range(count)
    return pd.DataFrame(values, pd.Index(clips, name="clip"), [f"{name}/{column}" for column in columns])
