"""The button below every analysis page that makes an audit of the shown table as one file."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components import group_differences, real_figures, table_picker
from pages.components.plain_text import plain
from personality.analysis.real_figures import RealFigures
from personality.predictions.predictions_table import PredictionsError
from personality.utils.app_log import noted

ATTRIBUTES = ("gender", "ethnicity", "age_group", "emotion")


def offer_report(data: table_picker.Data) -> None:
    """A download of the audit, made when it is asked for; nothing for figures without clips."""
    if isinstance(data, RealFigures):
        return
    by = tuple(name for name in ATTRIBUTES if table_picker.has(data, name))
    if not by:
        return
    st.subheader("Audit")
    st.download_button(
        "Audit as one file (HTML)",
        lambda: make_report(data, by),
        "audit.html",
        "text/html",
        key="audit",
        icon=":material/fact_check:",
    )
    st.caption(
        f"Accuracy, groups by {plain(', '.join(by))}, the worst groups, and a verdict in words; to read, print or send."
    )


def make_report(data: pd.DataFrame, by: tuple[str, ...]) -> bytes:
    """The HTML of an audit, or of the sentence why there is none."""
    from personality.report.audit import audit
    from personality.report.page import render

    chosen = st.session_state.get(real_figures.CHOICE, table_picker.DEMO)
    with group_differences.COMPARISONS.turn(lambda ahead: None), noted("audit"):
        try:
            return render(
                audit(data, by, name="an uploaded table" if chosen == table_picker.UPLOAD else chosen)
            ).encode()
        except PredictionsError as error:
            return str(error).encode()
