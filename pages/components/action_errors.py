"""Show errors of a button's action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.components.plain_text import escape_markdown
from personality.utils.error_messages import describe_error


@contextmanager
def show_errors_as_toast() -> Iterator[None]:
    """Show an error raised in the block as a toast, which stays visible after the next rerun."""
    try:
        yield
    except (ValueError, OSError) as error:
        st.toast(escape_markdown(describe_error(error)), icon=":material/error:", duration="long")
