"""Compute the pages of a public server one after the other.

All threads share Python's interpreter lock. A prediction releases it at every operation of a network and then waits for
each of the others that want it: next to five pages that are being computed, it takes several times as long as next to
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from personality.utils.fair_queue import FairQueue
from personality.utils.public_mode import is_public
from server.asgi import household_address
from server.limits import PUBLIC_SERVER_LIMITS

_PAGE_QUEUE = FairQueue(1, PUBLIC_SERVER_LIMITS.page_hold_seconds)


@contextmanager
def page_turn() -> Iterator[None]:
    """On a public server, wait until no other page is being computed; addresses take turns."""
    if not is_public():
        yield
        return
    with _PAGE_QUEUE.wait_for_slot(end_run_of_lost_visitor, visitor_address()):
        yield


def visitor_address() -> str:
    """Return the IPv4 address or IPv6 network of the visitor whose script is running, as `household_address`; empty on
    a private server."""
    return household_address(st.context.ip_address or "")


def end_run_of_lost_visitor(_position: int = 0) -> None:
    """Raise Streamlit's exception that ends a script run if the visitor has closed the page."""
    st.set_page_config(layout="wide")  # in any call, Streamlit ends the run of a closed tab
