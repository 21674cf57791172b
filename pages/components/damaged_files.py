"""Warnings about workspace files that cannot be read; the page shows the contents of the others."""

from __future__ import annotations

import streamlit as st

from pages.components.access_control import operator_only
from pages.components.plain_text import escape_markdown
from personality.utils.workspace import describe_chosen_models_error, runs_folder, workspace_folder
from training.runs import evaluation_job, run


def show_damaged_files() -> None:
    """Show a warning for each damaged file in the workspace."""
    operator_only()
    for why in (
        describe_chosen_models_error(),
        evaluation_job.describe_evaluation_damage(workspace_folder()),
        *run.describe_damaged_runs(runs_folder()),
    ):
        if why:
            st.warning(escape_markdown(why), icon=":material/warning:")
