"""Rate limit of messages: a burst passes, later messages wait."""

import asyncio
import time

from server.rate_limiter import AddressRateLimiters, RateLimiter


def measure_seconds(limiter: RateLimiter, messages: int) -> float:
    """Seconds until all messages have passed."""

    async def send() -> None:
        for _ in range(messages):
            await limiter.wait()

    start = time.monotonic()
    asyncio.run(send())
    return time.monotonic() - start


def test_messages_after_a_burst_wait() -> None:
    assert measure_seconds(RateLimiter(5, 0.1), 5) < 0.1
    assert 0.3 <= measure_seconds(RateLimiter(5, 0.1), 8) < 1.0


def test_a_pause_allows_another_burst() -> None:
    limiter = RateLimiter(3, 0.1)
    measure_seconds(limiter, 3)
    time.sleep(0.35)
    assert measure_seconds(limiter, 3) < 0.1


def test_an_interval_of_zero_disables_the_limit() -> None:
    assert measure_seconds(RateLimiter(5, 0.0), 1_000) < 0.5


def test_several_units_take_as_long_as_one_after_another() -> None:
    limiter = RateLimiter(100, 0.001)
    start = time.monotonic()
    asyncio.run(limiter.wait(400))
    assert 0.3 <= time.monotonic() - start < 1.0
    assert not limiter.is_idle()


def test_a_limiter_that_was_not_used_is_idle() -> None:
    assert RateLimiter(5, 0.1).is_idle()


def test_addresses_have_limiters_of_their_own() -> None:
    limiters = AddressRateLimiters(1, 60)
    asyncio.run(limiters.limiter_of("a").wait())
    assert limiters.limiter_of("a") is limiters.limiter_of("a")
    assert not limiters.limiter_of("a").is_idle()
    assert limiters.limiter_of("b").is_idle()
