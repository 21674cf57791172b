"""Visitors who use as many resources as possible: `python -m tests.hostile.crowd ADDRESS COUNT SECONDS`.

Each has a different address. In turn, one uploads continuously, one keeps opening pages, one requests the most
expensive pages, and one sends malformed messages.
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


def send_malformed(address: str, source: str, end: Until) -> None:
    while time.monotonic() < end:
        with visiting(address, source=source) as stranger:
            stranger.socket.send(os.urandom(1000))
            stranger.socket.recv(timeout=1)


ATTACKS: tuple[Callable[[str, str, Until], None], ...] = (upload, connect, ask, send_malformed)


def insist(attack: Callable[[str, str, Until], None], address: str, source: str, end: Until) -> None:
    """Repeat an attack, also after refusals."""
    while time.monotonic() < end:
        with suppress(WebSocketException, OSError):
            attack(address, source, end)


if __name__ == "__main__":
    os.nice(10)  # to leave the cores to the server, as if these visitors used another machine
    address, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end = time.monotonic() + seconds
    for number in range(count):
        arguments = (ATTACKS[number % len(ATTACKS)], address, f"127.0.1.{number + 1}", end)
        threading.Thread(target=insist, args=arguments, daemon=True).start()
    time.sleep(seconds)
