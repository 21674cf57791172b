"""Limits on uploads to a public server: size, number, duration, and time until a page reads them.

Streamlit itself accepts any number of files for any open session, even if no page shows an uploader, and keeps them
until the session ends.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from personality.constants import PUBLIC_UPLOAD_LIMITS
from personality.utils.public_mode import is_public
from server.asgi import ASGIApp, Message, Receive, Scope, Send, client_address, read_header, send_error_response
from server.limits import PUBLIC_SERVER_LIMITS
from server.rate_limiter import AddressRateLimiters

UPLOAD_PATH_PATTERN = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
UPLOAD_TOO_LARGE_MESSAGE = f"The file is too large. The limit is {PUBLIC_UPLOAD_LIMITS.file_bytes // 2**20} MB."
LENGTH_REQUIRED_MESSAGE = "An upload must have a Content-Length header."
TOO_MANY_UPLOADS_MESSAGE = "Too many uploads are being processed. Please try again in a minute."
UPLOAD_TIMEOUT_MESSAGE = f"The upload took longer than {PUBLIC_SERVER_LIMITS.upload_timeout_seconds:.0f} s."
MAX_MULTIPART_OVERHEAD_BYTES = 2**16  # bytes of a multipart body in addition to its file
UPLOAD_RETRY_SECONDS = 60


class UploadLimitMiddleware:
    """Middleware of a public server: checks the limits before an upload is read, and applies a timeout."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.uploads_in_progress: list[tuple[str, int]] = []  # session id and size in bytes
        self.rate_limiters = AddressRateLimiters(
            PUBLIC_SERVER_LIMITS.max_upload_burst_bytes, 1 / PUBLIC_SERVER_LIMITS.upload_bytes_per_second
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = (
            UPLOAD_PATH_PATTERN.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        )
        if found is None:
            return await self.app(scope, receive, send)
        length = read_header(scope, b"content-length") or ""
        if not length.isdecimal():
            return await send_error_response(scope, send, 411, LENGTH_REQUIRED_MESSAGE)
        upload = (found[1], int(length))
        if upload[1] > PUBLIC_UPLOAD_LIMITS.file_bytes + MAX_MULTIPART_OVERHEAD_BYTES:
            return await send_error_response(scope, send, 413, UPLOAD_TOO_LARGE_MESSAGE)
        receive = self._slow_down(receive, client_address(scope))
        if not can_accept_upload([*list_pending_uploads(), *self.uploads_in_progress], upload):
            return await serve_within_timeout(drain_and_refuse_upload, scope, receive, send)
        self.uploads_in_progress.append(upload)
        try:
            await serve_within_timeout(self.app, scope, receive, send)
        finally:
            self.uploads_in_progress.remove(upload)

    def _slow_down(self, receive: Receive, client: str) -> Receive:
        """Return a `receive` that waits if this address sends more bytes than its rate allows."""

        async def receive_slowly() -> Message:
            message = await receive()
            # Looked up each time: uploads that began before any of them sent a byte share one limiter, too.
            await self.rate_limiters.limiter_of(client).wait(len(message.get("body", b"")))
            return message

        return receive_slowly


async def drain_and_refuse_upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Read and discard the body, then refuse; a client does not read the response before it has sent the body."""
    while (await receive()).get("more_body"):
        pass
    await send_error_response(scope, send, 429, TOO_MANY_UPLOADS_MESSAGE, UPLOAD_RETRY_SECONDS)


async def serve_within_timeout(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an app with the upload timeout; answer with status 408 if it has not responded by then."""
    started = False

    async def note_start(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        async with asyncio.timeout(PUBLIC_SERVER_LIMITS.upload_timeout_seconds):
            await app(scope, receive, note_start)
    except TimeoutError:
        if not started:
            await send_error_response(scope, send, 408, UPLOAD_TIMEOUT_MESSAGE)


def can_accept_upload(others: list[tuple[str, int]], upload: tuple[str, int]) -> bool:
    """Return whether another upload is within the limits of its session and of the server.

    Parameters
    ----------
    others : list of (str, int)
        Session id and size in bytes of the pending uploads.
    upload : tuple of (str, int)
        The same of the new one.
    """
    session, size = upload
    own = [bytes_ for other_session, bytes_ in others if other_session == session]
    every = [bytes_ for _, bytes_ in others]
    return (
        len(own) < PUBLIC_SERVER_LIMITS.max_uploads_per_session
        and sum(own) + size <= PUBLIC_SERVER_LIMITS.max_upload_bytes_per_session + MAX_MULTIPART_OVERHEAD_BYTES
        and len(every) < PUBLIC_SERVER_LIMITS.max_pending_uploads
        and sum(every) + size <= PUBLIC_SERVER_LIMITS.max_pending_upload_bytes
    )


def _uploaded_file_manager() -> MemoryUploadedFileManager:
    return cast(MemoryUploadedFileManager, Runtime.instance().uploaded_file_mgr)  # the type that `streamlit run` uses


def list_pending_uploads() -> list[tuple[str, int]]:
    """List session id and size in bytes of every upload that no page has read yet."""
    sessions = _uploaded_file_manager().file_storage.copy()  # script threads may change it concurrently
    return [(one, len(file.data)) for one, files in sessions.items() for file in files.copy().values()]


def delete_stale_uploads(seen: dict[tuple[str, str], float], now: float) -> dict[tuple[str, str], float]:
    """Delete uploads of ended sessions and, on a public server, uploads that no page has read in time.

    Streamlit would keep an upload that completes after its session has ended.

    Parameters
    ----------
    seen : dict of (str, str) to float
        Session id and file id of the uploads at the last call, with the time at which each was first seen, seconds.
    now : float
        The current time, seconds.

    Returns
    -------
    dict of (str, str) to float
        The uploads found at this call, in the same form.
    """
    manager = _uploaded_file_manager()
    sessions = {one.session.id for one in Runtime.instance()._session_mgr.list_sessions()}
    uploads = [(one, file) for one, files in manager.file_storage.copy().items() for file in files.copy()]
    since = {one: seen.get(one, now) for one in uploads}
    for session, file in uploads:
        if session not in sessions:
            manager.remove_session_files(session)
        elif is_public() and now - since[session, file] >= PUBLIC_SERVER_LIMITS.unclaimed_upload_seconds:
            manager.remove_file(session, file)
    return since
