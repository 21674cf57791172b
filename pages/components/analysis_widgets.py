"""What several pages draw: the frame of a page, charts of groups and the figures behind them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components import real_figures, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.consistency_checks import check_group_averages, count_attribute_origins
from personality.analysis.export import rows_to_csv, rows_to_json
from personality.analysis.gaps import GAP_MEASURES, available_measures
from personality.analysis.groups import MIN_GROUP_CLIPS, accuracy_by
from personality.analysis.jackknife import MIN_SOURCES
from personality.analysis.model_comparison import compare_models
from personality.analysis.real_figures import RealFigures
from personality.assets import demo
from personality.plots import accuracy_plots
from personality.predictions.predictions_table import PredictionsError
from personality.traits import ANNOTATED, ESTIMATED
from personality.utils.app_log import log_duration

MEASURE_LABELS = {
    "gain": "Gain over the mean",
    "accuracy": "Accuracy",
    "signed_error": "Over- and underrating",
    "concordance": "Concordance",
    "r2": "R²",
    "actual_mean": "What people said",
}
# What a chart of dots shows: the dot, and what is beside it.
DOT_CHART_CAPTIONS = {
    "accuracy": (
        "accuracy, 1 − mean absolute error",
        "Grey tick: the accuracy of always predicting the training mean; a model that does not exceed it has learnt "
        "nothing. Grey diamond: of repeating the ratings of other clips of the same video, without looking; where "
        "there are no such clips it lies on the tick.",
    ),
    "gain": (
        "accuracy minus the accuracy of always predicting the training mean, on the same clips",
        "Right of the grey line a model has learnt something; on it, it has not.",
    ),
    "concordance": (
        "Lin's concordance between predictions and ratings: 1 where they are the same, 0 where they have nothing to do "
        "with each other",
        "Grey line: what always predicting the same reaches.",
    ),
    "r2": (
        "1 minus squared errors by the spread of the group's ratings: the share that the model explains",
        "Left of the grey line a model is worse than the group's own mean.",
    ),
    "signed_error": (
        "mean of predicted minus actual",
        "Right of the grey line a model overrates, left of it it underrates.",
    ),
    "actual_mean": (
        "the mean of people's ratings, the same for all models of the same clips",
        "A difference between groups here is a judgement of people, which a model may learn.",
    ),
}
TABLE_HASH_FUNCTIONS: dict[str | type, Callable] = {pd.DataFrame: table_picker.hash_predictions_table}
REFRESH_INTERVAL = "2s"  # how often what goes on by itself is drawn again
# Plotly's camera saves the picture as it is on screen.
PLOTLY_CONFIG = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


def draw_page_header(title: str, lead: str, *, notice: bool) -> None:
    """A page's title, one sentence on what it shows, and the demo's notice where the page shows the demo."""
    st.title(title)
    st.markdown(lead)
    if notice:
        st.info(demo.PRACTICE_NOTICE, icon=":material/science:")


def accuracy_rows(data: table_picker.AnalysisData, by: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy per model, trait and group. Ends the page with a sentence where the data lack the attribute."""
    try:
        return data.accuracy_by(by) if isinstance(data, RealFigures) else _cached_accuracy_rows(data, by)
    except PredictionsError as error:
        st.warning(escape_markdown(error), icon=":material/data_alert:")
        st.stop()


