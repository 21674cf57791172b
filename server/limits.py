"""How much of a public server a visitor, an address and all of them together may hold."""

from __future__ import annotations

from dataclasses import dataclass

from personality.constants import LIMITS


@dataclass(frozen=True)
class Visits:
    """The caps. A place is one open page, or one that was lost less than `kept` seconds ago."""

    places: int = 70
    places_each: int = 12  # of one address; a household or a class behind one router has one
    requests: int = 200  # being answered at the same moment, pages included
    requests_each: int = 60
    files: int = 30  # uploaded and not yet taken by a page, or on their way
    files_each: int = 2  # of one session
    bytes_each: int = 2 * LIMITS.upload_bytes
    bytes: int = 10 * LIMITS.upload_bytes
    upload_seconds: float = 120.0  # for the whole body; 1.4 Mbit/s fill it
    untaken_seconds: float = 30.0  # a page takes its upload at once; what lies longer has no page that wants it
    messages_at_once: int = 30  # of one page, which then has to wait
    message_seconds: float = 1.0  # between two of them
    message_megabytes: int = 1  # of the browser's, with the state of all widgets; a page's is some kilobytes


VISITS = Visits()
# Seconds that a session waits for its browser after a lost connection; Streamlit itself would let it go after 120, but
# only when it next looks.
KEPT = 20.0
