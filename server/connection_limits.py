"""Limits on concurrent pages and requests, in total and per client address."""

from __future__ import annotations

from collections import Counter

from server.asgi import ASGIApp, Receive, Scope, Send, client_address, read_header, send_error_response
from server.limits import PUBLIC_SERVER_LIMITS

NO_PAGE_SLOT_MESSAGE = "Too many pages are open on this server. Close one, or try again in a minute."
SERVER_BUSY_MESSAGE = "This server is busy. Please try again in a minute."
BUSY_RETRY_SECONDS = 60


class ConnectionSlots:
    """Slots with a total limit and a limit per address."""

    def __init__(self, total: int, each: int) -> None:
        self.total, self.each = total, each
        self.taken: Counter[str] = Counter()

    def has_free_slot(self, client: str) -> bool:
        """Return whether this address can take another slot."""
        return self.taken.total() < self.total and self.taken[client] < self.each

    def acquire_slot(self, client: str) -> None:
        """Take a slot for this address."""
        self.taken[client] += 1

    def release_slot(self, client: str) -> None:
        """Free a slot of this address."""
        self.taken -= Counter((client,))


PAGE_SLOTS = ConnectionSlots(PUBLIC_SERVER_LIMITS.max_pages, PUBLIC_SERVER_LIMITS.max_pages_per_address)
REQUEST_SLOTS = ConnectionSlots(PUBLIC_SERVER_LIMITS.max_requests, PUBLIC_SERVER_LIMITS.max_requests_per_address)


class ConnectionLimitMiddleware:
    """Middleware of a public server: limits concurrent requests, and refuses a page early if no page slot is free."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        client = client_address(scope)
        if not REQUEST_SLOTS.has_free_slot(client):
            return await send_error_response(scope, send, 503, SERVER_BUSY_MESSAGE, BUSY_RETRY_SECONDS)
        if "text/html" in (read_header(scope, b"accept") or "") and not PAGE_SLOTS.has_free_slot(client):
            return await send_error_response(scope, send, 503, NO_PAGE_SLOT_MESSAGE, BUSY_RETRY_SECONDS)
        REQUEST_SLOTS.acquire_slot(client)
        try:
            await self.app(scope, receive, send)
        finally:
            REQUEST_SLOTS.release_slot(client)
