"""A session ends with its tab: at once where the browser says that it leaves, soon where the connection is lost.

Streamlit keeps a session for minutes after its connection has ended, so that a browser can come back to it, and with it
the clip, what the player plays and what was uploaded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit.runtime import Runtime

from personality.utils.public_mode import is_public
from server.asgi import ASGIApp, Message, Receive, Scope, Send, client_address, read_header, send_error_response
from server.connection_limits import BUSY_RETRY_SECONDS, NO_PAGE_SLOT_MESSAGE, PAGE_SLOTS
from server.limits import LOST_SESSION_SECONDS, PUBLIC_SERVER_LIMITS
from server.memory import return_free_memory
from server.uploads import delete_stale_uploads

TAB_CLOSED_CODES = (1000, 1001)  # how a browser ends a connection whose tab is closed, reloaded or led elsewhere
SWEEP_INTERVAL_SECONDS = 5.0  # seconds between two sweeps
_log = logging.getLogger("personality")


class SessionEndMiddleware:
    """Middleware: closes the session of a tab that says that it leaves. On a public server a page needs a place, for as
    long as its session is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        who = client_address(scope)
        if is_public() and not PAGE_SLOTS.has_free_slot(who):
            return await send_error_response(scope, send, 503, NO_PAGE_SLOT_MESSAGE, BUSY_RETRY_SECONDS)
        PAGE_SLOTS.acquire_slot(who)
        left = False
        try:
            left = await self._serve(scope, receive, send)
        finally:
            asyncio.get_running_loop().call_later(0 if left else LOST_SESSION_SECONDS, PAGE_SLOTS.release_slot, who)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve until the connection ends; whether its session was closed with it."""
        session: str | None = None
        pace = MessageRateLimiter(
            PUBLIC_SERVER_LIMITS.max_message_burst,
            PUBLIC_SERVER_LIMITS.message_interval_seconds if is_public() else 0.0,
        )

        async def watch() -> Message:
            nonlocal session
            message = await receive()
            await pace.wait()
            if message["type"] == "websocket.disconnect" and message.get("code") in TAB_CLOSED_CODES:
                session = find_session_id(scope)
            return message

        await self.app(scope, watch, send)
        if session is None:
            return False
        end_session(session)
        return True


class MessageRateLimiter:
    """So many messages at once, then one every so many seconds: each makes the server run a page."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self.ahead, self.seconds = at_once * seconds, seconds
        self.due = 0.0  # when the next message would be due, were there none at once

    async def wait(self) -> None:
        """Wait until the next message may pass."""
        now = time.monotonic()
        self.due = max(self.due, now) + self.seconds
        await asyncio.sleep(max(0.0, self.due - now - self.ahead))


def find_session_id(scope: Scope) -> str | None:
    """The session of an open WebSocket, known by the random key that each handshake has."""
    key = read_header(scope, b"sec-websocket-key")
    for one in Runtime.instance()._session_mgr.list_active_sessions():
        context = one.client.client_context
        if context is not None and ("sec-websocket-key", key) in [*context.headers]:
            return one.session.id
    return None


def end_session(session: str) -> None:
    """End a session and let go of what it holds. The session itself may stay: the collector of garbage does not look at
    what was there when the models were loaded (`pages/components/model_store.py`)."""
    runtime = Runtime.instance()
    known = runtime._session_mgr.get_session_info(session)
    runtime.close_session(session)
    if known is not None:
        known.session.session_state.clear()


@asynccontextmanager
async def cleanup_lifespan(_app: object) -> AsyncIterator[None]:
    """While the server runs, close abandoned sessions, drop uploads that no page took, and give back the
    memory of what was let go of."""
    task = asyncio.create_task(_clean_up_periodically())
    try:
        yield
    finally:
        task.cancel()


async def _clean_up_periodically() -> None:
    lost: dict[str, float] = {}  # session: when it was first seen without a connection
    uploads: dict[tuple[str, str], float] = {}  # session and file: when it was first seen
    while True:
        await asyncio.sleep(SWEEP_INTERVAL_SECONDS)
        try:
            lost = end_lost_sessions(lost, time.monotonic())
            uploads = delete_stale_uploads(uploads, time.monotonic())
            await asyncio.to_thread(return_free_memory)
        except Exception:
            _log.exception("sweeping failed")


def end_lost_sessions(lost: dict[str, float], now: float) -> dict[str, float]:
    """Close the sessions that lost their connection `LOST_SESSION_SECONDS` seconds ago; returns those that wait,
    with since when."""
    manager = Runtime.instance()._session_mgr
    active = {one.session.id for one in manager.list_active_sessions()}
    gone = {one.session.id for one in manager.list_sessions()} - active
    lost = {one: lost.get(one, now) for one in gone}
    over = [one for one, since in lost.items() if now - since >= LOST_SESSION_SECONDS]
    for one in over:
        end_session(one)
    return {one: since for one, since in lost.items() if one not in over}
