"""Elements shared by several pages: the page header, charts by group, and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components import real_figures, table_picker
from pages.components.figure_texts import translate_figure
from pages.components.language import mark_text, translate
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
    "gain": mark_text("Gain over the mean baseline"),
    "accuracy": mark_text("Accuracy"),
    "signed_error": mark_text("Over- and underrating"),
    "concordance": mark_text("Concordance"),
    "r2": "R²",
    "actual_mean": mark_text("Mean human rating"),
}
# Legend of a dot chart, by measure: the meaning of the dot, and of the reference marks.
DOT_CHART_CAPTIONS = {
    "accuracy": (
        mark_text("accuracy, 1 − mean absolute error"),
        mark_text(
            "Grey tick: [mean baseline](about#terms), the accuracy of giving every clip the mean rating of the "
            "training clips. Grey diamond: [same-source baseline](about#terms), the accuracy of giving a clip the "
            "ratings of other clips from the same video; without such clips it equals the mean baseline."
        ),
    ),
    "gain": (
        mark_text("accuracy minus the [mean baseline](about#terms) on the same clips"),
        mark_text(
            "To the right of the grey line, the model is more accurate than giving every clip the mean rating of the "
            "training clips."
        ),
    ),
    "concordance": (
        mark_text(
            "Lin's concordance correlation between predictions and human ratings; 1 means identical, 0 means unrelated"
        ),
        mark_text("Grey line: the concordance of a constant prediction."),
    ),
    "r2": (
        mark_text("R², the share of the variance of the group's ratings that the model explains"),
        mark_text("To the left of the grey line, the model is worse than predicting the group's mean rating."),
    ),
    "signed_error": (
        mark_text("mean of the predicted minus the human rating"),
        mark_text("To the right of the grey line the model rates people higher than humans do; to the left, lower."),
    ),
    "actual_mean": (
        mark_text("the mean human rating, which is the same for all models evaluated on the same clips"),
        mark_text("A difference between groups in this measure comes from the human raters. A model may learn it."),
    ),
}
TABLE_HASH_FUNCTIONS: dict[str | type, Callable] = {pd.DataFrame: table_picker.hash_predictions_table}
REFRESH_INTERVAL = "2s"  # how often the state of background processes is redrawn
# The only button of a Plotly chart, a camera, saves it as SVG; more of them would cover the legend.
PLOTLY_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": {"format": "svg"}}


def draw_page_header(title: str, lead: str, *, notice: bool) -> None:
    """The title of a page and its introduction; `notice`: whether to show the notice on practice data."""
    st.title(title)
    st.markdown(lead)
    if notice:
        st.info(translate(demo.PRACTICE_NOTICE), icon=":material/science:")


def accuracy_rows(data: table_picker.AnalysisData, by: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy per model, trait and group. Stops the page with a message if the data do not have the attribute."""
    try:
        return data.accuracy_by(by) if isinstance(data, RealFigures) else _cached_accuracy_rows(data, by)
    except PredictionsError as error:
        st.warning(escape_markdown(error), icon=":material/data_alert:")
        st.stop()


