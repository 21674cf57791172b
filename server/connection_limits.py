"""How many may be here at once: so many in all, and so many of one address."""

from __future__ import annotations

from collections import Counter

from server.asgi import App, Receive, Scope, Send, address, header, refuse
from server.limits import VISITS

FULL = "This server has no place for another page. Close one, or come back in a minute."
BUSY = "This server is answering as many requests as it can. Come back in a minute."
RETRY = 60  # seconds


class Places:
    """Places that are counted in all and by address."""

    def __init__(self, total: int, each: int) -> None:
        self.total, self.each = total, each
        self.taken: Counter[str] = Counter()

    def free(self, who: str) -> bool:
        """Whether this address may have one more."""
        return self.taken.total() < self.total and self.taken[who] < self.each

    def take(self, who: str) -> None:
        """Give this address a place."""
        self.taken[who] += 1

    def give_back(self, who: str) -> None:
        """One place of this address is free again."""
        self.taken -= Counter((who,))


PAGES = Places(VISITS.places, VISITS.places_each)
REQUESTS = Places(VISITS.requests, VISITS.requests_each)


class Crowd:
    """Middleware of a public server: requests that are being answered are counted, and who opens a page for which there
    is no place gets a sentence before the browser loads it."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        who = address(scope)
        if not REQUESTS.free(who):
            return await refuse(scope, send, 503, BUSY, RETRY)
        if "text/html" in (header(scope, b"accept") or "") and not PAGES.free(who):
            return await refuse(scope, send, 503, FULL, RETRY)
        REQUESTS.take(who)
        try:
            await self.app(scope, receive, send)
        finally:
            REQUESTS.give_back(who)
