"""Upload of a predictions table: read, convert, show a preview, keep for the session."""

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
from personality.tables.long_form import widen_long_table
from personality.tables.sandbox import read_table_in_sandbox
from personality.utils.app_log import log_duration

TABLE_UPLOAD_TYPES = ["parquet", "csv", "tsv", "txt"]
PREDICTIONS_UPLOADER_KEY, LABELS_UPLOADER_KEY = "table_file", "labels_file"  # the two uploaders
UPLOADED_TABLE_STATE_KEY = "uploaded_table"  # session state: the predictions table that the pages show
TABLE_UPLOAD_HELP = (
    "Upload a predictions table (its columns are described in docs/predictions.md), or a table with one row per clip: "
    "the clip's name and five traits. The table stays in memory. Other visitors cannot see it, and it is deleted when "
    "you close the tab."
)


def load_uploaded_table() -> pd.DataFrame:
    """The predictions table of this session.

    Stops the page with an uploader if there is none yet.

    Raises
    ------
    PredictionsError
        If the uploaded file cannot be used.
    """
    given = _read_uploaded_table(PREDICTIONS_UPLOADER_KEY, "Predictions (Parquet or CSV)")
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
    """Draw an uploader and return its table, which is read once. Raises PredictionsError if it cannot be read."""
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
    """Keep the bytes of an upload until the page reads them.

    Checks the size again, because a client can bypass the browser's check.
    """
    file = st.session_state.get(key)
    if not isinstance(file, UploadedFile):  # no file, or one already taken that the browser reports again
        return
    data = file.getvalue() if file.size <= upload_limits().file_bytes else None
    delete_uploaded_file(file)
    st.session_state.pop(UPLOADED_TABLE_STATE_KEY, None)
    if data is not None:
        st.session_state[f"{key}_read"] = data


def _join_with_uploaded_labels(given: pd.DataFrame) -> pd.DataFrame:
    """Combine predictions (one row per clip) with labels of the same clips.

    Stops the page until both are uploaded and the visitor has accepted the preview. Raises PredictionsError if one of
    the two cannot be used.
    """
    try:
        identify_columns(list(widen_long_table(given).columns))
    except TableError as error:
        raise PredictionsError(
            f"The file is not a predictions table (columns {', '.join(PREDICTION_COLUMNS)}). It cannot be read as one "
            f"row per clip either: {error}."
        ) from error
    labels = _read_uploaded_table(LABELS_UPLOADER_KEY, "Human ratings of the same clips (Parquet or CSV)")
    if labels is None:
        st.caption(
            "One row per clip. Required columns: clip and the five traits. Optional: split, gender and other "
            "attributes to group by."
        )
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
    """The options for reading the predictions, and the scale of the labels."""
    name, first, second = st.columns([2, 2, 2])
    scale = _choose_scale(first, "Scale of the predictions", "scale")
    label_scale = _choose_scale(second, "Scale of the ratings", "label_scale")
    model = name.text_input("Name of the model", "uploaded", key="table_model", max_chars=60) or "uploaded"
    trained_on = st.multiselect(
        "Parts of the dataset that the model was trained on", SPLITS, default=SPLITS[:1], key="table_trained"
    )
    is_reversed = st.checkbox(
        "The fifth trait is neuroticism (a high value means emotionally unstable)", key="table_reversed"
    )
    return {"model": model, "scale": scale, "trained_on": trained_on, "is_reversed": is_reversed}, label_scale


def _choose_scale(place: Any, label: str, key: str) -> tuple[float, float]:
    scales = {"0 to 1": (0.0, 1.0), "1 to 5": (1.0, 5.0), "1 to 7": (1.0, 7.0), "0 to 100": (0.0, 100.0)}
    return scales[place.selectbox(escape_markdown(label), list(scales), key=f"table_{key}")]


def _choose_split(dataset: Dataset) -> str:
    splits = [split for split in reversed(SPLITS) if split in set(dataset.table["split"])]
    return st.selectbox(
        "Which part of the dataset do the predictions belong to?",
        splits,
        key="table_split",
        help="Datasets are divided into a part for training a model, a part for choosing its settings (validation) and "
        "a part for the final test, as in the column *split* of your table of ratings. If you did not divide yours, "
        "leave this as it is.",
    )
