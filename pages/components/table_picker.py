"""The bar above every analysis page: figures of real people or a predictions table, which models, clips, baselines."""

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
from personality.dataset.index import SPLITS
from personality.plots import accuracy_plots
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import SOURCE_IN_TRAINING, SYNTHETIC_ATTR, PredictionsError
from personality.utils.app_log import log_duration
from personality.utils.public_mode import is_public
from personality.utils.workspace import list_prediction_tables

AnalysisData: TypeAlias = pd.DataFrame | RealFigures  # a predictions table, or figures whose clips are not here
REAL_DATA_LABEL = "Real people (figures)"
PRACTICE_DATA_LABEL = "Practice data (explorable)"
UPLOAD_DATA_LABEL = "Upload a table ..."
SEEN_LABELS = {"yes": "seen sources", "no": "unseen sources"}
ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL = "all", "unseen in training"
DATA_WIDGET_KEY = "table"  # the name of the choice of data, in an address too
TABLE_MODELS_ATTR, TABLE_ORIGIN_ATTR = "models", "origin"  # of a table's attrs: all its models; file, time and choices
# Which baselines a person may have beside the dots; never none.
BASELINE_CHOICES = {
    "both": tuple(accuracy_plots.BASELINE_MARKS),
    "training mean": ("baseline",),
    "same source": ("lookup",),
}


def chosen_baselines() -> tuple[str, ...]:
    """Which baselines were chosen, keys of `charts.BASELINE_MARKS`."""
    return BASELINE_CHOICES[st.session_state.get("baselines", "both")]


@st.cache_data(max_entries=8, show_spinner=False)
def load_cached_predictions(path: Path, changed: int) -> pd.DataFrame:
    """A predictions table; `changed` is the file's time, so that a new file is read anew."""
    with log_duration("reading of a table"):
        return read_predictions(path)


def hash_predictions_table(table: pd.DataFrame) -> str:
    """What tells a table from others, for what is kept of it: its origin and what of it was chosen, else all of it.
    (Streamlit itself looks at a part of the rows of a large one.)"""
    told = repr((table.attrs.get(TABLE_ORIGIN_ATTR), list(table), len(table))).encode()
    rows = b"" if TABLE_ORIGIN_ATTR in table.attrs else pd.util.hash_pandas_object(table).to_numpy().tobytes()
    return hashlib.sha256(told + rows).hexdigest()


def colours_by_model(data: AnalysisData) -> dict[str, str]:
    """A colour per model, the same whichever of the models are shown."""
    return accuracy_plots.model_colours(
        list(data.card["models"]) if isinstance(data, RealFigures) else data.attrs[TABLE_MODELS_ATTR]
    )


def has_several_groups(data: AnalysisData, attribute: str) -> bool:
    """Whether the clips fall into several groups by an attribute."""
    if isinstance(data, RealFigures):
        return (attribute,) in data.attributes
    return attribute in data and len(data[attribute].dropna().unique()) > 1


def choose_data(*, baselines: bool = True) -> AnalysisData:
    """The bar above every analysis page, kept in the URL: figures of real people or a predictions table, which of the
    models and clips. Ends the page where there is nothing to show. baselines: whether the page draws them."""
    own = {} if is_public() else {path.stem: path for path in list_prediction_tables()}
    choices = [REAL_DATA_LABEL, PRACTICE_DATA_LABEL, *own, UPLOAD_DATA_LABEL]
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
            help="Real people: figures only, their clips are not here. Practice data: computer-made people, down to "
            "the single clip. "
            "Your own: upload a table" + ("." if is_public() else ", or evaluate runs on *Models*."),
        )
        st.session_state[real_figures.DATA_CHOICE_STATE_KEY] = choice
        if choice == REAL_DATA_LABEL:
            data: AnalysisData = _select_figures(middle, right)
        else:
            data = _select_table({PRACTICE_DATA_LABEL: demo.DEMO_PREDICTIONS_FILE, **own}.get(choice), middle, right)
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
    """Keep the choice for other pages: Streamlit forgets a widget's value at the first switch from its page."""
    st.session_state[real_figures.DATA_CHOICE_STATE_KEY] = st.session_state[DATA_WIDGET_KEY]


