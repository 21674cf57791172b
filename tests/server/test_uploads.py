"""Limits on uploads, and the upload timeout."""

from __future__ import annotations

import asyncio
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
