"""Uploaded tables, read in a separate process."""

import pandas as pd
import pytest

from personality.assets import demo
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.tables.sandbox import read_table_in_sandbox


def test_sandbox_returns_the_same_table() -> None:
    pd.testing.assert_frame_equal(
        read_table_in_sandbox(demo.DEMO_PREDICTIONS_FILE.read_bytes(), "t"), read_table(demo.DEMO_PREDICTIONS_FILE)
    )


def test_invalid_table_raises_the_same_error() -> None:
    with pytest.raises(TableError, match=r"^t cannot be read: it is empty\.$"):
        read_table_in_sandbox(b"", "t")


def test_exceeded_limit_raises_clear_error() -> None:
    """The imports of the process alone exceed the minimum limit of one second of processor time."""
    with pytest.raises(TableError, match=r"^t cannot be read: .* the process that read it ended\.$"):
        read_table_in_sandbox(demo.DEMO_PREDICTIONS_FILE.read_bytes(), "t", seconds=0)
