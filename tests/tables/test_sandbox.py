"""Uploaded tables, read by a process of their own."""

import pandas as pd
import pytest

from personality.assets import demo
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.tables.sandbox import read_table_in_sandbox


def test_a_table_comes_back_as_it_is() -> None:
    pd.testing.assert_frame_equal(
        read_table_in_sandbox(demo.DEMO_PREDICTIONS_FILE.read_bytes(), "t"), read_table(demo.DEMO_PREDICTIONS_FILE)
    )


def test_what_is_no_table_is_the_same_sentence() -> None:
    with pytest.raises(TableError, match=r"^t cannot be read: it is empty\.$"):
        read_table_in_sandbox(b"", "t")


def test_a_process_that_passes_a_limit_costs_one_sentence() -> None:
    """Its imports alone take more than the second of processor time that the system grants at least."""
    with pytest.raises(TableError, match=r"^t cannot be read: .* the process that read it ended\.$"):
        read_table_in_sandbox(demo.DEMO_PREDICTIONS_FILE.read_bytes(), "t", seconds=0)
