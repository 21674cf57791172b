"""Pages that one address opens quickly."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from personality.utils.public_mode import PUBLIC_MODE_VARIABLE
from server import sessions
from server.asgi import Receive, Scope, Send
from server.limits import PUBLIC_SERVER_LIMITS


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no page is served here")


def open_pages(middleware: sessions.SessionEndMiddleware, *clients: str) -> tuple[list[bool], float]:
    """Whether pages that these addresses open at the same time are allowed, and the seconds until all are decided."""

    async def wait_for_all() -> list[Any]:
        return await asyncio.gather(*(middleware._wait_for_page(client) for client in clients))

    start = time.monotonic()
    return asyncio.run(wait_for_all()), time.monotonic() - start


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(PUBLIC_SERVER_LIMITS, max_pages_per_address=2, page_interval_seconds=0.5, max_page_delay_seconds=0.7)
    monkeypatch.setattr(sessions, "PUBLIC_SERVER_LIMITS", few)


@pytest.mark.usefixtures("limits")
def test_pages_of_an_address_are_delayed_after_a_burst_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PUBLIC_MODE_VARIABLE, "1")
    middleware = sessions.SessionEndMiddleware(serve)
    allowed, seconds = open_pages(middleware, "a", "a", "a", "a", "a", "b")
    assert allowed == [True, True, True, True, False, True]  # the fifth would have to wait for 1.5 seconds
    assert 0.9 <= seconds < 5


@pytest.mark.usefixtures("limits")
def test_pages_of_a_private_server_are_not_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUBLIC_MODE_VARIABLE, raising=False)
    allowed, seconds = open_pages(sessions.SessionEndMiddleware(serve), *"aaaaaaaaaa")
    assert all(allowed)
    assert seconds < 0.5
