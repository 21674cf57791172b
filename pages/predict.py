"""Predict: upload a video; faces, sound, words, traits and face ratings are shown as soon as each is available."""

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, clip_input, explanations, model_store
from pages.components.clip_input import (
    PERSON_STATE_KEY,
    PREDICTIONS_STATE_KEY,
    READ_PIECES_STATE_KEY,
    cached_pieces,
)
from pages.components.clip_view import PLAYER_CONTAINER_KEY, ClipView
from pages.components.damaged_files import show_damaged_files
from pages.components.language import mark_text, translate
from pages.components.library_texts import translate_library_text
from pages.components.many_clips import CLIPS_STATE_KEY
from pages.components.people_comparison import draw_people_comparison
from pages.components.plain_text import escape_markdown
from personality.constants import IMPRESSION_NOTICE
from personality.inference.predict import predict_sample
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sandbox.client import read_clip_in_sandbox, start_reader_process
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.public_mode import is_public

READ_FAILED_MESSAGE = mark_text("The server cannot read videos at the moment. Please try again later.")


def stream_clip_pieces(
    clip_key: str, prediction_key: str, data: bytes, person: PersonChoice, place: DeltaGenerator
) -> Iterator:
    """Yield the pieces of a prediction, from the session state if available, and store new ones there.

    A separate process reads the clip. If only the models have changed, the clip is not read again.

    Parameters
    ----------
    clip_key : str
        Identifies the clip and the selected person.
    prediction_key : str
        Identifies the clip, the selected person and the models.
    data : bytes
        The video file.
    person : int or "largest"
        Whom to follow, if there are several people.
    place : DeltaGenerator
        Where the position in the queue is shown.

    Yields
    ------
    tuple of (object, float)
        A piece, and the seconds from the start until it arrived.
    """
    read_pieces = cached_pieces(READ_PIECES_STATE_KEY, clip_key)
    predictions = cached_pieces(PREDICTIONS_STATE_KEY, prediction_key)
    if read_pieces and predictions:
        yield from (*read_pieces, *predictions)
        return
    models = model_store.load_models_for_clip()
    with model_store.wait_for_prediction_turn(place), log_duration("prediction"):
        if read_pieces:
            yield from read_pieces
        else:
            read_pieces = yield from _add_arrival_seconds(read_clip_in_sandbox(data, person=person), 0.0)
            st.session_state[READ_PIECES_STATE_KEY] = (clip_key, read_pieces)
        sample, seconds = read_pieces[-1]
        predictions = yield from _add_arrival_seconds(predict_sample(sample, models), seconds)
    st.session_state[PREDICTIONS_STATE_KEY] = (prediction_key, predictions)


def _add_arrival_seconds(pieces: Iterable, earlier: float) -> Generator[tuple, None, list]:
    """Yield each piece with the seconds since the prediction started, `earlier` seconds ago; return all of them."""
    start, arrived = time.perf_counter() - earlier, []
    for piece in pieces:
        arrived.append((piece, time.perf_counter() - start))
        yield arrived[-1]
    return arrived


def choose_added_models() -> None:
    """Select additional models for this clip: practice models and, on a private server, finished runs."""
    if st.session_state.get(model_store.SAMPLE_STATE_KEY):
        return
    chosen = model_store.chosen_models()
    others = [name for name in model_store.addable_models() if name not in chosen]
    hint = translate(
        "Practice models were trained on computer-made people; their predictions for real people are meaningless."
    )
    label, none = translate("Also predict with"), translate("none")
    with st.expander(translate("More models")):
        st.multiselect(label, others, key=model_store.ADDED_MODELS_STATE_KEY, placeholder=none)
        st.caption(hint)


analysis_widgets.draw_page_header(
    translate("Predict"),
    translate(
        "Upload or record a short video of one person speaking. The result is the **predicted first impression**: an "
        "estimate of how strangers would rate the person on five personality traits, from the voice and the words. A "
        "separate model rates the face."
    ),
    notice=any(name.startswith(model_store.PRACTICE_LABEL_PREFIX) for name in model_store.models_for_clip()),
)
st.markdown(translate(IMPRESSION_NOTICE))
if not is_public():
    show_damaged_files()
if not model_store.models_for_clip():
    none_selected = translate("No model is selected. Select at least one to make predictions.")
    st.warning(none_selected, icon=":material/model_training:")
    if not is_public():
        st.page_link("pages/models.py", label=translate("Select models"), icon=":material/model_training:")
    st.stop()
start_reader_process()
clip = clip_input.choose_clip()
if clip is None and CLIPS_STATE_KEY in st.session_state:
    st.stop()
if clip is None:
    st.caption(
        translate(
            "No video yet. Upload or record one, or try a sample with a computer-made person. Your video is sent only "
            "to the server that runs this page. The models trained on real people use the **voice** and the **words**. "
            "None of them predicts the five traits from the face, because we did not have access to the videos needed "
            "to train one."
        )
    )
    model_store.load_models_for_clip()  # while the visitor looks for a video
    st.stop()
name, data = clip
person = st.session_state.get(PERSON_STATE_KEY, "largest")
progress = st.empty()
digest = hashlib.sha256(data).hexdigest()
clip_key = f"{digest} {person}"
prediction_key = f"{clip_key} {model_store.model_folders_and_mtimes()}"
try:
    arriving = stream_clip_pieces(clip_key, prediction_key, data, person, progress)
    view, pieces = ClipView(name, data, progress), []
    for piece, seconds in arriving:
        pieces.append((piece, seconds))
        view.draw(piece, seconds)
    view.finish()
    draw_people_comparison(digest, data, pieces)
except (MediaError, OSError) as error:
    progress.empty()
    # An operating-system error may name the operator's folders.
    hides_details = is_public() and isinstance(error, OSError)
    details = escape_markdown(translate_library_text(describe_error(error)))
    st.error(translate(READ_FAILED_MESSAGE) if hides_details else details, icon=":material/error:")
else:
    choose_added_models()
    explanations.draw_explanations(prediction_key, name, data, pieces, player=PLAYER_CONTAINER_KEY)
