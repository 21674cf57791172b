"""How a table comes to the analysis pages: uploaded, understood, shown in words, then kept for this session."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import model_store
from pages.components.plain_text import escape_markdown
from pages.components.uploads import delete_uploaded_file
from personality.constants import upload_limits
from personality.dataset.index import SPLITS, Dataset, DatasetError
from personality.dataset.tabular import dataset_from_labels
from personality.inference.import_predictions import convert_predictions
from personality.predictions.predictions_table import PREDICTION_COLUMNS, PredictionsError, check_external_predictions
from personality.tables.columns import identify_columns
from personality.tables.errors import TableError
from personality.tables.sandbox import read_table_in_sandbox
from personality.utils.app_log import log_duration

TABLE_UPLOAD_TYPES = ["parquet", "csv", "tsv", "txt"]
PREDICTIONS_UPLOADER_KEY, LABELS_UPLOADER_KEY = "table_file", "labels_file"  # the two uploaders
UPLOADED_TABLE_STATE_KEY = "uploaded_table"  # of the session: the predictions table that the pages show
TABLE_UPLOAD_HELP = (
    "A predictions table (docs/predictions.md lists its columns), or one row per clip: its name and five traits. "
    "It stays in this session, in memory; no other visitor sees it, and closing the tab drops it."
)


def load_uploaded_table() -> pd.DataFrame:
    """The predictions table of this session. Ends the page with the ways to bring one where there is none yet. Raises
    PredictionsError where what was uploaded cannot be used."""
    given = _read_uploaded_table(PREDICTIONS_UPLOADER_KEY, "Predictions, as parquet or CSV")
    if given is None:
        st.caption(TABLE_UPLOAD_HELP)
        st.stop()
    if UPLOADED_TABLE_STATE_KEY not in st.session_state:
        st.session_state[UPLOADED_TABLE_STATE_KEY] = (
            check_external_predictions(given)[0]
            if set(PREDICTION_COLUMNS) <= set(given)
            else _join_with_uploaded_labels(given)
        )
    return st.session_state[UPLOADED_TABLE_STATE_KEY]


def _read_uploaded_table(key: str, label: str) -> pd.DataFrame | None:
    """The table that was uploaded here, read once; the server's copy of its file is dropped. Raises PredictionsError
    where it cannot be read."""
    size = upload_limits().file_bytes // 2**20
    st.file_uploader(
        f"{escape_markdown(label)}, up to {size:,} MB",
        type=TABLE_UPLOAD_TYPES,
        key=key,
        max_upload_size=size,
        on_change=_store_uploaded_bytes,
        args=(key,),
    )
    found = st.session_state.get(f"{key}_read")
    if not isinstance(found, bytes):
        return found
    del st.session_state[f"{key}_read"]
    try:
        with (
            model_store.wait_for_prediction_turn(st.empty()),
            st.spinner("Reading the table ..."),
            log_duration("reading of a table"),
        ):
            table = read_table_in_sandbox(found, "The table")
    except TableError as error:
        raise PredictionsError(str(error)) from error
    st.session_state[f"{key}_read"] = table
    return table


def _store_uploaded_bytes(key: str) -> None:
    """Keep the bytes of an upload until the page reads them. The browser checks its size too, but browsers can be told
    otherwise."""
    file = st.session_state.get(key)
    if not isinstance(file, UploadedFile):  # none, or one that was taken a moment ago and that the browser names again
        return
    data = file.getvalue() if file.size <= upload_limits().file_bytes else None
    delete_uploaded_file(file)
    st.session_state.pop(UPLOADED_TABLE_STATE_KEY, None)
    if data is not None:
        st.session_state[f"{key}_read"] = data


def _join_with_uploaded_labels(given: pd.DataFrame) -> pd.DataFrame:
    """Predictions of one row per clip beside labels of the same clips. Ends the page until both are there and the
    preview was accepted. Raises PredictionsError where one of them cannot be used."""
    try:
        identify_columns(list(given.columns))
    except TableError as error:
        raise PredictionsError(
            f"This is no predictions table ({', '.join(PREDICTION_COLUMNS)}), and {error}."
        ) from error
    labels = _read_uploaded_table(LABELS_UPLOADER_KEY, "Labels of the same clips, one row per clip, as parquet or CSV")
    if labels is None:
        st.caption("A column clip and five traits; split, gender and any other attributes are optional.")
        st.stop()
    how, label_scale = _choose_import_options()
    try:
        dataset = dataset_from_labels(labels, "The table of labels", scale=label_scale)
        table, preview = convert_predictions(given, dataset, split=_choose_split(dataset), name="The table", **how)
    except DatasetError as error:
        raise PredictionsError(str(error)) from error
    st.text("\n".join([*dataset.summarize().splitlines(), "", *preview]))
    if not st.button("Show these predictions", icon=":material/check:", key="accept_table"):
        st.stop()
    return table


def _choose_import_options() -> tuple[dict[str, Any], tuple[float, float]]:
    """How the predictions are read, and the scale of the labels."""
    name, first, second = st.columns([2, 2, 2])
    scale = _choose_scale(first, "Scale of the predictions", "scale")
    label_scale = _choose_scale(second, "Scale of the labels", "label_scale")
    model = name.text_input("Name of the model", "uploaded", key="table_model", max_chars=60) or "uploaded"
    trained_on = st.multiselect("Splits that the model was trained on", SPLITS, default=SPLITS[:1], key="table_trained")
    is_reversed = st.checkbox("The fifth trait is neuroticism: high means uneasy", key="table_reversed")
    return {"model": model, "scale": scale, "trained_on": trained_on, "is_reversed": is_reversed}, label_scale


def _choose_scale(place: Any, label: str, key: str) -> tuple[float, float]:
    scales = {"0 to 1": (0.0, 1.0), "1 to 5": (1.0, 5.0), "1 to 7": (1.0, 7.0), "0 to 100": (0.0, 100.0)}
    return scales[place.selectbox(escape_markdown(label), list(scales), key=f"table_{key}")]


def _choose_split(dataset: Dataset) -> str:
    splits = [split for split in reversed(SPLITS) if split in set(dataset.table["split"])]
    return st.selectbox("Split that was predicted", splits, key="table_split")
