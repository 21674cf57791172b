"""The middleware and its order."""

from __future__ import annotations

from starlette.middleware import Middleware

from personality.utils.public_mode import is_public
from server.connection_limits import ConnectionLimitMiddleware
from server.hosts import HostCheckMiddleware
from server.page_style import PageStyleMiddleware
from server.response_headers import ResponseHeadersMiddleware
from server.sessions import SessionEndMiddleware
from server.uploads import UploadLimitMiddleware


def build_middleware() -> list[Middleware]:
    """Return the middleware of the app, the outermost first."""
    limits = [Middleware(ConnectionLimitMiddleware), Middleware(UploadLimitMiddleware)] if is_public() else []
    return [
        Middleware(ResponseHeadersMiddleware),
        Middleware(HostCheckMiddleware),
        *limits,
        Middleware(SessionEndMiddleware),
        Middleware(PageStyleMiddleware),
    ]
