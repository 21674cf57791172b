"""End a session with its tab: immediately if the tab is closed, after a short time if the connection is lost.

Streamlit itself keeps a session, with its clip, media files and uploads, for minutes after the connection has ended, so
that a browser can reconnect. It has no public interface to its sessions, so this module uses `Runtime._session_mgr`.
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
from server.rate_limiter import AddressRateLimiters, RateLimiter
from server.uploads import delete_stale_uploads

TAB_CLOSED_CODES = (1000, 1001)  # WebSocket close codes of a tab that is closed, reloaded or navigates away
CLEANUP_INTERVAL_SECONDS = 5.0
_log = logging.getLogger("personality")


class SessionEndMiddleware:
    """Middleware that ends the session of a closed tab.

    On a public server, a page also needs a free slot, which it occupies as long as its session is kept.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.rate_limiters = AddressRateLimiters(
            PUBLIC_SERVER_LIMITS.max_pages_per_address,
            PUBLIC_SERVER_LIMITS.page_interval_seconds if is_public() else 0.0,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        client = client_address(scope)
        if not await self._wait_for_page(client):
            return await send_error_response(scope, send, 503, NO_PAGE_SLOT_MESSAGE, BUSY_RETRY_SECONDS)
        PAGE_SLOTS.acquire_slot(client)
        closed = False
        try:
            closed = await self._serve(scope, receive, send)
        finally:
            delay = 0 if closed else LOST_SESSION_SECONDS
            asyncio.get_running_loop().call_later(delay, PAGE_SLOTS.release_slot, client)

    async def _wait_for_page(self, client: str) -> bool:
        """Wait until this address may open another page; return whether it may. Refusals are delayed like new pages,
        because handshakes that are repeated at once take time of the server, too."""
        limiter = self.rate_limiters.limiter_of(client)
        if limiter.delay_seconds() > PUBLIC_SERVER_LIMITS.max_page_delay_seconds:
            return False
        await limiter.wait()
        return not is_public() or PAGE_SLOTS.has_free_slot(client)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve until the connection ends; return whether the tab was closed, so that its session was ended too."""
        session: str | None = None
        rate_limiter = RateLimiter(
            PUBLIC_SERVER_LIMITS.max_message_burst,
            PUBLIC_SERVER_LIMITS.message_interval_seconds if is_public() else 0.0,
        )

        async def receive_limited() -> Message:
            nonlocal session
            message = await receive()
            await rate_limiter.wait()
            if message["type"] == "websocket.disconnect" and message.get("code") in TAB_CLOSED_CODES:
                session = find_session_id(scope)
            return message

        await self.app(scope, receive_limited, send)
        if session is None:
            return False
        end_session(session)
        return True


def find_session_id(scope: Scope) -> str | None:
    """Return the id of the session of an open WebSocket, found by the random key of its handshake; None if it has
    ended."""
    key = read_header(scope, b"sec-websocket-key")
    for info in Runtime.instance()._session_mgr.list_active_sessions():
        context = info.client.client_context
        if context is not None and ("sec-websocket-key", key) in [*context.headers]:
            return info.session.id
    return None


def end_session(session: str) -> None:
    """End a session and clear its state.

    The session object itself may remain in memory: objects that existed when the models were loaded are excluded from
    garbage collection (`pages/components/model_store.py`).
    """
    runtime = Runtime.instance()
    info = runtime._session_mgr.get_session_info(session)
    runtime.close_session(session)
    if info is not None:
        info.session.session_state.clear()


@asynccontextmanager
async def cleanup_lifespan(_app: object) -> AsyncIterator[None]:
    """While the server runs, end lost sessions, delete unclaimed uploads and return free memory to the system."""
    task = asyncio.create_task(_clean_up_periodically())
    try:
        yield
    finally:
        task.cancel()


async def _clean_up_periodically() -> None:
    lost: dict[str, float] = {}  # session id: time at which it was first seen without a connection
    uploads: dict[tuple[str, str], float] = {}  # session id and file id: time at which it was first seen
    while True:
        await asyncio.sleep(CLEANUP_INTERVAL_SECONDS)
        try:
            lost = end_lost_sessions(lost, time.monotonic())
            uploads = delete_stale_uploads(uploads, time.monotonic())
            await asyncio.to_thread(return_free_memory)
        except Exception:
            _log.exception("cleanup of sessions and uploads failed")


def end_lost_sessions(lost: dict[str, float], now: float) -> dict[str, float]:
    """End the sessions that have had no connection for `LOST_SESSION_SECONDS`.

    Parameters
    ----------
    lost : dict of str to float
        By id of the sessions that had no connection at the last call: when this was first observed, in seconds.
    now : float
        The current time in seconds, on the same clock.

    Returns
    -------
    dict of str to float
        The sessions that still have time to reconnect, in the same form.
    """
    manager = Runtime.instance()._session_mgr
    active = {info.session.id for info in manager.list_active_sessions()}
    disconnected = {info.session.id for info in manager.list_sessions()} - active
    lost = {session: lost.get(session, now) for session in disconnected}
    expired = [session for session, since in lost.items() if now - since >= LOST_SESSION_SECONDS]
    for session in expired:
        end_session(session)
    return {session: since for session, since in lost.items() if session not in expired}
