"""Rate limiters that allow a burst."""

from __future__ import annotations

import asyncio
import time


class RateLimiter:
    """Rate limiter that allows a burst of units, then one per interval.

    Parameters
    ----------
    burst : int
        Units allowed without waiting.
    seconds : float
        Interval between units after the burst; 0 disables the limit.
    """

    def __init__(self, burst: int, seconds: float) -> None:
        self.burst_seconds, self.seconds = burst * seconds, seconds
        self.due = 0.0  # time at which the next unit would be allowed if there were no burst

    async def wait(self, units: int = 1) -> None:
        """Wait until this many units are allowed."""
        self.due = max(self.due, time.monotonic()) + units * self.seconds
        await asyncio.sleep(self.delay_seconds())

    def delay_seconds(self) -> float:
        """Return how long the last unit that was requested has to wait."""
        return max(0.0, self.due - time.monotonic() - self.burst_seconds)

    def is_idle(self) -> bool:
        """Return whether the limiter allows a whole burst again, as a new one does."""
        return self.due <= time.monotonic()


class AddressRateLimiters:
    """A rate limiter for each client address. The parameters are those of `RateLimiter`."""

    def __init__(self, burst: int, seconds: float) -> None:
        self.burst, self.seconds = burst, seconds
        self._limiters: dict[str, RateLimiter] = {}

    def limiter_of(self, client: str) -> RateLimiter:
        """Return the limiter of an address; those of addresses that were not active are forgotten."""
        self._limiters = {one: limiter for one, limiter in self._limiters.items() if not limiter.is_idle()}
        return self._limiters.setdefault(client, RateLimiter(self.burst, self.seconds))
