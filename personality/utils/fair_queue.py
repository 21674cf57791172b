"""A first-in, first-out queue for requests that exceed the available capacity."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUEUE_POLL_SECONDS = 0.5  # seconds between calls of the callback, which detects users who have left


class FairQueue:
    """A queue that grants `at_once` slots at the same time, in the order of requests."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._queue: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def wait_for_slot(self, on_wait: Callable[[int], None]) -> Iterator[None]:
        """Wait for a slot and hold it while the block runs. While waiting, `on_wait` is called with the position in the
        queue, from 1; an exception that it raises cancels the request."""
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            while place := self._position(ticket):
                on_wait(place)
                with self._moved:
                    self._moved.wait_for(lambda: self._position(ticket) != place, QUEUE_POLL_SECONDS)
            yield
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _position(self, ticket: object) -> int:
        """Return the position of a ticket in the queue, 0 if it has a slot."""
        with self._moved:
            return max(0, self._queue.index(ticket) - self._at_once + 1)
