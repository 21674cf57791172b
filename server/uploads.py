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

from personality.constants import LIMITS
from personality.utils.public_mode import is_public
from server.asgi import App, Message, Receive, Scope, Send, header, refuse
from server.limits import VISITS

ADDRESS = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
LARGE = f"An upload may have {LIMITS.upload_bytes // 2**20} MB at most."
UNTOLD = "An upload says how long it is (Content-Length)."
MANY = "Too many uploads wait for a page to take them. Try again in a minute."
SLOW = f"The upload took longer than {VISITS.upload_seconds:.0f} s."
FRAME = 2**16  # bytes of a multipart body beside its file, at most
RETRY = 60  # seconds


class Uploads:
    """Middleware of a public server: an upload needs room before it is read, and has limited time."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.coming: list[tuple[str, int]] = []  # session and bytes of those that are on their way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = ADDRESS.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if found is None:
            return await self.app(scope, receive, send)
        told = header(scope, b"content-length") or ""
        if not told.isdecimal():
            return await refuse(scope, send, 411, UNTOLD)
        upload = (found[1], int(told))
        if upload[1] > LIMITS.upload_bytes + FRAME:
            return await refuse(scope, send, 413, LARGE)
        if not fits([*lying(), *self.coming], upload):
            return await in_time(decline, scope, receive, send)
        self.coming.append(upload)
        try:
            await in_time(self.app, scope, receive, send)
        finally:
            self.coming.remove(upload)


async def decline(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and keep none of it, for who is still sending does not hear the answer."""
    while (await receive()).get("more_body"):
        pass
    await refuse(scope, send, 429, MANY, RETRY)


async def in_time(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an app answer while there is time; what it has read is gone where there is not."""
    begun = False

    async def note(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        async with asyncio.timeout(VISITS.upload_seconds):
            await app(scope, receive, note)
    except TimeoutError:
        if not begun:
            await refuse(scope, send, 408, SLOW)


def fits(others: list[tuple[str, int]], upload: tuple[str, int]) -> bool:
    """Whether one more upload, of a session and with so many bytes, is within the caps of all and of its session."""
    session, size = upload
    own = [bytes_ for whose, bytes_ in others if whose == session]
    every = [bytes_ for _, bytes_ in others]
    return (
        len(own) < VISITS.files_each
        and sum(own) + size <= VISITS.bytes_each + FRAME
        and len(every) < VISITS.files
        and sum(every) + size <= VISITS.bytes
    )


def _manager() -> MemoryUploadedFileManager:
    return cast(MemoryUploadedFileManager, Runtime.instance().uploaded_file_mgr)  # what `streamlit run` makes


def lying() -> list[tuple[str, int]]:
    """Session and bytes of every upload that no page has taken yet."""
    sessions = _manager().file_storage.copy()  # script threads change it meanwhile
    return [(one, len(file.data)) for one, files in sessions.items() for file in files.copy().values()]


def sweep_uploads(seen: dict[tuple[str, str], float], now: float) -> dict[tuple[str, str], float]:
    """Drop the uploads of sessions that have ended, and of strangers those that lay for too long; returns since when
    each of the others lies.

    A body that ends after its session is kept by Streamlit for good.
    """
    manager = _manager()
    sessions = {one.session.id for one in Runtime.instance()._session_mgr.list_sessions()}
    lie = [(one, file) for one, files in manager.file_storage.copy().items() for file in files.copy()]
    since = {one: seen.get(one, now) for one in lie}
    for session, file in lie:
        if session not in sessions:
            manager.remove_session_files(session)
        elif is_public() and now - since[session, file] >= VISITS.untaken_seconds:
            manager.remove_file(session, file)
    return since
