"""What several pages draw: the frame of a page, the choice of a table, loaded models."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from personality import demo
from personality.analysis.groups import SMALL, accuracy_by
from personality.analysis.scores import PredictionsError
from personality.evaluate import read_predictions
from personality.workspace import ROOT, prediction_tables, runs_folder
from training.runs import list_runs

DEMO = "Demo: synthetic people, test split"
UPLOAD = "Upload a table ..."


def frame(title: str, lead: str, *, notice: bool) -> None:
    """A page's title, one sentence on what it shows, and the demo's notice where the page shows the demo."""
    _enter_by_app()
    st.title(title)
    st.markdown(lead)
    if notice:
        st.info(demo.NOTICE, icon=":material/science:")


def _enter_by_app() -> None:
    """Where the very first request to a server is for a page's own address, Streamlit runs the page past app.py, as
    it did before st.navigation. Say that this is no such app, and run app.py, which leads back here."""
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        runpy.run_path(str(ROOT / "app.py"))
        st.stop()


@st.cache_data(max_entries=8, show_spinner=False)
def load_table(path: Path, changed: float) -> pd.DataFrame:
    """A predictions table; `changed` is the file's time, so that a new file is read anew."""
    return read_predictions(path)


def accuracy_rows(table: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy per model, trait and group. Ends the page with a sentence where the table lacks the attribute."""
    try:
        return _accuracy_rows(table, by)
    except PredictionsError as error:
        st.warning(str(error), icon=":material/data_alert:")
        st.stop()


@st.cache_data(max_entries=64, show_spinner="Counting ...")
def _accuracy_rows(table: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    return accuracy_by(table, by)


def choose_table() -> pd.DataFrame:
    """The bar above every analysis page: which predictions table. Ends the page where there is none to show."""
    own = {path.stem: path for path in prediction_tables()}
    with st.container(border=True):
        choice = st.selectbox(
            "Predictions",
            [DEMO, *own, UPLOAD],
            key="table",
            persist_state="session",
            help="Tables that `python -m personality evaluate` or `import-predictions` wrote to workspace/predictions.",
        )
        path = {DEMO: demo.PREDICTIONS, **own}.get(choice)
        try:
            table = _uploaded() if path is None else load_table(path, path.stat().st_mtime)
        except PredictionsError as error:
            st.error(str(error))
            st.stop()
        _describe(table)
    if choice == DEMO:
        st.info(demo.NOTICE, icon=":material/science:")
    return table


def _uploaded() -> pd.DataFrame:
    """The table a person brought, kept for the other pages."""
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


def group_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Clips per group, in the groups' order: columns group, n."""
    return rows.groupby("group", sort=False)["n"].max().reset_index()


def one_row_per_clip(table: pd.DataFrame) -> pd.DataFrame:
    """The clips of a predictions table with their attributes."""
    return table.drop_duplicates("clip")


def how_to_read() -> None:
    """The legend of every accuracy chart, in words."""
    st.caption(
        "Dot: accuracy, 1 − mean absolute error. Line: 95 % interval from drawing whole sources anew 1,000 times. "
        "Grey tick: the accuracy of always saying the training mean; a model that does not pass it has learnt nothing."
    )


def warn_small(rows: pd.DataFrame) -> None:
    """Name the groups that are too small to say much."""
    sizes = rows.groupby("group", sort=False)[["n", "sources"]].max()
    small = [f"{name} ({row.n} of {row.sources})" for name, row in sizes.iterrows() if 0 < row.n < SMALL]
    empty = [str(name) for name, row in sizes.iterrows() if row.n == 0]
    if small:
        text = (
            f"Under {SMALL} clips, read with care (clips of sources): {', '.join(small)}. One source has no interval."
        )
        st.warning(text, icon=":material/groups:")
    if empty:
        st.caption(f"No clips at all: {', '.join(empty)}")


def accuracy_table(rows: pd.DataFrame, *, key: str) -> None:
    """The figures behind a chart, to read and to download."""
    with st.expander("Figures", icon=":material/table:"):
        number = st.column_config.NumberColumn(format="%.4f")
        columns = ("accuracy", "low", "high", "signed_error", "baseline")
        st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(columns, number), key=f"{key}_figures")
        csv = rows.to_csv(index=False).encode()
        st.download_button("Download CSV", csv, f"{key}.csv", "text/csv", key=f"{key}_download")


def model_choices() -> dict[str, Path]:
    """The models a person may load, by what the page calls them: the shipped ones, then finished runs."""
    own = {f"run: {run.folder.name}": run.folder for run in list_runs(runs_folder()) if run.status()["state"] == "done"}
    return {f"demo: {folder.name}": folder for folder in demo.MODELS} | own


def chosen_models() -> dict[str, Path]:
    """The models used for predictions: what was ticked on the Models page, at first the shipped ones."""
    choices = model_choices()
    chosen = st.session_state.get("models_in_use", [name for name in choices if name.startswith("demo")])
    return {name: choices[name] for name in chosen if name in choices}


@st.cache_resource(max_entries=4, show_spinner="Loading models ...")
def load_models(folders: tuple[Path, ...], changed: tuple[float, ...]) -> Sequence:
    """Networks in memory, shared by all sessions; loaded anew when a file has changed."""
    from personality.predict import load_models

    return load_models(folders)


def models_in_memory() -> Sequence:
    """The chosen models, loaded."""
    folders = tuple(chosen_models().values())
    return load_models(folders, tuple((folder / "model.safetensors").stat().st_mtime for folder in folders))


@st.cache_resource
def prediction_lock() -> threading.Lock:
    """One prediction at a time: the networks are shared and the cores are few."""
    return threading.Lock()
