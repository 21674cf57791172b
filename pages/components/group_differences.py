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
from server.page_turns import end_run_of_lost_visitor, page_turn, visitor_address

# By measure: the axis title of a difference, and the meaning of a difference above 0.
GAP_AXIS_LABELS = {
    "concordance": (
        "difference in concordance",
        "To the right of 0, predictions agree better with human ratings for this group.",
    ),
    "r2": ("difference in R²", "To the right of 0, the model explains more of the variance of this group's ratings."),
    "accuracy": ("difference in accuracy", "To the right of 0, the model makes smaller errors for this group."),
    "gain": (
        "difference in gain",
        "To the right of 0, the model improves more on the mean baseline for this group.",
    ),
    "signed_error": (
        "difference in predicted − human rating",
        "To the right of 0, the model rates this group too high compared with the reference.",
    ),
    "actual_mean": (
        "difference in mean human rating",
        "To the right of 0, humans rated this group higher. The difference is not caused by a model.",
    ),
}
COMPARISON_QUEUE = FairQueue(1)  # for all visitors; not in Streamlit's cache, which any visitor's message may clear


@st.fragment(parallel=True)  # with many clips the tests take seconds, and the page does not wait for them
def draw_group_differences(
    data: table_picker.AnalysisData, by: tuple[str, ...], *, trait: str, measure: str, key: str
) -> None:
    """Draw the differences between groups in a measure, with intervals and significance tests.

    Parameters
    ----------
    data : AnalysisData
        A predictions table or the results of real people.
    by : tuple of str
        The attributes that define the groups.
    trait : str
        The trait shown, or `mean`.
    measure : str
        One of `gaps.GAP_MEASURES`.
    key : str
        Prefix of the keys of the elements.
    """
    st.header("Differences between groups")
    try:
        found = _compare_groups_in_turn(data, by, measure)
    except PredictionsError as error:
        st.caption(escape_markdown(error))
        return
    with page_turn():
        _draw_gaps(data, found, trait=trait, measure=measure, key=key)


def _draw_gaps(data: table_picker.AnalysisData, found: GroupComparison, *, trait: str, measure: str, key: str) -> None:
    gaps = found.gaps[found.gaps["trait"].eq(trait)]
    colours = table_picker.colours_by_model(data)
    title, hint = GAP_AXIS_LABELS[measure]
    figure = accuracy_plots.gap_dots(gaps, colours=colours, title=title)
    alt = f"Differences between groups in {analysis_widgets.MEASURE_LABELS[measure]}, {TRAIT_LABELS[trait]}"
    st.plotly_chart(figure, width="stretch", key=f"{key}_gaps", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    reference = (
        "all other groups together"
        if gaps["reference"].iloc[0] == OTHER_GROUPS
        else escape_markdown(gaps["reference"].iloc[0])
    )
    st.caption(
        f"{TRAIT_LABELS[trait]}; each group minus {reference}. {hint} Filled dot: significant difference (p < .05 "
        "after Holm's correction for multiple comparisons). Open dot: no significant difference. Line: 95 % interval "
        "of the single difference, without that correction; it can exclude 0 although the dot is open. The test is a "
        "cluster jackknife over source videos. If videos show several groups, it compares within videos."
    )
    _draw_gap_sentences(found, gaps, trait=trait, key=f"{key}_gaps_{measure}")


def _draw_gap_sentences(found: GroupComparison, gaps: pd.DataFrame, *, trait: str, key: str) -> None:
    """The largest difference per model, and a sentence for each difference."""
    for row in found.spreads[found.spreads["trait"].eq(trait)].to_dict("records"):
        lowest, highest = escape_markdown(row["lowest"]), escape_markdown(row["highest"])
        ends = f"{lowest} (n = {row['lowest_n']:,}) and {highest} (n = {row['highest_n']:,})"
        size = f"{row['difference']:.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        p = f"p = {row['p']:.3f}, corrected for all pairs"
        significance = p if row["p"] == row["p"] else "too few source videos for a test"
        st.markdown(
            f"- **{escape_markdown(row['model'])}**: the largest difference is between {ends}: {size}, {significance}"
        )
    with st.expander("All differences in words and numbers", icon=":material/table:"):
        for row in gaps.to_dict("records"):
            who = f"**{escape_markdown(row['model'])}**, {escape_markdown(row['group'])} (n = {row['n']:,})"
            st.markdown(f"- {who}: {escape_markdown(row['verdict'])}")
        analysis_widgets.draw_downloadable_table(found.gaps, key=key)


def _compare_groups_in_turn(data: table_picker.AnalysisData, by: tuple[str, ...], measure: str) -> GroupComparison:
    if isinstance(data, RealFigures):
        return data.compare_groups(by, measure)
    place = st.empty()

    def show_position(ahead: int) -> None:
        place.caption(f":material/hourglass_top: Waiting for other visitors; you are number {ahead:,} in the queue.")

    with COMPARISON_QUEUE.wait_for_slot(show_position, visitor_address()):
        return _cached_group_comparison(data, by, measure)


@st.cache_data(max_entries=64, show_spinner="Comparing groups ...", hash_funcs=analysis_widgets.TABLE_HASH_FUNCTIONS)
def _cached_group_comparison(table: pd.DataFrame, by: tuple[str, ...], measure: str) -> GroupComparison:
    with log_duration("comparison of groups"):
        return compare_groups(table, by, measure=measure, check=end_run_of_lost_visitor)
