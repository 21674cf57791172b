"""The access check for operator-only pages, and for every function on them that changes something."""

from __future__ import annotations

import streamlit as st

from personality.utils.public_mode import is_public

OPERATOR_ONLY_MESSAGE = "This is not available on a public server."


def operator_only() -> None:
    """On a public server, show one sentence and stop the page, fragment or callback that calls this.

    Must be the first statement of every operator-only page, of every function that starts, changes, deletes or uploads
    something, and of every fragment and callback of these pages. A check at the top of the page is not enough, because
    Streamlit runs callbacks before the page's script, and fragments without it.

    Raises
    ------
    PermissionError
        If `st.stop` returns, which it does in a parallel fragment and outside of a script run.
    """
    if is_public():
        st.info(OPERATOR_ONLY_MESSAGE, icon=":material/lock:")
        st.stop()
        raise PermissionError(OPERATOR_ONLY_MESSAGE)
