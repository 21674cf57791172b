"""Uploads of strangers: how large, how many, how long they may take and how long they may lie.

Streamlit takes any number of files for any open session, whether a page shows an uploader or not, and keeps them until
the session has ended.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from personality.constants import PUBLIC_UPLOAD_LIMITS
from personality.utils.public_mode import is_public
from server.asgi import ASGIApp, Message, Receive, Scope, Send, read_header, send_error_response
from server.limits import PUBLIC_SERVER_LIMITS

UPLOAD_PATH_PATTERN = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
UPLOAD_TOO_LARGE_MESSAGE = f"An upload may have {PUBLIC_UPLOAD_LIMITS.file_bytes // 2**20} MB at most."
LENGTH_REQUIRED_MESSAGE = "An upload says how long it is (Content-Length)."
TOO_MANY_UPLOADS_MESSAGE = "Too many uploads wait for a page to take them. Try again in a minute."
UPLOAD_TIMEOUT_MESSAGE = f"The upload took longer than {PUBLIC_SERVER_LIMITS.upload_timeout_seconds:.0f} s."
MAX_MULTIPART_OVERHEAD_BYTES = 2**16  # bytes of a multipart body beside its file, at most
UPLOAD_RETRY_SECONDS = 60  # seconds


class UploadLimitMiddleware:
    """Middleware of a public server: an upload needs room before it is read, and has limited time."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.uploads_in_progress: list[tuple[str, int]] = []  # session and bytes of those that are on their way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = (
            UPLOAD_PATH_PATTERN.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        )
        if found is None:
            return await self.app(scope, receive, send)
        told = read_header(scope, b"content-length") or ""
        if not told.isdecimal():
            return await send_error_response(scope, send, 411, LENGTH_REQUIRED_MESSAGE)
        upload = (found[1], int(told))
        if upload[1] > PUBLIC_UPLOAD_LIMITS.file_bytes + MAX_MULTIPART_OVERHEAD_BYTES:
            return await send_error_response(scope, send, 413, UPLOAD_TOO_LARGE_MESSAGE)
        if not can_accept_upload([*list_pending_uploads(), *self.uploads_in_progress], upload):
            return await serve_within_timeout(drain_and_refuse_upload, scope, receive, send)
        self.uploads_in_progress.append(upload)
        try:
            await serve_within_timeout(self.app, scope, receive, send)
        finally:
            self.uploads_in_progress.remove(upload)


async def drain_and_refuse_upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and keep none of it, for who is still sending does not hear the answer."""
    while (await receive()).get("more_body"):
        pass
    await send_error_response(scope, send, 429, TOO_MANY_UPLOADS_MESSAGE, UPLOAD_RETRY_SECONDS)


async def serve_within_timeout(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an app answer while there is time; what it has read is gone where there is not."""
    begun = False

    async def note(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        async with asyncio.timeout(PUBLIC_SERVER_LIMITS.upload_timeout_seconds):
            await app(scope, receive, note)
    except TimeoutError:
        if not begun:
            await send_error_response(scope, send, 408, UPLOAD_TIMEOUT_MESSAGE)


def can_accept_upload(others: list[tuple[str, int]], upload: tuple[str, int]) -> bool:
    """Whether one more upload, of a session and with so many bytes, is within the caps of all and of its session."""
    session, size = upload
    own = [bytes_ for whose, bytes_ in others if whose == session]
    every = [bytes_ for _, bytes_ in others]
    return (
        len(own) < PUBLIC_SERVER_LIMITS.max_uploads_per_session
        and sum(own) + size <= PUBLIC_SERVER_LIMITS.max_upload_bytes_per_session + MAX_MULTIPART_OVERHEAD_BYTES
        and len(every) < PUBLIC_SERVER_LIMITS.max_pending_uploads
        and sum(every) + size <= PUBLIC_SERVER_LIMITS.max_pending_upload_bytes
    )


def _uploaded_file_manager() -> MemoryUploadedFileManager:
    return cast(MemoryUploadedFileManager, Runtime.instance().uploaded_file_mgr)  # what `streamlit run` makes


def list_pending_uploads() -> list[tuple[str, int]]:
    """Session and bytes of every upload that no page has taken yet."""
    sessions = _uploaded_file_manager().file_storage.copy()  # script threads change it meanwhile
    return [(one, len(file.data)) for one, files in sessions.items() for file in files.copy().values()]


def delete_stale_uploads(seen: dict[tuple[str, str], float], now: float) -> dict[tuple[str, str], float]:
    """Drop the uploads of sessions that have ended, and of strangers those that lay for too long; returns since when
    each of the others lies.

    A body that ends after its session is kept by Streamlit for good.
    """
    manager = _uploaded_file_manager()
    sessions = {one.session.id for one in Runtime.instance()._session_mgr.list_sessions()}
    lie = [(one, file) for one, files in manager.file_storage.copy().items() for file in files.copy()]
    since = {one: seen.get(one, now) for one in lie}
    for session, file in lie:
        if session not in sessions:
            manager.remove_session_files(session)
        elif is_public() and now - since[session, file] >= PUBLIC_SERVER_LIMITS.unclaimed_upload_seconds:
            manager.remove_file(session, file)
    return since
