"""Pages of a public server take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.testing.v1 import AppTest

from personality.utils.public_mode import PUBLIC_MODE_VARIABLE
from server import page_turns
from server.page_turns import page_turn


def page() -> None:
    import streamlit as st

    from server.page_turns import page_turn

    @st.fragment(parallel=True)
    def part() -> None:
        with page_turn():
            st.text("fragment")

    with page_turn():
        part()
        st.text("page")


@contextmanager
def another_page() -> Iterator[None]:
    """Another page that is being computed."""
    with page_turns._PAGE_QUEUE.wait_for_slot(lambda place: None, "another address"):
        yield


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PUBLIC_MODE_VARIABLE, "1")


@pytest.mark.usefixtures("public")
def test_page_and_its_fragment_are_drawn_after_another_one() -> None:
    with another_page():
        app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert sorted(text.value for text in app.text) == ["fragment", "page"]


@pytest.mark.usefixtures("public")
def test_one_page_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = threading.Event()
    monkeypatch.setattr(page_turns, "end_run_of_lost_visitor", lambda place: waited.set())
    drawn = threading.Event()

    def draw() -> None:
        with page_turn():
            drawn.set()

    with another_page():
        thread = threading.Thread(target=draw)
        thread.start()
        assert waited.wait(10)
        assert not drawn.is_set()
    thread.join(10)
    assert drawn.is_set()


def test_a_private_server_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUBLIC_MODE_VARIABLE, raising=False)
    monkeypatch.setattr(page_turns, "end_run_of_lost_visitor", lambda place: pytest.fail("waited"))
    with another_page(), page_turn():
        pass