def _select_figures(middle: DeltaGenerator, right: DeltaGenerator) -> RealFigures:
    """The figures of real people, of the chosen models and sources."""
    figures = real_figures.load_shipped_figures()
    chosen = [name for name in _draw_models_widget(figures.models, middle) if name in figures.models]
    figures = figures.select_models(chosen) if chosen else figures
    return figures.select_sources(
        dict(zip((ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL), SOURCE_SUBSETS, strict=True))[_draw_sources_widget(right)]
    )


def _select_table(path: Path | None, middle: DeltaGenerator, right: DeltaGenerator) -> pd.DataFrame:
    """The table of a file, or an uploaded one for None, and of it what was chosen. Ends the page where it is none."""
    try:
        table = table_upload.load_uploaded_table() if path is None else _load_table_with_origin(path)
    except PredictionsError as error:
        st.error(escape_markdown(error))
        st.stop()
    table.attrs[TABLE_MODELS_ATTR] = list(table["model"].unique())
    return _filter_table_by_sources(_filter_table_by_split(_filter_table_by_models(table, middle), right), right)


def _load_table_with_origin(path: Path) -> pd.DataFrame:
    """The table of a file, which knows where it is from."""
    changed = path.stat().st_mtime_ns
    table = load_cached_predictions(path, changed)
    table.attrs[TABLE_ORIGIN_ATTR] = (str(path), changed)
    return table


def _filter_table_by_models(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    models = list(table["model"].unique())
    chosen = _draw_models_widget(models, place)
    return _keep_table_rows(table, table["model"].isin(chosen), chosen) if set(chosen) & set(models) else table


def _draw_models_widget(models: list[str], place: DeltaGenerator) -> list[str]:
    return place.multiselect("Models", models, key="models", bind="query-params", placeholder="all")


def _filter_table_by_split(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """One split, where a table holds several: the one that is furthest from training at first."""
    splits = [split for split in reversed(SPLITS) if split in table["split"].unique()]
    if len(splits) < 2:
        return table
    chosen = place.segmented_control(
        "Split", splits, default=splits[0], format_func=escape_markdown, key="split", bind="query-params"
    )
    return _keep_table_rows(table, table["split"].eq(chosen or splits[0]), chosen)


def _filter_table_by_sources(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """All clips of the table, or those of sources that no model was trained on, where there are both."""
    seen = table.get(SOURCE_IN_TRAINING)
    if seen is None or seen.nunique() < 2:
        return table
    choice = _draw_sources_widget(place)
    return _keep_table_rows(table, seen.eq("no"), choice) if choice == UNSEEN_SOURCES_LABEL else table


def _draw_sources_widget(place: DeltaGenerator) -> str:
    words = "The splits of First Impressions share videos: other clips of the same video may have been trained on."
    choice = place.segmented_control(
        "Sources",
        [ALL_SOURCES_LABEL, UNSEEN_SOURCES_LABEL],
        default=ALL_SOURCES_LABEL,
        key="sources",
        bind="query-params",
        help=words,
    )
    return choice or ALL_SOURCES_LABEL


def _keep_table_rows(table: pd.DataFrame, rows: pd.Series, choice: object) -> pd.DataFrame:
    """Some rows, which know what was chosen."""
    part = table[rows]
    if TABLE_ORIGIN_ATTR in part.attrs:
        part.attrs[TABLE_ORIGIN_ATTR] = (*part.attrs[TABLE_ORIGIN_ATTR], choice)
    return part


def _draw_baselines_widget(data: AnalysisData, place: DeltaGenerator) -> None:
    """Which baselines the dots have beside them, where there are both."""
    if isinstance(data, RealFigures) or ("lookup" in data and data["lookup"].notna().any()):
        place.selectbox("Baselines", list(BASELINE_CHOICES), key="baselines", bind="query-params")


def _draw_table_caption(table: pd.DataFrame) -> None:
    splits, models = ", ".join(table["split"].unique()), ", ".join(table["model"].unique())
    clips, sources = table["clip"].nunique(), table["source"].nunique()
    st.caption(
        f"{clips:,} clips of {sources:,} sources · split {escape_markdown(splits)} · models {escape_markdown(models)}"
    )
