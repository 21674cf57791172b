"""The data selection above every analysis page: results of real people or a table, models, clips, baselines."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import real_figures, table_upload
from pages.components.plain_text import escape_markdown
from personality.analysis.real_figures import SOURCE_SUBSETS, RealFigures
from personality.assets import demo
from personality.assets.shipped_models import model_label
from personality.dataset.index import SPLITS
from personality.plots import accuracy_plots, palettes
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import SOURCE_IN_TRAINING, SYNTHETIC_ATTR, PredictionsError
from personality.utils.app_log import log_duration
from personality.utils.public_mode import is_public
from personality.utils.workspace import list_prediction_tables

AnalysisData: TypeAlias = pd.DataFrame | RealFigures  # a predictions table, or results without their clips
REAL_DATA_LABEL = "Real people (summary statistics)"
PRACTICE_DATA_LABEL = "Practice data (explorable)"
UPLOAD_DATA_LABEL = "Upload a table ..."
SEEN_LABELS = {"yes": "seen sources", "no": "unseen sources"}
ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL = "all", "unseen in training"
DATA_WIDGET_KEY = "table"  # key of the data widget, and its query parameter
# Keys of a table's `attrs`: all its models; its file, modification time and the filters applied.
TABLE_MODELS_ATTR, TABLE_ORIGIN_ATTR = "models", "origin"
MAX_SHOWN_MODELS = 6  # that can be told apart in a chart; any six can be chosen
# The choices of baselines in dot charts; at least one is always shown.
BASELINE_CHOICES = {
    "both": tuple(accuracy_plots.BASELINE_MARKS),
    "mean baseline": ("baseline",),
    "same-source baseline": ("lookup",),
}


def chosen_baselines() -> tuple[str, ...]:
    """The selected baselines, keys of `accuracy_plots.BASELINE_MARKS`."""
    return BASELINE_CHOICES[st.session_state.get("baselines", "both")]


@st.cache_data(max_entries=8, show_spinner=False)
def load_cached_predictions(path: Path, mtime_ns: int) -> pd.DataFrame:
    """A predictions table with the pages' names of models.

    `mtime_ns` is part of the cache key: a changed file is read again.
    """
    with log_duration("reading of a table"):
        return name_models(read_predictions(path))


def name_models(table: pd.DataFrame) -> pd.DataFrame:
    """A predictions table with the names that all pages give to models; unchanged if two would have the same name."""
    names = {name: model_label(name) for name in table["model"].unique()}
    if len(set(names.values())) < len(names):
        return table
    return table.assign(model=table["model"].map(names))


def hash_predictions_table(table: pd.DataFrame) -> str:
    """A cache key for a table: from its file and filters if known, else from all of its rows.

    Streamlit's own hash uses only a sample of the rows of a large table.
    """
    origin = repr((table.attrs.get(TABLE_ORIGIN_ATTR), list(table), len(table))).encode()
    rows = b"" if TABLE_ORIGIN_ATTR in table.attrs else pd.util.hash_pandas_object(table).to_numpy().tobytes()
    return hashlib.sha256(origin + rows).hexdigest()


def colours_by_model(data: AnalysisData) -> dict[str, str]:
    """A colour per model, independent of which models are selected."""
    return palettes.model_colours(
        list(data.card["models"]) if isinstance(data, RealFigures) else data.attrs[TABLE_MODELS_ATTR]
    )


def has_several_groups(data: AnalysisData, attribute: str) -> bool:
    """Whether an attribute divides the clips into at least two groups."""
    if isinstance(data, RealFigures):
        return (attribute,) in data.attributes
    return attribute in data and len(data[attribute].dropna().unique()) > 1


def choose_data(*, baselines: bool = True) -> AnalysisData:
    """Draw the data selection, which is kept in the URL, and return the selected data.

    Stops the page if there is nothing to show. `baselines`: whether the page draws baselines.
    """
    workspace_tables = {} if is_public() else {path.stem: path for path in list_prediction_tables()}
    choices = [REAL_DATA_LABEL, PRACTICE_DATA_LABEL, *workspace_tables, UPLOAD_DATA_LABEL]
    if DATA_WIDGET_KEY not in st.query_params and st.session_state.get(real_figures.DATA_CHOICE_STATE_KEY) in choices:
        st.session_state[DATA_WIDGET_KEY] = st.session_state[real_figures.DATA_CHOICE_STATE_KEY]
    with st.container(border=True):
        left, middle, right = st.columns([3, 3, 2])
        choice = left.selectbox(
            "Data",
            choices,
            key=DATA_WIDGET_KEY,
            bind="query-params",
            on_change=_store_data_choice,
            help="Real people: summary statistics only; the clips are not included. Practice data: computer-made "
            "people; you can explore every clip. "
            "Your own data: upload a table" + ("." if is_public() else ", or evaluate training runs on *Models*."),
        )
        st.session_state[real_figures.DATA_CHOICE_STATE_KEY] = choice
        if choice == REAL_DATA_LABEL:
            data: AnalysisData = _select_figures(middle, right)
        else:
            files = {PRACTICE_DATA_LABEL: demo.DEMO_PREDICTIONS_FILE, **workspace_tables}
            data = _select_table(files.get(choice), middle, right)
        if baselines:
            _draw_baselines_widget(data, right)
        if isinstance(data, pd.DataFrame):
            _draw_table_caption(data)
    if isinstance(data, RealFigures):
        real_figures.describe_real_figures(data)
    elif choice == PRACTICE_DATA_LABEL:
        st.info(demo.PRACTICE_NOTICE, icon=":material/science:")
        st.caption(demo.PRACTICE_MODELS_DESCRIPTION)
    elif data.attrs.get(SYNTHETIC_ATTR):
        st.info(demo.SYNTHETIC_DATA_NOTICE, icon=":material/science:")
    return data


def _store_data_choice() -> None:
    """Keep the selection for other pages, because Streamlit discards a widget's value when the page changes."""
    st.session_state[real_figures.DATA_CHOICE_STATE_KEY] = st.session_state[DATA_WIDGET_KEY]


