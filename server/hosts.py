"""For whom the server takes itself: requests that name another host, or come from another site's page, are refused.

A web site whose name is made to point to this machine (DNS rebinding), or whose page opens a WebSocket to it, would
otherwise drive the app with the rights of whoever sits here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from server.asgi import ASGIApp, Receive, Scope, Send, read_header, send_error_response

WRONG_HOST_MESSAGE = (
    "This server does not answer to the name that was asked for; its operator names it in server.allowedHosts."
)
WRONG_ORIGIN_MESSAGE = "Pages of other sites may not connect to this server."


class HostCheckMiddleware:
    """Middleware: the Host header is a loopback name, the address served or one of `server.allowedHosts`; an Origin is
    the same host and port, or one of `server.corsAllowedOrigins`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            host, origin = read_header(scope, b"host"), read_header(scope, b"origin")
            if not is_host_allowed(host):
                return await send_error_response(scope, send, 403, WRONG_HOST_MESSAGE)
            if origin is not None and not is_allowed_origin(origin, host):
                return await send_error_response(scope, send, 403, WRONG_ORIGIN_MESSAGE)
        return await self.app(scope, receive, send)


def is_allowed_origin(origin: str, host: str | None) -> bool:
    """Whether an Origin is of this server, or of one that the operator allowed."""
    try:
        return urlsplit(origin).netloc == host or origin in config.get_option("server.corsAllowedOrigins")
    except ValueError:  # an address that is none
        return False
