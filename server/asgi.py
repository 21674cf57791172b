"""ASGI helpers for the middleware: types, headers, the client's address, error responses."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def read_header(scope: Scope, name: bytes) -> str | None:
    """Return the value of the first header with this lower-case name, or None."""
    found = (value for key, value in scope["headers"] if key == name)
    value = next(found, None)
    return None if value is None else value.decode("latin-1")


def client_address(scope: Scope) -> str:
    """Return the client's IPv4 address or IPv6 network.

    Behind a proxy on this machine, uvicorn has already replaced the proxy's address by the one in X-Forwarded-For.
    """
    return household_address(scope["client"][0] if scope.get("client") else "")


def household_address(host: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address, which normally belongs to one household."""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host
    if number.version == 4:
        return host
    # On a dual-stack socket, an IPv4 address is mapped into ::ffff:0:0/96, a network shared by all clients.
    return str(number.ipv4_mapped or ipaddress.ip_network((number, 64), strict=False))


async def send_error_response(scope: Scope, send: Send, status: int, sentence: str, retry: int | None = None) -> None:
    """Answer a request or a WebSocket handshake with an error.

    Parameters
    ----------
    scope, send
        Arguments of the ASGI call.
    status : int
        HTTP status code.
    sentence : str
        The body, as plain text.
    retry : int or None
        Value of the Retry-After header, seconds.
    """
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    body = f"{sentence}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close"), *([] if retry is None else [(b"retry-after", str(retry).encode())])]
    await send({"type": f"{prefix}.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": body})