def _select_figures(middle: DeltaGenerator, right: DeltaGenerator) -> RealFigures:
    """The results of real people, for the selected models and sources."""
    figures = real_figures.load_shipped_figures()
    figures = figures.select_models(_choose_models(figures.models, middle))
    subsets = dict(zip((ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL), SOURCE_SUBSETS, strict=True))
    return figures.select_sources(subsets[_draw_sources_widget(right)])


def _select_table(path: Path | None, middle: DeltaGenerator, right: DeltaGenerator) -> pd.DataFrame:
    """The table in a file, or the uploaded one if `path` is None, filtered by the visitor's selection.

    Stops the page with a message if the table cannot be used.
    """
    try:
        table = name_models(table_upload.load_uploaded_table()) if path is None else _load_table_with_origin(path)
    except PredictionsError as error:
        st.error(escape_markdown(error))
        st.stop()
    table.attrs[TABLE_MODELS_ATTR] = list(table["model"].unique())
    return _filter_table_by_sources(_filter_table_by_split(_filter_table_by_models(table, middle), right), right)


def _load_table_with_origin(path: Path) -> pd.DataFrame:
    """The table in a file, with its origin in `attrs`."""
    mtime_ns = path.stat().st_mtime_ns
    table = load_cached_predictions(path, mtime_ns)
    table.attrs[TABLE_ORIGIN_ATTR] = (str(path), mtime_ns)
    return table


def _filter_table_by_models(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    models = list(table["model"].unique())
    chosen = _choose_models(models, place)
    return table if chosen == models else _keep_table_rows(table, table["model"].isin(chosen), chosen)


def _choose_models(models: list[str], place: DeltaGenerator) -> list[str]:
    """The chosen models, at most MAX_SHOWN_MODELS; the first ones if none is chosen."""
    default = models[:MAX_SHOWN_MODELS]
    chosen = place.multiselect(
        "Models",
        models,
        key="models",
        bind="query-params",
        placeholder="all" if default == models else f"the first {MAX_SHOWN_MODELS:d} of {len(models):,}",
        max_selections=MAX_SHOWN_MODELS,
    )
    return [name for name in models if name in chosen][:MAX_SHOWN_MODELS] or default


def _filter_table_by_split(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """One split, if a table has several; the default is test, else validation."""
    splits = [split for split in reversed(SPLITS) if split in table["split"].unique()]
    if len(splits) < 2:
        return table
    chosen = place.segmented_control(
        "Split",
        splits,
        default=splits[0],
        required=True,
        format_func=escape_markdown,
        key="split",
        bind="query-params",
    )
    return _keep_table_rows(table, table["split"].eq(chosen), chosen)


def _filter_table_by_sources(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """All clips of the table, or only those from sources unseen in training, if the table has both."""
    seen = table.get(SOURCE_IN_TRAINING)
    if seen is None or seen.nunique() < 2:
        return table
    choice = _draw_sources_widget(place)
    return _keep_table_rows(table, seen.eq("no"), choice) if choice == UNSEEN_SOURCES_LABEL else table


def _draw_sources_widget(place: DeltaGenerator) -> str:
    hint = (
        "The splits of First Impressions share source videos, so a model may have been trained on other clips of the "
        "same video. *Unseen in training* excludes these clips."
    )
    return place.segmented_control(
        "Sources",
        [ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL],
        default=ALL_SOURCES_LABEL,
        required=True,
        key="sources",
        bind="query-params",
        help=hint,
    )


def _keep_table_rows(table: pd.DataFrame, rows: pd.Series, choice: object) -> pd.DataFrame:
    """Some rows of a table, with the filter recorded in `attrs`."""
    selected = table[rows]
    if TABLE_ORIGIN_ATTR in selected.attrs:
        selected.attrs[TABLE_ORIGIN_ATTR] = (*selected.attrs[TABLE_ORIGIN_ATTR], choice)
    return selected


def _draw_baselines_widget(data: AnalysisData, place: DeltaGenerator) -> None:
    """Let the visitor choose the baselines in dot charts, if the data have both."""
    if isinstance(data, RealFigures) or ("lookup" in data and data["lookup"].notna().any()):
        place.selectbox("Baselines", list(BASELINE_CHOICES), key="baselines", bind="query-params")


def _draw_table_caption(table: pd.DataFrame) -> None:
    splits, models = ", ".join(table["split"].unique()), ", ".join(table["model"].unique())
    clips, sources = table["clip"].nunique(), table["source"].nunique()
    st.caption(
        f"{clips:,} clips from {sources:,} sources · split: {escape_markdown(splits)} · "
        f"models: {escape_markdown(models)}"
    )
