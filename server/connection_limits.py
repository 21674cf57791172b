"""How many may be here at once: so many in all, and so many of one address."""

from __future__ import annotations

from collections import Counter

from server.asgi import ASGIApp, Receive, Scope, Send, client_address, read_header, send_error_response
from server.limits import PUBLIC_SERVER_LIMITS

NO_PAGE_SLOT_MESSAGE = "This server has no place for another page. Close one, or come back in a minute."
SERVER_BUSY_MESSAGE = "This server is answering as many requests as it can. Come back in a minute."
BUSY_RETRY_SECONDS = 60  # seconds


class ConnectionSlots:
    """Places that are counted in all and by address."""

    def __init__(self, total: int, each: int) -> None:
        self.total, self.each = total, each
        self.taken: Counter[str] = Counter()

    def has_free_slot(self, who: str) -> bool:
        """Whether this address may have one more."""
        return self.taken.total() < self.total and self.taken[who] < self.each

    def acquire_slot(self, who: str) -> None:
        """Give this address a place."""
        self.taken[who] += 1

    def release_slot(self, who: str) -> None:
        """One place of this address is free again."""
        self.taken -= Counter((who,))


PAGE_SLOTS = ConnectionSlots(PUBLIC_SERVER_LIMITS.max_pages, PUBLIC_SERVER_LIMITS.max_pages_per_address)
REQUEST_SLOTS = ConnectionSlots(PUBLIC_SERVER_LIMITS.max_requests, PUBLIC_SERVER_LIMITS.max_requests_per_address)


class ConnectionLimitMiddleware:
    """Middleware of a public server: requests that are being answered are counted, and who opens a page for which there
    is no place gets a sentence before the browser loads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        who = client_address(scope)
        if not REQUEST_SLOTS.has_free_slot(who):
            return await send_error_response(scope, send, 503, SERVER_BUSY_MESSAGE, BUSY_RETRY_SECONDS)
        if "text/html" in (read_header(scope, b"accept") or "") and not PAGE_SLOTS.has_free_slot(who):
            return await send_error_response(scope, send, 503, NO_PAGE_SLOT_MESSAGE, BUSY_RETRY_SECONDS)
        REQUEST_SLOTS.acquire_slot(who)
        try:
            await self.app(scope, receive, send)
        finally:
            REQUEST_SLOTS.release_slot(who)
