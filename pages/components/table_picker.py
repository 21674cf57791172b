"""The bar above every analysis page: figures of real people or a predictions table, which models, clips, baselines."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import real_figures, table_upload
from pages.components.plain_text import plain
from personality.analysis.real_figures import SOURCES, RealFigures
from personality.assets import demo
from personality.dataset.index import SPLITS
from personality.plots import accuracy_plots
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import SEEN, SYNTHETIC, PredictionsError
from personality.utils.app_log import noted
from personality.utils.public_mode import is_public
from personality.utils.workspace import prediction_tables

Data: TypeAlias = pd.DataFrame | RealFigures  # a predictions table, or figures whose clips are not here
REAL = "Real people (figures)"
DEMO = "Practice data (explorable)"
UPLOAD = "Upload a table ..."
SEEN_LABELS = {"yes": "seen sources", "no": "unseen sources"}
EVERY, UNSEEN = "all", "unseen in training"
TABLE = "table"  # the name of the choice of data, in an address too
MODELS, ORIGIN = "models", "origin"  # of a table's attrs: all its models; file, time and choices
# Which baselines a person may have beside the dots; never none.
BASELINES = {
    "both": tuple(accuracy_plots.BASELINE_MARKS),
    "training mean": ("baseline",),
    "same source": ("lookup",),
}


def baselines() -> tuple[str, ...]:
    """Which baselines were chosen, keys of `charts.BASELINE_MARKS`."""
    return BASELINES[st.session_state.get("baselines", "both")]


@st.cache_data(max_entries=8, show_spinner=False)
def load_table(path: Path, changed: int) -> pd.DataFrame:
    """A predictions table; `changed` is the file's time, so that a new file is read anew."""
    with noted("reading of a table"):
        return read_predictions(path)


def fingerprint(table: pd.DataFrame) -> str:
    """What tells a table from others, for what is kept of it: its origin and what of it was chosen, else all of it.
    (Streamlit itself looks at a part of the rows of a large one.)"""
    told = repr((table.attrs.get(ORIGIN), list(table), len(table))).encode()
    rows = b"" if ORIGIN in table.attrs else pd.util.hash_pandas_object(table).to_numpy().tobytes()
    return hashlib.sha256(told + rows).hexdigest()


def colours(data: Data) -> dict[str, str]:
    """A colour per model, the same whichever of the models are shown."""
    return accuracy_plots.model_colours(
        list(data.card["models"]) if isinstance(data, RealFigures) else data.attrs[MODELS]
    )


def has(data: Data, attribute: str) -> bool:
    """Whether the clips fall into several groups by an attribute."""
    if isinstance(data, RealFigures):
        return (attribute,) in data.attributes
    return attribute in data and len(data[attribute].dropna().unique()) > 1


def choose_data(*, baselines: bool = True) -> Data:
    """The bar above every analysis page, kept in the URL: figures of real people or a predictions table, which of the
    models and clips. Ends the page where there is nothing to show. baselines: whether the page draws them."""
    own = {} if is_public() else {path.stem: path for path in prediction_tables()}
    choices = [REAL, DEMO, *own, UPLOAD]
    if TABLE not in st.query_params and st.session_state.get(real_figures.CHOICE) in choices:
        st.session_state[TABLE] = st.session_state[real_figures.CHOICE]
    with st.container(border=True):
        left, middle, right = st.columns([3, 3, 2])
        choice = left.selectbox(
            "Data",
            choices,
            key=TABLE,
            bind="query-params",
            on_change=_remember,
            help="Real people: figures only, their clips are not here. Practice data: computer-made people, down to "
            "the single clip. "
            "Your own: upload a table" + ("." if is_public() else ", or evaluate runs on *Models*."),
        )
        st.session_state[real_figures.CHOICE] = choice
        if choice == REAL:
            data: Data = _chosen_figures(middle, right)
        else:
            data = _chosen_table({DEMO: demo.PREDICTIONS, **own}.get(choice), middle, right)
        if baselines:
            _choose_baselines(data, right)
        if isinstance(data, pd.DataFrame):
            _describe(data)
    if isinstance(data, RealFigures):
        real_figures.describe(data)
    elif choice == DEMO:
        st.info(demo.NOTICE, icon=":material/science:")
        st.caption(demo.MODELS_IN_WORDS)
    elif data.attrs.get(SYNTHETIC):
        st.info(demo.SYNTHETIC, icon=":material/science:")
    return data


