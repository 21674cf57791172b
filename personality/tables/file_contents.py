"""The contents of a file as lines of text: groups, datasets and attributes of HDF5, columns of other tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from personality.tables.errors import TableError
from personality.tables.hdf5 import HDF5_SUFFIXES, Hdf5Item, list_hdf5
from personality.tables.reader import read_table

MAX_MEMBERS_LISTED = 5  # of a group with a dataset per clip


def describe_table_file(path: Path) -> Iterator[str]:
    """Describe a file line by line.

    Raises
    ------
    TableError
        The file cannot be read, is not a table, or exceeds the limits.
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        try:
            yield from _describe_hdf5(list_hdf5(path))
        except TableError as error:
            raise TableError(f"{path.name} cannot be read: {error}.") from error
        return
    table = read_table(path)
    yield f"{len(table):,} rows"
    for name, values in table.items():
        yield f"{name}  {values.dtype}  {values.isna().sum():,} missing"


def _describe_hdf5(items: list[Hdf5Item]) -> Iterator[str]:
    """A line per item; of many datasets in a group, the first ones."""
    listed: dict[str, int] = {}
    for item in items:
        group = item.path.rpartition("/")[0]
        listed[group] = listed.get(group, 0) + 1
        if listed[group] == MAX_MEMBERS_LISTED + 1 and group:
            yield f"{group}/...  and others"
        if listed[group] <= MAX_MEMBERS_LISTED or item.shape is None or not group:
            yield _describe_line(item)


def _describe_line(item: Hdf5Item) -> str:
    kind = f"group of {item.members:,}" if item.shape is None else f"{item.dtype} {item.shape}"
    attributes = "".join(f"  {name}={value}" for name, value in item.attributes.items())
    return f"{item.path}  {kind}{attributes}"
