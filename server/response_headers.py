"""Security headers for every response, blocked operator paths, and error responses."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from pathlib import Path

import streamlit

from personality.utils.public_mode import is_public
from server.asgi import ASGIApp, Message, Receive, Scope, Send, send_error_response

# The Streamlit endpoints that a browser uses; the others (metrics, agents, ...) are for the operator.
STREAMLIT_CORE_PATH, PUBLIC_CORE_ENDPOINTS = (
    "/_stcore/",
    ("health", "host-config", "stream", "upload_file", "bidi-components"),
)
BLOCKED_PATHS = re.compile(r"/(auth/(login|logout)|oauth2callback)$")
NO_STORE_PATHS = re.compile(r"/(media|_stcore/upload_file)/")  # clips, images of people, downloads
_log = logging.getLogger("personality")


def _hash_inline_scripts() -> list[str]:
    """Return the CSP hashes of the inline scripts in Streamlit's HTML file."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts]


def _content_security_policy() -> str:
    """Return a policy that allows no content from other hosts and no embedding in frames.

    Exceptions: Vega compiles expressions (unsafe-eval), components are loaded as blob modules (blob), and Streamlit
    adds inline styles (unsafe-inline).
    """
    scripts = " ".join(["'self'", "blob:", "'unsafe-eval'", *_hash_inline_scripts()])
    rules = {
        "default-src": "'self'",
        "script-src": scripts,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


SECURITY_HEADERS = {
    "content-security-policy": _content_security_policy(),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
}


class ResponseHeadersMiddleware:
    """The outermost middleware: adds the headers, blocks operator paths on a public server, and answers errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        path, started = scope["path"], False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                started = True
                message["headers"] = add_security_headers(message.get("headers", []), path)
            await send(message)

        if is_public() and is_operator_path(path):
            return await send_error_response(scope, send_with_headers, 404, "Not found.")
        try:
            return await self.app(scope, receive, send_with_headers)
        except Exception:
            if scope["type"] == "websocket":  # already closed by its own handler
                return _log.warning("a WebSocket was closed because of an invalid message", exc_info=True)
            _log.exception("a request failed")
            if started:
                return None
            return await send_error_response(scope, send_with_headers, 500, "Internal server error.")


def is_operator_path(path: str) -> bool:
    """Return whether a path, which may start with a base path, is for the operator only."""
    _, core, rest = path.partition(STREAMLIT_CORE_PATH)
    return bool(BLOCKED_PATHS.search(path)) or bool(core and rest.split("/")[0] not in PUBLIC_CORE_ENDPOINTS)


def add_security_headers(headers: list[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response, with the security headers added or replaced."""
    security = SECURITY_HEADERS | ({"cache-control": "no-store"} if NO_STORE_PATHS.search(path) else {})
    added = [(name.encode(), value.encode()) for name, value in security.items()]
    names = {name for name, _ in added}
    return [*((name, value) for name, value in headers if name.lower() not in names), *added]
