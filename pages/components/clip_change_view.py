"""Change the video, not the person: a change of the picture or the sound, and how far the predictions move."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store
from pages.components.figure_texts import translate_figure
from pages.components.language import translate, translate_plain
from pages.components.library_texts import name_model, translate_library_text
from pages.components.plain_text import escape_markdown
from personality.assets.shipped_models import model_label
from personality.explain.clip_changes import (
    CLIP_CHANGES,
    ClipChange,
    change_clip,
    compare_predictions,
    predict_changed,
    with_sound,
)
from personality.plots import clip_plots
from personality.preprocessing.sample import Sample
from personality.preprocessing.sandbox.client import read_wideband_in_sandbox
from personality.preprocessing.voice_descriptors import VOICE_SAMPLE_RATE_HZ
from personality.traits import TRAIT_LABELS
from personality.utils.app_log import log_duration

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

# Session state: the clip's key, and its predictions by kind of change, or its sound.
UNCHANGED_STATE_KEY, SOUND_STATE_KEY = "explanation_unchanged", "explanation_sound"
FACE_PIXELS = 150  # width of a shown face


def draw_clip_changes(sample: Sample, data: bytes, models: Sequence[Model], key: str) -> None:
    """A change and its strength, the changed picture or sound, and the traits before and after.

    Parameters
    ----------
    sample : Sample
        The clip, with its transcript.
    data : bytes
        Its file, from which the sound is read again at the rate of the voice descriptors.
    models : sequence of Model
        The models that predicted.
    key : str
        Identifies the clip and the models.
    """
    name, change, strength = _choose_change(sample, models)
    if change.picture is not None and not len(sample.faces):
        st.caption(translate("No face was found in this clip."))
        return
    is_sound = change.sound is not None
    with model_store.wait_for_prediction_turn(st.empty()), log_duration("change of a clip"):
        wideband = _read_sound(data, key) if is_sound else np.zeros(0)
        original = with_sound(sample, wideband) if is_sound else sample
        changed = change_clip(original, change, strength, wideband)
        before = _predict_unchanged(original, models, f"{key} {is_sound}")
        rows = compare_predictions(before, predict_changed(changed, models))
    left, right = st.columns([1, 2])
    with left:
        if change.sound is not None:
            st.audio(_to_wave(change.sound(wideband, strength)), format="audio/wav")
        else:
            middle = len(sample.faces) // 2
            st.image(
                [sample.faces[middle], changed.faces[middle]],
                caption=[translate("before"), translate("after")],
                width=FACE_PIXELS,
                alt=[
                    translate("The face before the change"),
                    translate("The face after the change: {change}").format(change=translate(name)),
                ],
            )
    with right:
        _draw_moves(rows)


def _choose_change(sample: Sample, models: Sequence[Model]) -> tuple[str, ClipChange, float]:
    """The chosen change and its strength; changes that can move a prediction of these models come first."""
    from personality.models.clip_features import reads_faces

    names = [name for name, change in CLIP_CHANGES.items() if change.sound is None or sample.audio_seconds]
    if not any(reads_faces(model.network.needs) for model in models):
        names.sort(key=lambda name: CLIP_CHANGES[name].sound is None)
    name = st.segmented_control(
        translate("Change"), names, default=names[0], required=True, format_func=translate_plain, key="clip_change"
    )
    change = CLIP_CHANGES[name]
    strength = st.slider(
        escape_markdown(translate_library_text(change.label).capitalize()),
        float(change.lowest),
        float(change.highest),
        float(change.start),
        float(change.step),
        format="%g",
        key=f"change_{name}",
    )
    return name, change, strength


def _read_sound(data: bytes, key: str) -> np.ndarray:
    """The sound of the clip at the rate of the voice descriptors, read once per clip."""
    stored = st.session_state.get(SOUND_STATE_KEY)
    if stored is None or stored[0] != key:
        st.session_state[SOUND_STATE_KEY] = (key, read_wideband_in_sandbox(data))
    return st.session_state[SOUND_STATE_KEY][1]


def _predict_unchanged(sample: Sample, models: Sequence[Model], key: str) -> pd.DataFrame:
    """The predictions before the change, computed once per clip and kind of change."""
    stored = st.session_state.get(UNCHANGED_STATE_KEY)
    if stored is None or stored[0] != key:
        st.session_state[UNCHANGED_STATE_KEY] = (key, predict_changed(sample, models))
    return st.session_state[UNCHANGED_STATE_KEY][1]


def _draw_moves(rows: pd.DataFrame) -> None:
    """The traits of one model before and after, and the largest move in words."""
    rows = rows.assign(move=rows["after"] - rows["before"], model=rows["model"].map(model_label))
    moved = rows[rows["move"].abs().gt(0.0005) | rows["move"].isna()]
    if moved.empty:
        text = translate("No prediction moves: none of these models reads what was changed.")
        st.info(text, icon=":material/check:")
        return
    names = list(moved["model"].unique())
    model = st.segmented_control(
        translate("Model"), names, default=names[0], required=True, format_func=name_model, key="changed_model"
    )
    shown = rows[rows["model"].eq(model)]
    if shown["after"].isna().any():
        text = translate("{model} can no longer predict: it has nothing left to read.")
        st.warning(text.format(model=name_model(model)))
        return
    chart = translate_figure(clip_plots.before_and_after(shown))
    alt = translate("Five traits before and after the change, predicted by {model}").format(
        model=translate_library_text(model)
    )
    st.plotly_chart(chart, width="stretch", key="change_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    largest = shown.loc[shown["move"].abs().idxmax()]
    text = translate(
        "**The person is the same, and {trait} moves by {move}.** What a machine calls an impression of a person is "
        "partly an impression of the recording."
    )
    trait = translate(TRAIT_LABELS[largest["trait"]]).lower()
    st.markdown(text.format(trait=trait, move=f"{largest['move']:+.2f}"))


def _to_wave(sound: np.ndarray) -> bytes:
    """A sound as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(VOICE_SAMPLE_RATE_HZ)
        out.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
