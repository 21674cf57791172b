"""Many clips on the Predict page: a table that fills as clips are predicted; open one, or compare two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import model_store
from pages.components.language import translate, translate_plural
from pages.components.library_texts import translate_library_text
from pages.components.plain_text import escape_markdown
from pages.components.two_takes import draw_two_takes
from personality.analysis.export import rows_to_safe_csv
from personality.assets.shipped_models import model_label
from personality.inference.batch_table import document_to_row
from personality.inference.predict import Impression, predict_sample
from personality.inference.prediction_document import prediction_to_json
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import Sample
from personality.preprocessing.sandbox.client import read_clip_in_sandbox
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from personality.utils.app_log import log_duration

CLIPS_STATE_KEY = "clips"  # session state: the clips by name
MAX_CLIPS_BYTES = 2**30  # of all clips of a session; larger sets are for the command line
TABLE_KEY = "clips_table"


@dataclass
class UploadedClip:
    """The file of a clip, and its predictions and row of the table once it was predicted."""

    data: bytes
    impressions: list[Impression] = field(default_factory=list)
    row: dict[str, Any] | None = None


def add_clips(files: Sequence[tuple[str, bytes]]) -> int:
    """Add files to the table, equal names numbered, and return how many had no place in memory."""
    clips: dict[str, UploadedClip] = st.session_state.setdefault(CLIPS_STATE_KEY, {})
    left_out = 0
    for name, data in files:
        if sum(len(clip.data) for clip in clips.values()) + len(data) > MAX_CLIPS_BYTES:
            left_out += 1
            continue
        unique = name if name not in clips else f"{len(clips) + 1}-{name}"
        clips[unique] = UploadedClip(data)
    return left_out


def discard_clips() -> None:
    """Delete all clips and their predictions."""
    st.session_state.pop(CLIPS_STATE_KEY, None)


def draw_many_clips(open_clip: Any) -> None:
    """Predict the clips that are not predicted yet, filling the table; then let the visitor open or compare clips.

    Parameters
    ----------
    open_clip : callable
        Called with the name and the bytes of the clip that is to be shown.
    """
    clips: dict[str, UploadedClip] = st.session_state[CLIPS_STATE_KEY]
    left, right = st.columns([3, 1], vertical_alignment="center")
    counted = translate_plural("{count} clip", "{count} clips", len(clips)).format(count=f"{len(clips):,}")
    left.markdown(f":material/movie: **{counted}**")
    label = translate("Delete all clips")
    right.button(label, icon=":material/delete:", key="delete_clips", width="stretch", on_click=discard_clips)
    place, waiting = st.empty(), st.empty()
    _predict_waiting_clips(clips, place, waiting)
    place.empty()
    table = _make_table(clips)
    chosen = st.dataframe(
        _shown_columns(table), hide_index=True, key=TABLE_KEY, on_select="rerun", selection_mode="multi-row"
    )
    names = [table["clip"].iloc[row] for row in chosen["selection"]["rows"]]
    st.caption(translate("Click a column to sort. Select one clip to open it, or two to compare them."))
    csv = rows_to_safe_csv(table)
    st.download_button("CSV", csv, "impressions.csv", icon=":material/download:", key="take_clips")
    if len(names) == 1:
        label = translate("Open {name}").format(name=escape_markdown(names[0]))
        st.button(label, key="open_clip", on_click=open_clip, args=(names[0], clips[names[0]].data))
    if len(names) == 2:
        draw_two_takes(names, [clips[name].impressions for name in names])


def _predict_waiting_clips(clips: dict[str, UploadedClip], place: Any, waiting: Any) -> None:
    models = model_store.load_models_for_clip()
    todo = [name for name, clip in clips.items() if clip.row is None]
    for number, name in enumerate(todo):
        place.dataframe(_shown_columns(_make_table(clips)), hide_index=True)
        with model_store.wait_for_prediction_turn(waiting), log_duration("prediction"):
            text = translate("Predicting {number} of {count} clips ...")
            waiting.progress(number / len(todo), text.format(number=f"{number + 1:,}", count=f"{len(todo):,}"))
            _predict_clip(name, clips[name], models)
    waiting.empty()


def _predict_clip(name: str, clip: UploadedClip, models: Sequence) -> None:
    try:
        *_, sample = read_clip_in_sandbox(clip.data)
        assert isinstance(sample, Sample)
        pieces = [sample, *predict_sample(sample, models)]
    except MediaError as error:
        clip.row = document_to_row({"clip": name, "error": str(error)})
        return
    clip.row = document_to_row(prediction_to_json(name, pieces, models))
    clip.impressions = [piece for piece in pieces if isinstance(piece, Impression)]


def _make_table(clips: dict[str, UploadedClip]) -> pd.DataFrame:
    return pd.DataFrame([clip.row or {"clip": name} for name, clip in clips.items()])


def _shown_columns(table: pd.DataFrame) -> pd.DataFrame:
    """What a visitor reads of the table: the traits by model, and what went wrong."""
    traits = {
        f"{model}_{trait}": f"{translate(TRAIT_LABELS[trait])} ({translate_library_text(model_label(model))})"
        for model in [model.name for model in model_store.load_models_for_clip()]
        for trait in TRAIT_NAMES
    }
    wanted = {
        "clip": translate("Clip"),
        "error": translate("Error"),
        "duration": translate("Seconds"),
        "faces": translate("Faces"),
        **traits,
        "transcript": translate("Words"),
        "warnings": translate("Notes"),
    }
    return table.reindex(columns=[name for name in wanted if name in table]).rename(columns=wanted)
