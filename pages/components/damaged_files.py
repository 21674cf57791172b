"""Files of the operator's workspace that cannot be read: what is in the others is shown, and these are named."""

from __future__ import annotations

import streamlit as st

from pages.components.access_control import operator_only
from pages.components.plain_text import plain
from personality.utils.workspace import damaged_choice, runs_folder, workspace
from training.runs import evaluation_job, run


def name_damages() -> None:
    """A sentence for each of them."""
    operator_only()
    for why in (damaged_choice(), evaluation_job.damaged(workspace()), *run.damages(runs_folder())):
        if why:
            st.warning(plain(why), icon=":material/warning:")
