"""What a public server refuses: the one check of the operator's pages and of everything on them that acts."""

from __future__ import annotations

import streamlit as st

from personality.utils.public_mode import is_public

OPERATOR_ONLY_MESSAGE = "This is not available on a public server."


def operator_only() -> None:
    """Where strangers are served, show one sentence and end the page, the fragment or the callback that calls this.

    It is the first statement of every page of the operator, of every function that starts, changes, deletes or takes in
    something, and of every fragment and callback beside these: Streamlit runs callbacks before the page's script and
    fragments without it, so a check at the top of the page does not cover them.

    Raises
    ------
    PermissionError
        Where `st.stop` returns, which it does in a parallel fragment and outside of a script run.
    """
    if is_public():
        st.info(OPERATOR_ONLY_MESSAGE, icon=":material/lock:")
        st.stop()
        raise PermissionError(OPERATOR_ONLY_MESSAGE)
