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
from server.asgi import App, Message, Receive, Scope, Send, address, header, refuse
from server.connection_limits import FULL, PAGES, RETRY
from server.limits import KEPT, VISITS
from server.memory import return_freed
from server.uploads import sweep_uploads

LEFT = (1000, 1001)  # how a browser ends a connection whose tab is closed, reloaded or led elsewhere
LOOK = 5.0  # seconds between two sweeps
_log = logging.getLogger("personality")


class Sessions:
    """Middleware: closes the session of a tab that says that it leaves. On a public server a page needs a place, for as
    long as its session is kept."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        who = address(scope)
        if is_public() and not PAGES.free(who):
            return await refuse(scope, send, 503, FULL, RETRY)
        PAGES.take(who)
        left = False
        try:
            left = await self._serve(scope, receive, send)
        finally:
            asyncio.get_running_loop().call_later(0 if left else KEPT, PAGES.give_back, who)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve until the connection ends; whether its session was closed with it."""
        session: str | None = None
        pace = Pace(VISITS.messages_at_once, VISITS.message_seconds if is_public() else 0.0)

        async def watch() -> Message:
            nonlocal session
            message = await receive()
            await pace.wait()
            if message["type"] == "websocket.disconnect" and message.get("code") in LEFT:
                session = session_of(scope)
            return message

        await self.app(scope, watch, send)
        if session is None:
            return False
        close(session)
        return True


class Pace:
    """So many messages at once, then one every so many seconds: each makes the server run a page."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self.ahead, self.seconds = at_once * seconds, seconds
        self.due = 0.0  # when the next message would be due, were there none at once

    async def wait(self) -> None:
        """Wait until the next message may pass."""
        now = time.monotonic()
        self.due = max(self.due, now) + self.seconds
        await asyncio.sleep(max(0.0, self.due - now - self.ahead))


def session_of(scope: Scope) -> str | None:
    """The session of an open WebSocket, known by the random key that each handshake has."""
    key = header(scope, b"sec-websocket-key")
    for one in Runtime.instance()._session_mgr.list_active_sessions():
        context = one.client.client_context
        if context is not None and ("sec-websocket-key", key) in [*context.headers]:
            return one.session.id
    return None


def close(session: str) -> None:
    """End a session and let go of what it holds. The session itself may stay: the collector of garbage does not look at
    what was there when the models were loaded (`pages/components/model_store.py`)."""
    runtime = Runtime.instance()
    known = runtime._session_mgr.get_session_info(session)
    runtime.close_session(session)
    if known is not None:
        known.session.session_state.clear()


@asynccontextmanager
async def sweeping(_app: object) -> AsyncIterator[None]:
    """While the server runs, close abandoned sessions, drop uploads that no page took, and give back the
    memory of what was let go of."""
    task = asyncio.create_task(_sweep())
    try:
        yield
    finally:
        task.cancel()


async def _sweep() -> None:
    lost: dict[str, float] = {}  # session: when it was first seen without a connection
    uploads: dict[tuple[str, str], float] = {}  # session and file: when it was first seen
    while True:
        await asyncio.sleep(LOOK)
        try:
            lost = close_lost(lost, time.monotonic())
            uploads = sweep_uploads(uploads, time.monotonic())
            await asyncio.to_thread(return_freed)
        except Exception:
            _log.exception("sweeping failed")


def close_lost(lost: dict[str, float], now: float) -> dict[str, float]:
    """Close the sessions that lost their connection `KEPT` seconds ago; returns those that wait, with since when."""
    manager = Runtime.instance()._session_mgr
    active = {one.session.id for one in manager.list_active_sessions()}
    gone = {one.session.id for one in manager.list_sessions()} - active
    lost = {one: lost.get(one, now) for one in gone}
    over = [one for one, since in lost.items() if now - since >= KEPT]
    for one in over:
        close(one)
    return {one: since for one, since in lost.items() if one not in over}
