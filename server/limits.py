"""Resource limits of a public server: per session, per client address and in total."""

from __future__ import annotations

from dataclasses import dataclass

from personality.constants import PUBLIC_UPLOAD_LIMITS


@dataclass(frozen=True)
class PublicServerLimits:
    """Limits. A page counts while it is open, and for `LOST_SESSION_SECONDS` after its connection was lost."""

    max_pages: int = 70
    max_pages_per_address: int = 12  # a household or a class behind one router shares an address
    page_interval_seconds: float = 2.0  # between pages that an address opens, after it has opened as many at once
    max_page_delay_seconds: float = 10.0  # longer delays are refusals
    max_requests: int = 200  # concurrent requests, including pages
    max_requests_per_address: int = 60
    max_pending_uploads: int = 30  # uploads in progress, and complete ones that no page has read yet
    max_uploads_per_session: int = 2
    max_upload_bytes_per_session: int = 2 * PUBLIC_UPLOAD_LIMITS.file_bytes
    max_pending_upload_bytes: int = 10 * PUBLIC_UPLOAD_LIMITS.file_bytes
    upload_timeout_seconds: float = 120.0  # for the whole body; sufficient for the largest upload at 1.4 Mbit/s
    max_upload_burst_bytes: int = 2 * PUBLIC_UPLOAD_LIMITS.file_bytes  # of an address before its uploads are slowed
    upload_bytes_per_second: int = 4 * 2**20  # of an address after the burst; parsing them takes time of the server
    unclaimed_upload_seconds: float = 30.0  # pages read uploads immediately, so older ones do not belong to a page
    max_message_burst: int = 30  # messages of a page before their rate is limited; each runs the page
    message_interval_seconds: float = 1.0  # minimum interval between messages after the burst
    page_hold_seconds: float = 1.0  # how long a page that is computed keeps others waiting; predictions take longer
    max_message_megabytes: int = 1  # a message contains the state of all widgets, normally some kilobytes


PUBLIC_SERVER_LIMITS = PublicServerLimits()
# How long a session waits for its browser after a lost connection. Streamlit itself would keep it for at least 120 s.
LOST_SESSION_SECONDS = 20.0
