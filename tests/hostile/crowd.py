"""Visitors who take what they can get: `python -m tests.hostile.crowd ADDRESS COUNT SECONDS`.

Each comes from an address of its own. One in four uploads without end, one opens page after page, one asks for the
pages that cost the server most, one sends what is no message.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from websockets.exceptions import WebSocketException

from tests.hostile.visitor import visiting

LARGE = bytes(19 * 2**20)
DEMO = "Practice data (explorable)"
Until = float


def upload(address: str, source: str, end: Until) -> None:
    while time.monotonic() < end:
        with visiting(address, source=source) as stranger:
            stranger.ask()
            for _ in range(10):
                stranger.put(LARGE)


def connect(address: str, source: str, end: Until) -> None:
    while time.monotonic() < end:
        with ExitStack() as pages, suppress(WebSocketException):
            while time.monotonic() < end:
                pages.enter_context(visiting(address, source=source)).send(page_name="predict")
        time.sleep(0.1)


def ask(address: str, source: str, end: Until) -> None:
    with visiting(address, source=source) as stranger:
        while time.monotonic() < end:
            for page in ("gender", "age", "emotion", "traits", "explore"):
                stranger.ask(page_name=page, query_string=f"table={DEMO}")


def babble(address: str, source: str, end: Until) -> None:
    while time.monotonic() < end:
        with visiting(address, source=source) as stranger:
            stranger.socket.send(os.urandom(1000))
            stranger.socket.recv(timeout=1)


WAYS: tuple[Callable[[str, str, Until], None], ...] = (upload, connect, ask, babble)


def insist(way: Callable[[str, str, Until], None], address: str, source: str, end: Until) -> None:
    """Go on after every refusal."""
    while time.monotonic() < end:
        with suppress(WebSocketException, OSError):
            way(address, source, end)


if __name__ == "__main__":
    os.nice(10)  # the server has the cores that it would have if these came from elsewhere
    address, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end = time.monotonic() + seconds
    for number in range(count):
        caller = (WAYS[number % len(WAYS)], address, f"127.0.1.{number + 1}", end)
        threading.Thread(target=insist, args=caller, daemon=True).start()
    time.sleep(seconds)
