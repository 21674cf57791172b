"""The button below every analysis page that downloads an audit report of the selected table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components import group_differences, real_figures, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.real_figures import RealFigures
from personality.predictions.predictions_table import PredictionsError
from personality.utils.app_log import log_duration

AUDIT_BUTTON_ATTRIBUTES = ("gender", "ethnicity", "age_group", "emotion")


def offer_audit_download(data: table_picker.AnalysisData) -> None:
    """A download button for the audit, which is computed when clicked; not for results without clips."""
    if isinstance(data, RealFigures):
        return
    by = tuple(name for name in AUDIT_BUTTON_ATTRIBUTES if table_picker.has_several_groups(data, name))
    if not by:
        return
    st.header("Audit report")
    st.download_button(
        "Download audit report (HTML)",
        lambda: make_audit_file(data, by),
        "audit.html",
        "text/html",
        key="audit",
        icon=":material/fact_check:",
    )
    st.caption(
        "One file to read, print or share: overall accuracy, accuracy by "
        f"{escape_markdown(', '.join(by))}, the groups with the largest errors, and conclusions in words."
    )


def make_audit_file(data: pd.DataFrame, by: tuple[str, ...]) -> bytes:
    """The HTML of the audit, or an error message."""
    from personality.report.audit import audit_predictions
    from personality.report.page import render_report

    chosen = st.session_state.get(real_figures.DATA_CHOICE_STATE_KEY, table_picker.PRACTICE_DATA_LABEL)
    with group_differences.COMPARISON_QUEUE.wait_for_slot(lambda ahead: None), log_duration("audit"):
        try:
            return render_report(
                audit_predictions(
                    data, by, name="an uploaded table" if chosen == table_picker.UPLOAD_DATA_LABEL else chosen
                )
            ).encode()
        except PredictionsError as error:
            return str(error).encode()
