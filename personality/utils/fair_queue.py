"""Who is served when more people ask than there are cores: so many at once, the others in the order they came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUEUE_POLL_SECONDS = 0.5  # seconds after which a waiting one says its place again, so that one who has left is noticed


class FairQueue:
    """A queue that `at_once` may have left at the same time."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._queue: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def wait_for_slot(self, say: Callable[[int], None]) -> Iterator[None]:
        """Wait for one's turn, then hold it for the block. say: told the place in the queue, from 1, while waiting;
        whatever it raises ends the wait and gives the place up."""
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            while place := self._position(ticket):
                say(place)
                with self._moved:
                    self._moved.wait_for(lambda: self._position(ticket) != place, QUEUE_POLL_SECONDS)
            yield
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _position(self, ticket: object) -> int:
        """The place of a ticket, 0 for one that is served."""
        with self._moved:
            return max(0, self._queue.index(ticket) - self._at_once + 1)
