"""What goes with every answer: headers that keep a page and its clip where they belong; errors in one line."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from pathlib import Path

import streamlit

from personality.utils.public_mode import is_public
from server.asgi import ASGIApp, Message, Receive, Scope, Send, send_error_response

# Of Streamlit's own, what the browser asks for; the rest (metrics, agents, ...) is the operator's.
STREAMLIT_CORE_PATH, PUBLIC_CORE_ENDPOINTS = (
    "/_stcore/",
    ("health", "host-config", "stream", "upload_file", "bidi-components"),
)
BLOCKED_PATHS = re.compile(r"/(auth/(login|logout)|oauth2callback)$")
NO_STORE_PATHS = re.compile(r"/(media|_stcore/upload_file)/")  # clips, pictures of people, downloads
_log = logging.getLogger("personality")


def _hash_inline_scripts() -> list[str]:
    """The digests of the scripts that stand in Streamlit's one HTML file."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts]


def _content_security_policy() -> str:
    """Nothing from elsewhere, nowhere in a frame. Vega compiles expressions (unsafe-eval), components are modules made
    in the page (blob), Streamlit writes its styles into it (unsafe-inline)."""
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
    """Middleware, the outermost: adds the headers, closes to strangers what they do not need, and answers where the app
    fails."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        path, begun = scope["path"], False

        async def add(message: Message) -> None:
            nonlocal begun
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                begun = True
                message["headers"] = add_security_headers(message.get("headers", []), path)
            await send(message)

        if is_public() and is_operator_path(path):
            return await send_error_response(scope, add, 404, "Not found.")
        try:
            return await self.app(scope, receive, add)
        except Exception:
            if scope["type"] == "websocket":  # its own handler has closed it
                return _log.warning("a WebSocket was closed over what it sent", exc_info=True)
            _log.exception("a request could not be answered")
            return None if begun else await send_error_response(scope, add, 500, "The server failed to answer.")


def is_operator_path(path: str) -> bool:
    """Whether an address is of use to the operator only. A base path may precede it."""
    _, core, rest = path.partition(STREAMLIT_CORE_PATH)
    return bool(BLOCKED_PATHS.search(path)) or bool(core and rest.split("/")[0] not in PUBLIC_CORE_ENDPOINTS)


def add_security_headers(headers: list[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with ours in place of any of the same name."""
    ours = SECURITY_HEADERS | ({"cache-control": "no-store"} if NO_STORE_PATHS.search(path) else {})
    added = [(name.encode(), value.encode()) for name, value in ours.items()]
    names = {name for name, _ in added}
    return [*((name, value) for name, value in headers if name.lower() not in names), *added]
