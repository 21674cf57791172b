"""What a button does, which the system may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.components.plain_text import escape_markdown
from personality.utils.error_messages import describe_error


@contextmanager
def show_errors_as_toast() -> Iterator[None]:
    """Do what is in the block; what goes wrong there is a sentence that outlives the next drawing."""
    try:
        yield
    except (ValueError, OSError) as error:
        st.toast(escape_markdown(describe_error(error)), icon=":material/error:", duration="long")
