"""Two predictions side by side: the difference per model and trait, relative to that of a new recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import model_store
from pages.components.plain_text import escape_markdown
from personality.assets.shipped_models import model_label
from personality.inference.predict import Impression
from personality.inference.two_takes import compare_takes
from personality.traits import TRAIT_LABELS


def draw_two_takes(names: Sequence[str], impressions: Sequence[Sequence[Impression]]) -> None:
    """Two clips side by side: the difference per trait, and whether a new recording could explain it."""
    table = compare_takes(impressions[0], impressions[1], model_store.load_models_for_clip())
    st.header("Two clips compared")
    if table.empty:
        st.info("No model predicted both clips.", icon=":material/info:")
        return
    first, second = (escape_markdown(name) for name in names)
    if not table["is_real"].any() and table["margin"].notna().any():
        st.success(
            f"**No real difference** between {first} and {second}: recording the same clip again, or encoding it "
            "differently, changes the predictions as much.",
            icon=":material/drag_handle:",
        )
    draw_differences(names, table)


def draw_differences(names: Sequence[str], table: pd.DataFrame) -> None:
    """The table of `compare_takes`. Repeatability has a column only if it was measured for one of the models."""
    shown = pd.DataFrame(
        {
            "Model": table["model"].map(model_label),
            "Trait": table["trait"].map(TRAIT_LABELS),
            names[0]: table["first"],
            names[1]: table["second"],
            "Difference": table["difference"],
        }
    )
    config = {name: st.column_config.NumberColumn(format="%.3f") for name in (*names, "Difference", "Repeatability")}
    if table["margin"].isna().all():
        st.dataframe(shown, hide_index=True, column_config=config, key="takes")
        st.caption("How much a new recording changes these predictions was not measured.")
        return
    measured = shown.assign(Repeatability=table["margin"], Verdict=[_verdict(row) for row in table.itertuples()])
    st.dataframe(measured, hide_index=True, column_config=config, key="takes")
    st.caption(
        "Repeatability: the largest change that another encoding, microphone or cut of the same clip made in our "
        "measurements. A difference within it says nothing about the person."
    )


def _verdict(row: Any) -> str:
    if pd.isna(row.margin):
        return "repeatability not measured"
    return "differs" if row.is_real else "no real difference"
