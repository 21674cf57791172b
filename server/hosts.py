"""Host and Origin check: refuse requests for other host names and from pages of other sites.

Without it, a web site whose name resolves to this machine (DNS rebinding), or whose page opens a WebSocket to it, could
control the app with the rights of the local user.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from server.asgi import ASGIApp, Receive, Scope, Send, read_header, send_error_response

WRONG_HOST_MESSAGE = (
    "The host name in the request is not allowed. The operator of the server can add it to server.allowedHosts."
)
WRONG_ORIGIN_MESSAGE = "Pages of other sites may not connect to this server."


class HostCheckMiddleware:
    """Middleware that checks the Host and Origin headers.

    Host must be a loopback name, the served address or one of `server.allowedHosts`. Origin, if present, must be the
    same host and port, or one of `server.corsAllowedOrigins`.
    """

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
    """Return whether an Origin is this server, or another one that the operator allowed."""
    try:
        return urlsplit(origin).netloc == host or origin in config.get_option("server.corsAllowedOrigins")
    except ValueError:  # not a valid URL
        return False
