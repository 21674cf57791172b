"""Fixtures: a workspace for each test, and a server that has already handled a request."""

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
    """Keep the effect of st.navigation, which AppTest resets at every run, unlike a server.

    The first request to a server has its own test in tests/browser.
    """
    original = PagesManager.__init__

    def initialise(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", initialise)


@pytest.fixture(autouse=True)
def unfreeze_garbage() -> Iterator[None]:
    """Undo the gc.freeze of the model store, which would keep the memory of every session in a test process."""
    yield
    gc.unfreeze()


@pytest.fixture
def go_public(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A function that switches to public mode; after the test, error details are shown again."""
    details = st.get_option("client.showErrorDetails")
    yield lambda: monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    st.set_option("client.showErrorDetails", details)
