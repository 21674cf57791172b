"""Limits on uploads, and the upload timeout."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from personality.constants import PUBLIC_UPLOAD_LIMITS
from server import uploads
from server.asgi import Message, Receive, Scope, Send
from server.limits import PUBLIC_SERVER_LIMITS

FULL = PUBLIC_UPLOAD_LIMITS.file_bytes


@pytest.mark.parametrize(
    ("others", "size", "room"),
    [
        ([], FULL, True),
        ([("a", FULL)], FULL, True),
        ([("a", FULL)], FULL + 2 * uploads.MAX_MULTIPART_OVERHEAD_BYTES, False),  # too many bytes in the session
        ([("a", 1), ("a", 1)], 1, False),  # too many files in the session
        ([("b", 1), ("b", 1)], 1, True),
        ([(str(one), 1) for one in range(PUBLIC_SERVER_LIMITS.max_pending_uploads)], 1, False),  # too many in total
        ([(str(number), FULL) for number in range(9)], FULL, True),
        ([(str(number), FULL) for number in range(10)], 1, False),  # too many bytes in total
    ],
)
def test_upload_is_accepted_within_limits(others: list[tuple[str, int]], size: int, room: bool) -> None:
    assert uploads.can_accept_upload(others, ("a", size)) is room


def test_stalled_upload_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PUBLIC_SERVER_LIMITS", replace(PUBLIC_SERVER_LIMITS, upload_timeout_seconds=0.1))
    scope: dict[str, Any] = {"type": "http"}
    sent: list[Message] = []

    async def halt() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("the upload was not ended")

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def note(message: Message) -> None:
        sent.append(message)

    asyncio.run(uploads.serve_within_timeout(read, scope, halt, note))
    assert sent[0]["status"] == 408


def seconds_of_upload(middleware: uploads.UploadLimitMiddleware, client: str, parts: int) -> float:
    """Seconds in which an upload of this many parts of 1,000 bytes is read."""
    path = "/_stcore/upload_file/session/file"
    scope: dict[str, Any] = {"type": "http", "method": "PUT", "path": path, "client": (client, 0)}
    scope["headers"] = [(b"content-length", str(1000 * parts).encode())]
    left = iter(range(parts - 1, -1, -1))

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(1000), "more_body": next(left) > 0}

    async def send(message: Message) -> None:
        raise AssertionError("a reading app sends nothing")

    start = time.monotonic()
    asyncio.run(middleware(scope, receive, send))
    return time.monotonic() - start


def test_uploads_of_an_address_are_slowed_after_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(PUBLIC_SERVER_LIMITS, max_upload_burst_bytes=10_000, upload_bytes_per_second=10_000)
    monkeypatch.setattr(uploads, "PUBLIC_SERVER_LIMITS", limits)
    monkeypatch.setattr(uploads, "list_pending_uploads", list)

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    middleware = uploads.UploadLimitMiddleware(read)
    assert seconds_of_upload(middleware, "127.0.0.1", 10) < 0.4
    assert 0.4 <= seconds_of_upload(middleware, "127.0.0.1", 5) < 2.0  # half a second at 10,000 bytes per second
    assert seconds_of_upload(middleware, "127.0.0.2", 10) < 0.4  # another address has a burst of its own


def test_uploads_that_began_at_the_same_time_share_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(PUBLIC_SERVER_LIMITS, max_upload_burst_bytes=10_000, upload_bytes_per_second=10_000)
    monkeypatch.setattr(uploads, "PUBLIC_SERVER_LIMITS", limits)

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(10_000)}

    async def read_both() -> None:
        middleware = uploads.UploadLimitMiddleware(serve_nothing)
        one, other = (middleware._slow_down(receive, "127.0.0.1") for _ in range(2))
        await one()
        await other()

    start = time.monotonic()
    asyncio.run(read_both())
    assert 0.9 <= time.monotonic() - start < 5  # the second one waits for a second


async def serve_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no upload is served here")
