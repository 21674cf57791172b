"""The error for tables that cannot be read, and the check of sizes."""

from __future__ import annotations


class TableError(ValueError):
    """Table that cannot be read or interpreted."""


def check_table_size(what: str, found: int, most: int) -> None:
    """Raise TableError if there are more than `most` of something."""
    if found > most:
        raise TableError(f"it has {found:,} {what}; at most {most:,} can be read")
