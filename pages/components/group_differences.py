"""The section of an analysis page on differences between groups."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.gaps import OTHER_GROUPS, GroupComparison, compare_groups
from personality.analysis.real_figures import RealFigures
from personality.plots import accuracy_plots
from personality.predictions.predictions_table import PredictionsError
from personality.traits import TRAIT_LABELS
from personality.utils.app_log import log_duration
from personality.utils.fair_queue import FairQueue

# What a gap is called, and what one right of 0 means.
GAP_AXIS_LABELS = {
    "concordance": ("gap in concordance", "Right of 0 the model agrees more with people's ratings of this group."),
    "r2": ("gap in R²", "Right of 0 the model explains more of how the ratings of this group differ."),
    "accuracy": ("gap in accuracy", "Right of 0 the model errs less on this group."),
    "gain": ("gap in gain", "Right of 0 the model improves more on always predicting the mean for this group."),
    "signed_error": ("gap in predicted - actual", "Right of 0 the model rates this group higher than people do."),
    "actual_mean": ("gap in people's ratings", "Right of 0 people rated this group higher; no model is to blame."),
}
COMPARISON_QUEUE = FairQueue(1)  # of all visitors; not in Streamlit's cache, which any visitor's message may clear


@st.fragment(parallel=True)  # chance takes seconds where there are many clips; the page does not wait for it
def draw_group_differences(
    data: table_picker.AnalysisData, by: tuple[str, ...], *, trait: str, measure: str, key: str
) -> None:
    """The section of every page on groups: where they differ, by how much, and whether chance may have done it."""
    st.subheader("Differences between groups")
    try:
        found = _compare_groups_in_turn(data, by, measure)
    except PredictionsError as error:
        st.caption(escape_markdown(error))
        return
    gaps = found.gaps[found.gaps["trait"].eq(trait)]
    colours = table_picker.colours_by_model(data)
    title, hint = GAP_AXIS_LABELS[measure]
    figure = accuracy_plots.gap_dots(gaps, colours=colours, title=title)
    alt = f"Gaps between groups in {analysis_widgets.MEASURE_LABELS[measure]} with intervals, {TRAIT_LABELS[trait]}"
    st.plotly_chart(figure, width="stretch", key=f"{key}_gaps", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    reference = (
        "all others together"
        if gaps["reference"].iloc[0] == OTHER_GROUPS
        else escape_markdown(gaps["reference"].iloc[0])
    )
    st.caption(
        f"{TRAIT_LABELS[trait]}; each group minus {reference}. {hint} Filled dot: statistically significant "
        "(p < .05 after Holm's correction for the number of comparisons). Open dot: no significant difference, also "
        "where a line by itself is clear of 0. Line: 95 % interval of this one gap. The test leaves out one source "
        "video at a time, and compares within videos where these show several groups."
    )
    _draw_gap_sentences(found, gaps, trait=trait, key=f"{key}_gaps_{measure}")


def _draw_gap_sentences(found: GroupComparison, gaps: pd.DataFrame, *, trait: str, key: str) -> None:
    """The largest differences, and every gap in words."""
    for row in found.spreads[found.spreads["trait"].eq(trait)].to_dict("records"):
        lowest, highest = escape_markdown(row["lowest"]), escape_markdown(row["highest"])
        ends = f"{lowest} (n = {row['lowest_n']:,}) and {highest} (n = {row['highest_n']:,})"
        size = f"{row['difference']:.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        p = f"p = {row['p']:.3f} for the largest of all pairs"
        chance = p if row["p"] == row["p"] else "not to be tested"
        st.markdown(f"- **{escape_markdown(row['model'])}**: largest difference between {ends}: {size}, {chance}")
    with st.expander("In words, and all figures", icon=":material/table:"):
        for row in gaps.to_dict("records"):
            who = f"**{escape_markdown(row['model'])}**, {escape_markdown(row['group'])} (n = {row['n']:,})"
            st.markdown(f"- {who}: {escape_markdown(row['verdict'])}")
        analysis_widgets.draw_downloadable_table(found.gaps, key=key)


def _compare_groups_in_turn(data: table_picker.AnalysisData, by: tuple[str, ...], measure: str) -> GroupComparison:
    if isinstance(data, RealFigures):
        return data.compare_groups(by, measure)
    place = st.empty()

    def say(ahead: int) -> None:
        place.caption(f":material/hourglass_top: Others compare groups; you are number {ahead:,} in the queue.")

    with COMPARISON_QUEUE.wait_for_slot(say):
        return _cached_group_comparison(data, by, measure)


@st.cache_data(max_entries=64, show_spinner="Comparing groups ...", hash_funcs=analysis_widgets.TABLE_HASH_FUNCTIONS)
def _cached_group_comparison(table: pd.DataFrame, by: tuple[str, ...], measure: str) -> GroupComparison:
    with log_duration("comparison of groups"):
        return compare_groups(table, by, measure=measure)
