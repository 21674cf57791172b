"""The style sheet in the HTML page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.asgi import Message, Receive, Scope, Send
from server.page_style import STYLE_SHEET, PageStyleMiddleware

PAGE = b"<html><head><title>A</title></head><body></body></html>"


def respond(body: bytes, accept: bytes) -> tuple[list[Message], list[tuple[bytes, bytes]]]:
    """The messages of a response with this body, and the headers that the app received."""
    sent: list[Message] = []
    received: list[tuple[bytes, bytes]] = []
    scope: dict[str, Any] = {"type": "http", "headers": [(b"accept", accept), (b"accept-encoding", b"gzip")]}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.extend(scope["headers"])
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        raise AssertionError("the middleware reads nothing")

    async def note(message: Message) -> None:
        sent.append(message)

    asyncio.run(PageStyleMiddleware(app)(scope, receive, note))
    return sent, received


def test_page_carries_the_style_sheet_in_its_head() -> None:
    sent, received = respond(PAGE, b"text/html,*/*")
    page = sent[1]["body"]
    assert page == b"<html><head><title>A</title>" + STYLE_SHEET + b"</head><body></body></html>"
    assert dict(sent[0]["headers"]) == {b"content-type": b"text/html", b"content-length": b"%d" % len(page)}
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body", "http.response.body"]
    assert b"accept-encoding" not in dict(received)


@pytest.mark.parametrize(("body", "accept"), [(b"ok", b"text/html"), (b"", b"text/html"), (PAGE, b"*/*")])
def test_other_responses_are_unchanged(body: bytes, accept: bytes) -> None:
    sent, _ = respond(body, accept)
    assert sent[1]["body"] == body
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(body)).encode()
