"""A fair queue for requests that exceed the available capacity."""

from __future__ import annotations

import math
import threading
import time
from bisect import insort
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

QUEUE_POLL_SECONDS = 0.5  # seconds between calls of the callback, which detects users who have left


@dataclass(eq=False)
class _Ticket:
    round: int  # in which the request is served; a user has one request in each round
    expires: float = math.inf  # time at which the next request is granted a slot too


class FairQueue:
    """A queue that grants `at_once` slots at the same time, to its users in turn, to each in the order of requests.

    Parameters
    ----------
    at_once : int
        Number of slots.
    hold_seconds : float
        How long a request may keep others waiting. One that takes longer goes on, but does not count any more.
    """

    def __init__(self, at_once: int, hold_seconds: float = math.inf) -> None:
        self._at_once, self._hold_seconds = at_once, hold_seconds
        self._queue: list[_Ticket] = []  # by round, then by arrival; those that have a slot are the first
        self._round = 0  # of the last request that was granted a slot
        self._last_rounds: dict[Hashable, int] = {}  # by user: the round of the last request
        self._moved = threading.Condition()

    @contextmanager
    def wait_for_slot(self, on_wait: Callable[[int], None], user: Hashable = None) -> Iterator[None]:
        """Wait for a slot and hold it while the block runs.

        Parameters
        ----------
        on_wait : callable
            Called with the position in the queue, from 1, while waiting; an exception that it raises cancels the
            request.
        user : hashable
            Whose request it is. Requests of one user are served in the order of arrival, and one user with many
            requests does not delay others by more than one of them.
        """
        ticket = self._add_ticket(user)
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

    def _add_ticket(self, user: Hashable) -> _Ticket:
        with self._moved:
            self._last_rounds = {one: last for one, last in self._last_rounds.items() if last >= self._round}
            ticket = _Ticket(max(self._round, self._last_rounds.get(user, -1) + 1))
            self._last_rounds[user] = ticket.round
            insort(self._queue, ticket, key=lambda one: one.round)
        return ticket

    def _position(self, ticket: _Ticket) -> int:
        """Return the position of a ticket in the queue, 0 if it has a slot from now on."""
        with self._moved:
            now = time.monotonic()
            earlier = self._queue[: self._queue.index(ticket)]
            place = max(0, sum(one.expires > now for one in earlier) - self._at_once + 1)
            if place == 0 and math.isinf(ticket.expires):
                ticket.expires = now + self._hold_seconds
                self._round = max(self._round, ticket.round)
            return place
