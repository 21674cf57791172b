"""What every middleware here needs of ASGI: types, a header, who asks, an answer of one sentence."""

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
    """The first header of this name, in lower case; None where there is none."""
    found = (value for key, value in scope["headers"] if key == name)
    value = next(found, None)
    return None if value is None else value.decode("latin-1")


def client_address(scope: Scope) -> str:
    """Who asks: the address, or of IPv6 its network of 64 bits, which one household has to itself.

    uvicorn puts what a proxy on this machine says in X-Forwarded-For in place of the proxy's address.
    """
    host = scope["client"][0] if scope.get("client") else ""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host
    if number.version == 4:
        return host
    # Behind a socket that takes both, an IPv4 address is one of the network ::ffff:0:0/96, which everybody shares.
    return str(number.ipv4_mapped or ipaddress.ip_network((number, 64), strict=False))


async def send_error_response(scope: Scope, send: Send, status: int, sentence: str, retry: int | None = None) -> None:
    """Answer a request, or the handshake of a WebSocket, with a status and a sentence. retry: come back in so many
    seconds."""
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    body = f"{sentence}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close"), *([] if retry is None else [(b"retry-after", str(retry).encode())])]
    await send({"type": f"{prefix}.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": body})
