"""How much of a public server a visitor, an address and all of them together may hold."""

from __future__ import annotations

from dataclasses import dataclass

from personality.constants import PUBLIC_UPLOAD_LIMITS


@dataclass(frozen=True)
class PublicServerLimits:
    """The caps. A place is one open page, or one that was lost less than `kept` seconds ago."""

    max_pages: int = 70
    max_pages_per_address: int = 12  # of one address; a household or a class behind one router has one
    max_requests: int = 200  # being answered at the same moment, pages included
    max_requests_per_address: int = 60
    max_pending_uploads: int = 30  # uploaded and not yet taken by a page, or on their way
    max_uploads_per_session: int = 2  # of one session
    max_upload_bytes_per_session: int = 2 * PUBLIC_UPLOAD_LIMITS.file_bytes
    max_pending_upload_bytes: int = 10 * PUBLIC_UPLOAD_LIMITS.file_bytes
    upload_timeout_seconds: float = 120.0  # for the whole body; 1.4 Mbit/s fill it
    unclaimed_upload_seconds: float = (
        30.0  # a page takes its upload at once; what lies longer has no page that wants it
    )
    max_message_burst: int = 30  # of one page, which then has to wait
    message_interval_seconds: float = 1.0  # between two of them
    max_message_megabytes: int = 1  # of the browser's, with the state of all widgets; a page's is some kilobytes


PUBLIC_SERVER_LIMITS = PublicServerLimits()
# Seconds that a session waits for its browser after a lost connection; Streamlit itself would let it go after 120, but
# only when it next looks.
LOST_SESSION_SECONDS = 20.0
