"""Explanations of a prediction: each view is computed when it is opened, and kept for the clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store, prediction_downloads
from pages.components.clip_change_view import draw_clip_changes
from pages.components.figure_texts import translate_chart, translate_figure
from pages.components.language import mark_text, translate, translate_plain
from pages.components.library_texts import label_models, name_model
from pages.components.plain_text import escape_markdown
from pages.components.transcript import draw_word_effects
from personality.assets.shipped_models import model_label
from personality.explain.counterfactual import compute_counterfactuals
from personality.explain.modality_contribution import compute_modality_effects
from personality.explain.occlusion import OCCLUDED_SECONDS, occlude_faces, occlude_sound
from personality.explain.sliding_window import predict_timeline
from personality.explain.voice import leave_out_seconds
from personality.explain.words import leave_out_phrases, leave_out_words
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression
from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.plots import clip_plots
from personality.preprocessing.media import Metadata
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech_to_text import Transcript
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from personality.utils.app_log import log_duration

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

EXPLANATION_STATE_PREFIX = "explanation_"  # of the keys of computed views in the session state
VIEW_QUESTIONS = {  # one sentence per view for readers who do not know its name
    mark_text("Change the video"): mark_text(
        "The person stays the same, the recording changes. How far does the prediction move?"
    ),
    mark_text("Modality contribution"): mark_text(
        "What does it change to also see the face, hear the voice or read the words?"
    ),
    mark_text("Word contribution"): mark_text("Which words raise or lower the prediction?"),
    mark_text("Audio occlusion"): mark_text("Which moments of the voice raise or lower the prediction?"),
    mark_text("Face occlusion"): mark_text("Which parts of the face raise or lower the prediction?"),
    mark_text("Timeline"): mark_text("How does the prediction change while the person speaks?"),
    mark_text("Counterfactuals"): mark_text(
        "What would change if the model believed the person to be older, of another gender, or smiling?"
    ),
    mark_text("Downloads"): mark_text("The prediction as a file, with what it must not be used for."),
}
LEAVE_OUT_FUNCTIONS = {
    mark_text("words"): leave_out_words,
    mark_text("phrases"): leave_out_phrases,
}  # by the unit that is left out


@st.fragment
def draw_explanations(key: str, name: str, data: bytes, arrived: list, *, player: str) -> None:
    """Draw the explanation views as tabs, of which only the open one is computed.

    Parameters
    ----------
    key : str
        Identifies the clip and the models.
    name, data : str, bytes
        Name and content of the file of the clip.
    arrived : list of (object, float)
        The pieces of the prediction, each with its arrival time in seconds.
    player : str
        Key of the container with the player.
    """
    pieces = [piece for piece, _ in arrived]
    answers = [piece for piece in pieces if isinstance(piece, Impression)]
    sample = replace(first_piece_of_type(pieces, Sample), transcript=first_piece_of_type(pieces, Transcript))
    if not answers and first_piece_of_type(pieces, FaceImpressions) is None:
        return
    st.header(translate("Explanations"))
    start = first_piece_of_type(pieces, Metadata).start
    views = build_explanation_views(key, sample, data, answers, start, player) if answers else {}
    views["Downloads"] = lambda: prediction_downloads.draw_downloads(name, arrived)
    tabs = st.tabs([translate_plain(view) for view in views], on_change="rerun", key="open_explanation")
    for tab, (view, draw) in zip(tabs, views.items(), strict=True):
        if tab.open:
            with tab:
                st.markdown(translate(VIEW_QUESTIONS[view]))
                draw()


def build_explanation_views(
    key: str, sample: Sample, data: bytes, answers: Sequence[Impression], start: float, player: str
) -> dict[str, Callable[[], None]]:
    """The views available for the models that made a prediction, each with the function that draws it."""
    names = {one.model for one in answers}
    models = [model for model in model_store.load_models_for_clip() if model.name in names]
    # A model may have been deleted since it made its prediction.
    answers = [one for one in answers if one.model in {model.name for model in models}]
    inputs = {name for model in models for name in (*model.network.needs.inputs, *dict(model.network.needs.tables))}
    views: dict[str, Callable[[], None]] = {
        "Modality contribution": lambda: draw_modality_contributions(compute_modality_effects(answers, models)),
        "Change the video": lambda: draw_clip_changes(sample, data, models, key),
    }
    if sample.transcript and sample.transcript.text and TEXT_TABLE in inputs:
        views["Word contribution"] = lambda: draw_word_contributions(sample, models, key, start, player)
    if inputs & {"audio", VOICE_TABLE}:
        views["Audio occlusion"] = lambda: draw_audio_occlusion(
            compute_once_per_clip("audio_occlusion", key, lambda: compute_audio_occlusion(sample, models))
        )
    if "faces" in inputs:
        views["Face occlusion"] = lambda: draw_face_occlusion(
            sample, compute_once_per_clip("face_occlusion", key, lambda: occlude_faces(sample, models))
        )
    if inputs & {"audio", "faces"}:
        views["Timeline"] = lambda: draw_timeline(
            compute_once_per_clip("timeline", key, lambda: predict_timeline(sample, models)), sample.duration
        )
    if "handcrafted" in inputs:
        views["Counterfactuals"] = lambda: draw_counterfactuals(
            compute_once_per_clip("counterfactuals", key, lambda: compute_counterfactuals(sample, models))
        )
    return views


def first_piece_of_type(pieces: list, kind: type) -> Any:
    """The first piece of a prediction that is of a kind; None if there is none."""
    return next((piece for piece in pieces if isinstance(piece, kind)), None)


def compute_once_per_clip(view: str, key: str, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """The table of a view for the clip and models that `key` identifies, computed at the first call; with the pages'
    names of models."""
    state_key = f"{EXPLANATION_STATE_PREFIX}{view}"
    computed = st.session_state.get(state_key)
    if computed is None or computed[0] != key:
        with (
            st.spinner(translate("Computing the explanation ...")),
            model_store.wait_for_prediction_turn(st.empty()),
            log_duration(view),
        ):
            rows = compute()
            st.session_state[state_key] = (key, rows.assign(model=rows["model"].map(model_label)))
    return st.session_state[state_key][1]


def discard_explanations() -> None:
    """Delete the explanations of the clip."""
    for name in [name for name in st.session_state if str(name).startswith(EXPLANATION_STATE_PREFIX)]:
        del st.session_state[name]


def choose_trait(key: str) -> str:
    """Let the visitor choose one of the five traits."""
    names = list(TRAIT_NAMES)
    return st.segmented_control(
        translate("Trait"), names, default=names[0], required=True, format_func=name_trait, key=key
    )


def name_trait(name: str) -> str:
    """The label of a trait in the language of the page."""
    return translate_plain(TRAIT_LABELS[name])


def choose_model(rows: pd.DataFrame, key: str) -> str:
    """Let the visitor choose one of the models in the rows."""
    names = list(rows["model"].unique())
    label = translate("Model")
    return st.segmented_control(label, names, default=names[-1], required=True, format_func=name_model, key=key)


def draw_modality_contributions(rows: pd.DataFrame) -> None:
    """How much each trait changes when a modality is added."""
    if rows.empty:
        st.caption(
            translate("This view compares models that differ by exactly one input. No two of the selected models do.")
        )
        return
    rows = rows.assign(change=rows["change"].map(label_models))
    alt = translate("Change of each trait from the model without a modality to the model with it")
    st.altair_chart(translate_chart(clip_plots.change_grid(rows)), width="stretch", alt=alt)
    st.caption(
        translate(
            "How the prediction for this clip changes when a model has one more input: the prediction of the model "
            "with the input minus that of the model without it. Attributes: estimated gender, age and expressions."
        )
    )


def draw_word_contributions(sample: Sample, models: Sequence[Model], key: str, start: float, player: str) -> None:
    """The transcript, with each word or phrase coloured by its effect on a trait, synchronised with the player."""
    units = list(LEAVE_OUT_FUNCTIONS)
    part = st.segmented_control(
        translate("Leave out"), units, default=units[0], required=True, format_func=translate_plain, key="left_out"
    )
    rows = compute_once_per_clip(part, key, lambda: LEAVE_OUT_FUNCTIONS[part](sample, models))
    if rows.empty:
        st.caption(translate("The transcript is too short for this view."))
        return
    left, right = st.columns(2)
    with left:
        model = choose_model(rows, "words_model")
    with right:
        trait = choose_trait("words_trait")
    shown = rows[rows["model"].eq(model) & rows["trait"].eq(trait)]
    draw_word_effects(shown, start=start, player=player, key="word_effects")
    strongest = shown.loc[shown["difference"].abs().idxmax()]
    text = translate(
        "Each word or phrase was left out in turn and the prediction repeated. Blue: the word **increases** the "
        "predicted {trait}; orange: it decreases it. The largest effect is that of *{word}*: {difference}."
    )
    word, difference = escape_markdown(strongest["text"]), f"{strongest['difference']:+.3f}"
    st.caption(text.format(trait=name_trait(trait).lower(), word=word, difference=difference))


def draw_face_occlusion(sample: Sample, rows: pd.DataFrame) -> None:
    """The squares of the face, coloured by the effect of covering them on a trait."""
    if rows.empty:
        st.caption(translate("No face was found, or none of the selected models uses faces."))
        return
    left, right = st.columns(2)
    with left:
        model, trait = choose_model(rows, "looked_model"), choose_trait("looked_trait")
    shown = rows[rows["model"].eq(model) & rows["trait"].eq(trait)]
    figure = translate_figure(clip_plots.occlusion_map(sample.faces[len(sample.faces) // 2], shown))
    alt = translate("Effect of covering each part of the face on {trait}, predicted by {model}")
    alt = alt.format(trait=name_trait(trait), model=name_model(model))
    right.plotly_chart(figure, width="stretch", key="looked_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    strongest = shown.loc[shown["difference"].abs().idxmax()]
    text = translate(
        "Each square was covered with its mean colour, in two faces of the clip, and the prediction of {model} "
        "repeated. Orange: covering the square **decreases** the predicted {trait}; blue: it increases it. The largest "
        "change is {difference}."
    )
    named, difference = name_model(model), f"{strongest['difference']:+.3f}"
    left.caption(text.format(model=named, trait=name_trait(trait).lower(), difference=difference))


def compute_audio_occlusion(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """The effect of each moment of the sound, on audio models and on models of voice features."""
    parts = [occlude_sound(sample, models), leave_out_seconds(sample, models)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def draw_audio_occlusion(rows: pd.DataFrame) -> None:
    """The effect of silencing each moment of the sound on a trait."""
    if rows.empty:
        st.caption(translate("The clip has no sound, or none of the selected models uses sound."))
        return
    trait = choose_trait("heard_trait")
    alt = translate("Effect of removing each moment on {trait}, per model").format(trait=name_trait(trait))
    figure = translate_figure(clip_plots.audio_occlusion_steps(rows[rows["trait"].eq(trait)]))
    st.plotly_chart(figure, width="stretch", key="heard_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    text = translate(
        "Each moment was removed in turn and the prediction repeated. For models that read the audio, {seconds} s were "
        "replaced by noise that sounds like the clip on average; for models that read voice features, one second was "
        "cut out. Below 0: this moment increases the predicted trait."
    )
    st.caption(text.format(seconds=f"{OCCLUDED_SECONDS:g}"))


def draw_timeline(rows: pd.DataFrame, duration: float) -> None:
    """One trait over time, for all models."""
    if rows["time"].nunique() < 2:
        st.caption(translate("The clip is too short for a timeline, which needs more than one window of 5 s."))
        return
    trait = choose_trait("timeline_trait")
    alt = translate("Predicted {trait} over the clip, per model").format(trait=name_trait(trait))
    chart = translate_figure(clip_plots.trait_timeline(rows[rows["trait"] == trait], duration))
    st.plotly_chart(chart, width="stretch", key="timeline_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    st.caption(translate("Each point is the prediction from only the 5 s of the clip around it."))


def draw_counterfactuals(rows: pd.DataFrame) -> None:
    """A grid of changed inputs by traits, for one model."""
    if rows.empty:
        st.caption(
            translate(
                "No face was found to estimate gender, age and expressions, or none of the selected models uses them."
            )
        )
        return
    shown = rows[rows["model"].eq(choose_model(rows, "what_if_model"))]
    alt = translate("Change of each trait if the input gender, age or expression were different")
    st.altair_chart(translate_chart(clip_plots.change_grid(shown)), width="stretch", alt=alt)
    st.caption(
        translate(
            "What would the model predict for the same faces and sound if the **input** gender, age or expression were "
            "different? Large changes mean that the model relies on these attributes."
        )
    )
