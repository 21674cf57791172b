"""Rate limit of messages: a burst passes, later messages wait."""

import asyncio
import time

from server.sessions import MessageRateLimiter


def measure_seconds(limiter: MessageRateLimiter, messages: int) -> float:
    """Seconds until all messages have passed."""

    async def send() -> None:
        for _ in range(messages):
            await limiter.wait()

    start = time.monotonic()
    asyncio.run(send())
    return time.monotonic() - start


def test_messages_after_a_burst_wait() -> None:
    assert measure_seconds(MessageRateLimiter(5, 0.1), 5) < 0.1
    assert 0.3 <= measure_seconds(MessageRateLimiter(5, 0.1), 8) < 1.0


def test_a_pause_allows_another_burst() -> None:
    limiter = MessageRateLimiter(3, 0.1)
    measure_seconds(limiter, 3)
    time.sleep(0.35)
    assert measure_seconds(limiter, 3) < 0.1


def test_an_interval_of_zero_disables_the_limit() -> None:
    assert measure_seconds(MessageRateLimiter(5, 0.0), 1_000) < 0.5
