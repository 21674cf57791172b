"""The one error of this package, and the check of a size against its bound."""

from __future__ import annotations


class TableError(ValueError):
    """A table that cannot be used; the message says what was found and what is expected."""


def check_table_size(what: str, found: int, most: int) -> None:
    """Raise TableError where there are more than `most` of something."""
    if found > most:
        raise TableError(f"it has {found:,} {what}; at most {most:,} can be read")
