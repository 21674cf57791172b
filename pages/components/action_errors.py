"""What a button does, which the system may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.components.plain_text import plain
from personality.utils.error_messages import sentence


@contextmanager
def attempt() -> Iterator[None]:
    """Do what is in the block; what goes wrong there is a sentence that outlives the next drawing."""
    try:
        yield
    except (ValueError, OSError) as error:
        st.toast(plain(sentence(error)), icon=":material/error:", duration="long")
