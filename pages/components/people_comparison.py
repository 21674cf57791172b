"""Two people of one clip side by side: only what comes from their faces differs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store
from pages.components.clip_input import (
    OTHER_PERSON_STATE_KEY,
    OTHER_PREDICTIONS_STATE_KEY,
    OTHER_READ_STATE_KEY,
    cached_pieces,
)
from pages.components.explanations import first_piece_of_type
from pages.components.figure_texts import translate_figure
from pages.components.language import translate
from pages.components.library_texts import name_model
from pages.components.people_panel import COMPARISON_ANCHOR, FACE_THUMBNAIL_PIXELS, name_person
from pages.components.plain_text import escape_markdown
from pages.components.prediction_panel import format_age_and_gender
from pages.components.two_takes import draw_differences
from personality.assets.shipped_models import model_label
from personality.inference.face_impressions import FaceImpressions
from personality.inference.other_person import models_of_faces, predict_other_person
from personality.inference.predict import Impression
from personality.inference.two_takes import compare_takes
from personality.plots import clip_plots
from personality.preprocessing.sample import DetectedPeople, Sample
from personality.preprocessing.sandbox.client import read_clip_in_sandbox
from personality.preprocessing.speech_to_text import Transcript
from personality.utils.app_log import log_duration
from personality.utils.public_mode import shows_estimates


def draw_people_comparison(digest: str, data: bytes, arrived: list) -> None:
    """Draw the analysed person next to the one that the visitor chose for comparison; nothing without a choice.

    Parameters
    ----------
    digest : str
        Identifies the clip.
    data : bytes
        The video file.
    arrived : list of (object, float)
        The pieces of the prediction, each with its arrival time in seconds.

    Raises
    ------
    MediaError
        The clip cannot be read again.
    """
    pieces, number = [piece for piece, _ in arrived], st.session_state.get(OTHER_PERSON_STATE_KEY)
    people = first_piece_of_type(pieces, DetectedPeople)
    if number is None or people is None:
        return
    st.header(translate("Two people side by side"), anchor=COMPARISON_ANCHOR)
    other = _read_and_predict_other(digest, data, number, first_piece_of_type(pieces, Transcript))
    numbered = dict(sorted({people.chosen + 1: pieces, number: other}.items()))
    both = {name_person(number): pieces for number, pieces in numbered.items()}
    _explain_what_differs()
    _draw_faces(both)
    _draw_face_ratings(both)
    _draw_traits(both)


def _read_and_predict_other(digest: str, data: bytes, number: int, transcript: Transcript | None) -> list:
    """The Sample of another person and the predictions from the face, from the session state if they are there."""
    key = f"{digest} {number}"
    predictions_key = f"{key} {model_store.model_folders_and_mtimes()}"
    read, predictions = (
        cached_pieces(OTHER_READ_STATE_KEY, key),
        cached_pieces(OTHER_PREDICTIONS_STATE_KEY, predictions_key),
    )
    if read and predictions:
        return [*read, *predictions]
    models = model_store.load_models_for_clip()
    with (
        st.spinner(translate("Reading the other person ...")),
        model_store.wait_for_prediction_turn(st.empty()),
        log_duration("second person"),
    ):
        read = read or list(read_clip_in_sandbox(data, person=number))[-1:]
        st.session_state[OTHER_READ_STATE_KEY] = (key, read)
        predictions = predict_other_person(first_piece_of_type(read, Sample), transcript, models)
    st.session_state[OTHER_PREDICTIONS_STATE_KEY] = (predictions_key, predictions)
    return [*read, *predictions]


def _explain_what_differs() -> None:
    models = model_store.load_models_for_clip()
    reading = {model.name for model in models_of_faces(models)}
    same = ", ".join(name_model(model_label(model.name)) for model in models if model.name not in reading)
    text = (
        translate(
            "Voice and words are everyone's, so these models predict the same for both people: {models}. Only what "
            "comes from the faces differs."
        )
        if same
        else translate("Voice and words are everyone's. Only what comes from the faces differs.")
    )
    st.markdown(text.format(models=same))


def _draw_faces(both: dict[str, list]) -> None:
    """A face of each person; below it the estimated age and gender, where they are shown."""
    alt, estimated = translate("{person}, a face"), translate("Estimated: {estimates} (often wrong)")
    with st.container(horizontal=True):
        for name, pieces in both.items():
            sample = first_piece_of_type(pieces, Sample)
            with st.container(width=2 * FACE_THUMBNAIL_PIXELS, gap="small"):
                if len(sample.faces):
                    middle = sample.faces[len(sample.faces) // 2]
                    st.image(middle, width=FACE_THUMBNAIL_PIXELS, alt=alt.format(person=name), output_format="JPEG")
                st.markdown(f"**{escape_markdown(name)}**")
                if shows_estimates() and sample.age is not None:
                    st.caption(estimated.format(estimates=escape_markdown(format_age_and_gender(sample))))


def _draw_face_ratings(both: dict[str, list]) -> None:
    rated = {name: first_piece_of_type(pieces, FaceImpressions) for name, pieces in both.items()}
    ratings = pd.DataFrame({name: one.ratings for name, one in rated.items() if one is not None})
    if len(ratings.columns) < 2:
        return
    st.markdown(
        translate("**From the faces (photograph ratings)** · how people would probably rate photographs of these faces")
    )
    chart = translate_figure(clip_plots.paired_face_ratings(ratings))
    alt = translate("Eight ratings of each face, 0 to 100")
    st.plotly_chart(chart, width="stretch", key="people_ratings", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    st.caption(translate("Another light or expression of the same face changes these ratings too."))


def _draw_traits(both: dict[str, Sequence]) -> None:
    models = models_of_faces(model_store.load_models_for_clip())
    names = {model.name for model in models}
    impressions = [
        [piece for piece in pieces if isinstance(piece, Impression) and piece.model in names]
        for pieces in both.values()
    ]
    table = compare_takes(impressions[0], impressions[1], models)
    st.markdown(translate("**Five traits, predicted by models that read the face**"))
    if table.empty:
        st.caption(
            translate(
                "None of the models in use predicts the five traits from the face, so they are the same for both "
                "people. Practice models that read the face can be added below, under *More models*."
            )
        )
        return
    draw_differences(list(both), table)
