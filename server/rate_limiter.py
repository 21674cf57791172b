"""A rate limiter that allows a burst."""

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
        now = time.monotonic()
        self.due = max(self.due, now) + units * self.seconds
        await asyncio.sleep(max(0.0, self.due - now - self.burst_seconds))

    def is_idle(self) -> bool:
        """Return whether the limiter allows a whole burst again, as a new one does."""
        return self.due <= time.monotonic()
