"""For whom the server takes itself: requests that name another host, or come from another site's page, are refused.

A web site whose name is made to point to this machine (DNS rebinding), or whose page opens a WebSocket to it, would
otherwise drive the app with the rights of whoever sits here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from server.asgi import App, Receive, Scope, Send, header, refuse

WRONG_HOST = "This server does not answer to the name that was asked for; its operator names it in server.allowedHosts."
WRONG_ORIGIN = "Pages of other sites may not connect to this server."


class Hosts:
    """Middleware: the Host header is a loopback name, the address served or one of `server.allowedHosts`; an Origin is
    the same host and port, or one of `server.corsAllowedOrigins`."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            host, origin = header(scope, b"host"), header(scope, b"origin")
            if not is_host_allowed(host):
                return await refuse(scope, send, 403, WRONG_HOST)
            if origin is not None and not same_site(origin, host):
                return await refuse(scope, send, 403, WRONG_ORIGIN)
        return await self.app(scope, receive, send)


def same_site(origin: str, host: str | None) -> bool:
    """Whether an Origin is of this server, or of one that the operator allowed."""
    try:
        return urlsplit(origin).netloc == host or origin in config.get_option("server.corsAllowedOrigins")
    except ValueError:  # an address that is none
        return False