@st.cache_data(max_entries=64, show_spinner="Computing accuracy ...", hash_funcs=TABLE_HASH_FUNCTIONS)
def _cached_accuracy_rows(table: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    with log_duration("counting of groups"):
        return accuracy_by(table, by)


def model_differences(data: table_picker.AnalysisData, reference: str) -> pd.DataFrame:
    """The accuracy of every other model minus that of `reference`."""
    if isinstance(data, RealFigures):
        return data.compare_with(reference)
    return _cached_model_differences(data, reference)


@st.cache_data(max_entries=64, show_spinner="Comparing models ...", hash_funcs=TABLE_HASH_FUNCTIONS)
def _cached_model_differences(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    return compare_models(table, reference)


@st.cache_data(max_entries=64, show_spinner="Checking group averages ...", hash_funcs=TABLE_HASH_FUNCTIONS)
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
    """Draw a measure as dots with intervals, next to the baselines chosen above the page.

    Parameters are those of `personality.plots.accuracy_plots.accuracy_dots`; `alt` is the chart's alternative text.
    """
    figure = _cached_measure_chart(rows, line, colour, colours, measure, table_picker.chosen_baselines(), published)
    st.plotly_chart(translate_figure(figure), width="stretch", key=key, alt=alt, config=PLOTLY_CONFIG)


@st.cache_resource(max_entries=64, show_spinner=False)  # no copy needed here: Streamlit copies a figure to draw it
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
    """Let the visitor choose a measure, one of `gaps.GAP_MEASURES`, for the charts and the group comparison."""
    measures = list(GAP_MEASURES) if isinstance(data, RealFigures) else available_measures(data)
    return st.segmented_control(
        "Measure",
        measures,
        default=measures[0],
        required=True,
        format_func=MEASURE_LABELS.__getitem__,
        key="measure",
        bind="query-params",
        help="Accuracy: 1 − mean absolute error. Gain: accuracy minus the mean baseline; compares groups more fairly, "
        "because ratings that vary little are easy to predict. Over- and underrating: predicted minus human rating. "
        "Concordance and R²: how well predictions follow the differences between people.",
    )


def group_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Number of clips per group, in the order of the groups: columns group, n."""
    return rows.groupby("group", sort=False)["n"].max().reset_index()


def one_row_per_clip(table: pd.DataFrame) -> pd.DataFrame:
    """The clips of a predictions table with their attributes, one row each."""
    return table.drop_duplicates("clip")


def explain_dot_chart(measure: str = "accuracy") -> None:
    """The legend of a dot chart, in words."""
    dot, reference_marks = DOT_CHART_CAPTIONS[measure]
    text = translate("Dot: {dot}. Line: 95 % interval (clustered by source video).").format(dot=translate(dot))
    st.caption(f"{text} {translate(reference_marks)}")


def warn_small_groups(rows: pd.DataFrame) -> None:
    """Warn about groups with few clips, and name groups without clips."""
    sizes = rows.groupby("group", sort=False)[["n", "sources"]].max()
    small = [
        f"{escape_markdown(name)} ({row.n:,} from {row.sources:,} videos)"
        for name, row in sizes.iterrows()
        if 0 < row.n < MIN_GROUP_CLIPS
    ]
    empty = [escape_markdown(name) for name, row in sizes.iterrows() if row.n == 0]
    if small:
        text = (
            f"These groups have fewer than {MIN_GROUP_CLIPS} clips; interpret them with caution: {', '.join(small)}. "
            f"Groups with fewer than {MIN_SOURCES} source videos have no interval."
        )
        st.warning(text, icon=":material/groups:")
    if empty:
        st.caption(f"Groups without clips: {', '.join(empty)}")


def warn_estimated_attribute(data: table_picker.AnalysisData, attribute: str) -> None:
    """Warn if an attribute is an estimate for some clips, because its errors then affect the results."""
    if isinstance(data, RealFigures):
        return
    counts = count_attribute_origins(data, attribute)
    if not counts.get(ESTIMATED):
        return
    st.warning(
        f"Annotated by people: {counts.get(ANNOTATED, 0):,} clips. **Estimated from the face: {counts[ESTIMATED]:,}**. "
        "Errors of these estimates affect the results. To separate the two on *Explore*, add the attribute "
        f"*{escape_markdown(attribute)}\\_from*.",
        icon=":material/face_retouching_natural:",
    )


def draw_table_expander(rows: pd.DataFrame, *, key: str) -> None:
    """The values behind a chart, to read and to download."""
    with st.expander("Show table", icon=":material/table:"):
        draw_downloadable_table(rows, key=key)


def draw_downloadable_table(rows: pd.DataFrame, *, key: str) -> None:
    """A table with four decimals, and download buttons; the downloads include the method."""
    number = st.column_config.NumberColumn(format="%.4f")
    columns = rows.select_dtypes("floating").columns
    st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(columns, number), key=f"{key}_figures")
    with st.container(horizontal=True):
        csv, json = (lambda: rows_to_csv(rows).encode()), (lambda: rows_to_json(rows).encode())
        st.download_button("CSV", csv, f"{key}.csv", "text/csv", key=f"{key}_csv", icon=":material/download:")
        st.download_button(
            "JSON", json, f"{key}.json", "application/json", key=f"{key}_json", icon=":material/download:"
        )
    st.caption(
        "Both files describe how the intervals were computed. To save a chart, use the camera button in its top right "
        "corner."
    )


def show_group_sum_check(data: table_picker.AnalysisData, rows: pd.DataFrame, by: tuple[str, ...]) -> None:
    """Check that the groups average to the overall accuracy, and report the clips without a known group."""
    if isinstance(data, RealFigures):
        real_figures.show_omitted_groups(data, by)
        return
    unknown, difference = _cached_group_sum_check(data, rows, by)
    if difference > 1e-6:
        st.error(
            f"The weighted average of the groups differs from the overall accuracy by {difference:.4f}. This is an "
            "error in the program; please report it."
        )
        return
    clips = data["clip"].nunique()
    excluded = f" Excluded: {unknown:,} of {clips:,} clips, whose group is unknown." if unknown else ""
    st.caption(
        f"Check passed: the average of the groups, weighted by number of clips, equals the overall accuracy.{excluded}"
    )