def _remember() -> None:
    """Keep the choice for other pages: Streamlit forgets a widget's value at the first switch from its page."""
    st.session_state[real_figures.CHOICE] = st.session_state[TABLE]


def _chosen_figures(middle: DeltaGenerator, right: DeltaGenerator) -> RealFigures:
    """The figures of real people, of the chosen models and sources."""
    figures = real_figures.load_figures()
    chosen = [name for name in _asked_models(figures.models, middle) if name in figures.models]
    figures = figures.of_models(chosen) if chosen else figures
    return figures.of_sources(dict(zip((EVERY, UNSEEN), SOURCES, strict=True))[_asked_sources(right)])


def _chosen_table(path: Path | None, middle: DeltaGenerator, right: DeltaGenerator) -> pd.DataFrame:
    """The table of a file, or an uploaded one for None, and of it what was chosen. Ends the page where it is none."""
    try:
        table = table_upload.uploaded() if path is None else _stored(path)
    except PredictionsError as error:
        st.error(plain(error))
        st.stop()
    table.attrs[MODELS] = list(table["model"].unique())
    return _chosen_clips(_chosen_split(_chosen_models(table, middle), right), right)


def _stored(path: Path) -> pd.DataFrame:
    """The table of a file, which knows where it is from."""
    changed = path.stat().st_mtime_ns
    table = load_table(path, changed)
    table.attrs[ORIGIN] = (str(path), changed)
    return table


def _chosen_models(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    models = list(table["model"].unique())
    chosen = _asked_models(models, place)
    return _part(table, table["model"].isin(chosen), chosen) if set(chosen) & set(models) else table


def _asked_models(models: list[str], place: DeltaGenerator) -> list[str]:
    return place.multiselect("Models", models, key="models", bind="query-params", placeholder="all")


def _chosen_split(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """One split, where a table holds several: the one that is furthest from training at first."""
    splits = [split for split in reversed(SPLITS) if split in table["split"].unique()]
    if len(splits) < 2:
        return table
    chosen = place.segmented_control(
        "Split", splits, default=splits[0], format_func=plain, key="split", bind="query-params"
    )
    return _part(table, table["split"].eq(chosen or splits[0]), chosen)


def _chosen_clips(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """All clips of the table, or those of sources that no model was trained on, where there are both."""
    seen = table.get(SEEN)
    if seen is None or seen.nunique() < 2:
        return table
    choice = _asked_sources(place)
    return _part(table, seen.eq("no"), choice) if choice == UNSEEN else table


def _asked_sources(place: DeltaGenerator) -> str:
    words = "The splits of First Impressions share videos: other clips of the same video may have been trained on."
    choice = place.segmented_control(
        "Sources", [EVERY, UNSEEN], default=EVERY, key="sources", bind="query-params", help=words
    )
    return choice or EVERY


def _part(table: pd.DataFrame, rows: pd.Series, choice: object) -> pd.DataFrame:
    """Some rows, which know what was chosen."""
    part = table[rows]
    if ORIGIN in part.attrs:
        part.attrs[ORIGIN] = (*part.attrs[ORIGIN], choice)
    return part


def _choose_baselines(data: Data, place: DeltaGenerator) -> None:
    """Which baselines the dots have beside them, where there are both."""
    if isinstance(data, RealFigures) or ("lookup" in data and data["lookup"].notna().any()):
        place.selectbox("Baselines", list(BASELINES), key="baselines", bind="query-params")


def _describe(table: pd.DataFrame) -> None:
    splits, models = ", ".join(table["split"].unique()), ", ".join(table["model"].unique())
    clips, sources = table["clip"].nunique(), table["source"].nunique()
    st.caption(f"{clips:,} clips of {sources:,} sources · split {plain(splits)} · models {plain(models)}")
