"""Messages of a page: a burst passes, what follows has to wait."""

import asyncio
import time

from server.sessions import MessageRateLimiter


def spent(pace: MessageRateLimiter, messages: int) -> float:
    """Seconds until so many messages have passed."""

    async def send() -> None:
        for _ in range(messages):
            await pace.wait()

    began = time.monotonic()
    asyncio.run(send())
    return time.monotonic() - began


def test_what_comes_after_a_burst_waits() -> None:
    assert spent(MessageRateLimiter(5, 0.1), 5) < 0.1
    assert 0.3 <= spent(MessageRateLimiter(5, 0.1), 8) < 1.0


def test_a_pause_makes_room_again() -> None:
    pace = MessageRateLimiter(3, 0.1)
    spent(pace, 3)
    time.sleep(0.35)
    assert spent(pace, 3) < 0.1


def test_without_a_pace_nothing_waits() -> None:
    assert spent(MessageRateLimiter(5, 0.0), 1_000) < 0.5
