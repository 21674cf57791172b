"""Rate limit of messages: a burst passes, later messages wait."""

import asyncio
import time

from server.sessions import MessageRateLimiter


def spent(pace: MessageRateLimiter, messages: int) -> float:
    """Seconds until all messages have passed."""

    async def send() -> None:
        for _ in range(messages):
            await pace.wait()

    began = time.monotonic()
    asyncio.run(send())
    return time.monotonic() - began


def test_messages_after_a_burst_wait() -> None:
    assert spent(MessageRateLimiter(5, 0.1), 5) < 0.1
    assert 0.3 <= spent(MessageRateLimiter(5, 0.1), 8) < 1.0


def test_a_pause_allows_another_burst() -> None:
    pace = MessageRateLimiter(3, 0.1)
    spent(pace, 3)
    time.sleep(0.35)
    assert spent(pace, 3) < 0.1


def test_an_interval_of_zero_disables_the_limit() -> None:
    assert spent(MessageRateLimiter(5, 0.0), 1_000) < 0.5