@st.cache_data(max_entries=64, show_spinner="Counting ...", hash_funcs=TABLE_HASH_FUNCTIONS)
def _cached_accuracy_rows(table: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    with log_duration("counting of groups"):
        return accuracy_by(table, by)


def model_differences(data: table_picker.AnalysisData, reference: str) -> pd.DataFrame:
    """The accuracy of every other model minus that of the reference."""
    if isinstance(data, RealFigures):
        return data.compare_with(reference)
    return _cached_model_differences(data, reference)


@st.cache_data(max_entries=64, show_spinner="Comparing models ...", hash_funcs=TABLE_HASH_FUNCTIONS)
def _cached_model_differences(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    return compare_models(table, reference)


@st.cache_data(max_entries=64, show_spinner="Adding up ...", hash_funcs=TABLE_HASH_FUNCTIONS)
def _cached_group_sum_check(table: pd.DataFrame, rows: pd.DataFrame, by: tuple[str, ...]) -> tuple[int, float]:
    return check_group_averages(table, rows, by)


def draw_measure_chart(
    rows: pd.DataFrame,
    *,
    line: str,
    colour: str,
    colours: dict[str, str],
    key: str,
    alt: str,
    measure: str = "accuracy",
    published: pd.DataFrame | None = None,
) -> None:
    """Dots with intervals beside the baselines that the bar says; as `charts.accuracy_dots`."""
    figure = _cached_measure_chart(rows, line, colour, colours, measure, table_picker.chosen_baselines(), published)
    st.plotly_chart(figure, width="stretch", key=key, alt=alt, config=PLOTLY_CONFIG)


@st.cache_resource(max_entries=64, show_spinner=False)  # shared, not copied: Streamlit copies what it draws
def _cached_measure_chart(
    rows: pd.DataFrame,
    line: str,
    colour: str,
    colours: dict[str, str],
    measure: str,
    baselines: tuple[str, ...],
    published: pd.DataFrame | None,
) -> go.Figure:
    return accuracy_plots.accuracy_dots(
        rows,
        line=line,
        colour=colour,
        colours=colours,
        measure=measure,
        baselines=baselines,
        published=published,
    )


def choose_measure(data: table_picker.AnalysisData) -> str:
    """What the charts and the comparison of groups on a page show, one of `gaps.MEASURES`; kept in the URL."""
    measures = list(GAP_MEASURES) if isinstance(data, RealFigures) else available_measures(data)
    choice = st.segmented_control(
        "Measure",
        measures,
        default=measures[0],
        format_func=MEASURE_LABELS.__getitem__,
        key="measure",
        bind="query-params",
        help="Accuracy: 1 - mean absolute error. Gain: accuracy minus that of always predicting the training mean, "
        "because people whose ratings vary little are easy to predict. Over- and underrating: predicted minus actual.",
    )
    return choice or measures[0]


def group_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Clips per group, in the groups' order: columns group, n."""
    return rows.groupby("group", sort=False)["n"].max().reset_index()


def one_row_per_clip(table: pd.DataFrame) -> pd.DataFrame:
    """The clips of a predictions table with their attributes."""
    return table.drop_duplicates("clip")


def explain_dot_chart(measure: str = "accuracy") -> None:
    """The legend of every chart of dots, in words."""
    dot, beside = DOT_CHART_CAPTIONS[measure]
    st.caption(f"Dot: {dot}. Line: 95 % interval (leaving out one source video at a time). {beside}")


def warn_small_groups(rows: pd.DataFrame) -> None:
    """Name the groups that are too small to say much."""
    sizes = rows.groupby("group", sort=False)[["n", "sources"]].max()
    small = [
        f"{escape_markdown(name)} ({row.n:,} of {row.sources:,})"
        for name, row in sizes.iterrows()
        if 0 < row.n < MIN_GROUP_CLIPS
    ]
    empty = [escape_markdown(name) for name, row in sizes.iterrows() if row.n == 0]
    if small:
        text = (
            f"Under {MIN_GROUP_CLIPS} clips, read with care (clips of sources): {', '.join(small)}. Groups of under "
            f"{MIN_SOURCES} sources have no interval."
        )
        st.warning(text, icon=":material/groups:")
    if empty:
        st.caption(f"No clips at all: {', '.join(empty)}")


def warn_estimated_attribute(data: table_picker.AnalysisData, attribute: str) -> None:
    """Of how many clips the attribute is an estimate, whose errors then mix with the models'."""
    if isinstance(data, RealFigures):
        return
    counts = count_attribute_origins(data, attribute)
    if not counts.get(ESTIMATED):
        return
    st.warning(
        f"Annotated by people: {counts.get(ANNOTATED, 0):,} clips. **Estimated from the face: {counts[ESTIMATED]:,}**; "
        "there the estimator's errors mix with the models'. *Explore* tells them apart: cross with "
        f"{escape_markdown(attribute)}_from.",
        icon=":material/face_retouching_natural:",
    )


def draw_table_expander(rows: pd.DataFrame, *, key: str) -> None:
    """The figures behind a chart, to read and to download."""
    with st.expander("Figures", icon=":material/table:"):
        draw_downloadable_table(rows, key=key)


def draw_downloadable_table(rows: pd.DataFrame, *, key: str) -> None:
    """Rows with their numbers to four places; downloads that say how they were made."""
    number = st.column_config.NumberColumn(format="%.4f")
    columns = rows.select_dtypes("floating").columns
    st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(columns, number), key=f"{key}_figures")
    with st.container(horizontal=True):
        csv, json = (lambda: rows_to_csv(rows).encode()), (lambda: rows_to_json(rows).encode())
        st.download_button("CSV", csv, f"{key}.csv", "text/csv", key=f"{key}_csv", icon=":material/download:")
        st.download_button(
            "JSON", json, f"{key}.json", "application/json", key=f"{key}_json", icon=":material/download:"
        )
    st.caption("Both say how the intervals were made. The camera above a chart saves the picture.")


def show_group_sum_check(data: table_picker.AnalysisData, rows: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Say that the groups add up to the whole, or that they do not, and how many clips are of no known group."""
    if isinstance(data, RealFigures):
        real_figures.show_omitted_groups(data, by)
        return
    unknown, off = _cached_group_sum_check(data, rows, by)
    if off > 1e-6:
        st.error(f"The groups do not add up to the whole: they are {off:.4f} off. Please report this.")
        return
    clips = data["clip"].nunique()
    without = f"; {unknown:,} of {clips:,} clips are of no known group and in none of them" if unknown else ""
    st.caption(f"Checked: averaged by their numbers of clips, the groups give the overall accuracy{without}.")
