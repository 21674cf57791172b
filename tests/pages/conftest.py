"""A workspace for each test, and a server that has seen a request."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSONALITY_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def after_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest forgets at every run that st.navigation was called; a server does not. (The very first request to a
    server has its own test, in the browser.)"""
    begin = PagesManager.__init__

    def remember(self: PagesManager, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", remember)


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """What the model store froze when it loaded models may be collected again: a process of tests loads them often,
    and would keep every session that it drew."""
    yield
    gc.unfreeze()


@pytest.fixture
def go_public(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """From its call on strangers are served; after the test errors are told in full again, as to every other test."""
    details = st.get_option("client.showErrorDetails")
    yield lambda: monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    st.set_option("client.showErrorDetails", details)
