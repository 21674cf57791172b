"""The bar above every analysis page: which predictions table, which of its models and clips, which baselines."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.guard import operator_only
from personality import charts, demo
from personality.analysis.scores import PredictionsError
from personality.dataset.index import SPLITS
from personality.evaluate import SYNTHETIC, read_predictions
from personality.events import noted
from personality.public import is_public
from personality.workspace import prediction_tables

DEMO = "Demo: synthetic people, test split"
UPLOAD = "Upload a table ..."
SEEN = "source_in_training"
SEEN_LABELS = {"yes": "sources with clips in training", "no": "unseen sources"}
EVERY, UNSEEN = "all", "unseen in training"
MODELS, ORIGIN = "models", "origin"  # of a table's attrs: all its models; file, time and choices
# Which baselines a person may have beside the dots; never none.
BASELINES = {
    "both": tuple(charts.BASELINE_MARKS),
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


def colours(table: pd.DataFrame) -> dict[str, str]:
    """A colour per model, the same whichever of the table's models are shown."""
    return charts.model_colours(table.attrs[MODELS])


def choose_table(*, baselines: bool = True) -> pd.DataFrame:
    """The bar above every analysis page, kept in the URL: which predictions table, which of its models and clips. Ends
    the page where there is none to show. Strangers are shown the demo's. baselines: whether the page draws them."""
    own = {} if is_public() else {path.stem: path for path in prediction_tables()}
    with st.container(border=True):
        left, middle, right = st.columns([3, 3, 2])
        choice = left.selectbox(
            "Predictions",
            [DEMO, *own] if is_public() else [DEMO, *own, UPLOAD],
            key="table",
            bind="query-params",
            help=None if is_public() else "Evaluate runs on the Models page, or import somebody else's predictions.",
        )
        path = {DEMO: demo.PREDICTIONS, **own}.get(choice)
        try:
            table = _uploaded() if path is None else _stored(path)
        except PredictionsError as error:
            st.error(str(error))
            st.stop()
        table.attrs[MODELS] = list(table["model"].unique())
        table = _chosen_clips(_chosen_split(_chosen_models(table, middle), right), right)
        if baselines:
            _choose_baselines(table, right)
        _describe(table)
    if choice == DEMO:
        st.info(demo.NOTICE, icon=":material/science:")
        st.caption(demo.MODELS_IN_WORDS)
    elif table.attrs.get(SYNTHETIC):
        st.info(demo.SYNTHETIC, icon=":material/science:")
    return table


def _stored(path: Path) -> pd.DataFrame:
    """The table of a file, which knows where it is from."""
    changed = path.stat().st_mtime_ns
    table = load_table(path, changed)
    table.attrs[ORIGIN] = (str(path), changed)
    return table


def _chosen_models(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    models = list(table["model"].unique())
    chosen = place.multiselect("Models", models, key="models", bind="query-params", placeholder="all")
    return _part(table, table["model"].isin(chosen), chosen) if set(chosen) & set(models) else table


def _chosen_split(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """One split, where a table holds several: the one that is furthest from training at first."""
    splits = [split for split in reversed(SPLITS) if split in table["split"].unique()]
    if len(splits) < 2:
        return table
    chosen = place.segmented_control("Split", splits, default=splits[0], key="split", bind="query-params")
    return _part(table, table["split"].eq(chosen or splits[0]), chosen)


def _chosen_clips(table: pd.DataFrame, place: DeltaGenerator) -> pd.DataFrame:
    """All clips of the table, or those of sources that no model was trained on, where there are both."""
    seen = table.get(SEEN)
    if seen is None or seen.nunique() < 2:
        return table
    words = "First Impressions' splits share videos: of these clips, other clips of the same video were trained on."
    choice = place.segmented_control(
        "Sources", [EVERY, UNSEEN], default=EVERY, key="sources", bind="query-params", help=words
    )
    return _part(table, seen.eq("no"), choice) if choice == UNSEEN else table


def _part(table: pd.DataFrame, rows: pd.Series, choice: object) -> pd.DataFrame:
    """Some rows, which know what was chosen."""
    part = table[rows]
    if ORIGIN in part.attrs:
        part.attrs[ORIGIN] = (*part.attrs[ORIGIN], choice)
    return part


def _choose_baselines(table: pd.DataFrame, place: DeltaGenerator) -> None:
    """Which baselines the dots have beside them, where a table has both."""
    if "lookup" in table and table["lookup"].notna().any():
        place.selectbox("Baselines", list(BASELINES), key="baselines", bind="query-params")


def _uploaded() -> pd.DataFrame:
    """The table a person brought, kept for the other pages."""
    operator_only()
    file = st.file_uploader("Predictions table", type="parquet", key="table_file")
    if file is not None:
        st.session_state["uploaded_table"] = read_predictions(file)
    if "uploaded_table" not in st.session_state:
        st.caption("A parquet file with the columns of the predictions table; docs/predictions.md lists them.")
        st.stop()
    return st.session_state["uploaded_table"]


def _describe(table: pd.DataFrame) -> None:
    splits, models = ", ".join(table["split"].unique()), ", ".join(table["model"].unique())
    clips, sources = table["clip"].nunique(), table["source"].nunique()
    st.caption(f"{clips:,} clips of {sources:,} sources · split {splits} · models {models}")
