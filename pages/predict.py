"""Predict: a video in, faces as they are found, sound, words, then five traits per model and ratings of the face."""

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, clip_input, explanations, model_store, prediction_panel
from pages.components.damaged_files import show_damaged_files
from pages.components.face_overlay import draw_face_overlay, format_strongest_emotion
from pages.components.plain_text import escape_markdown
from pages.components.waveform import draw_waveform
from personality.constants import IMPRESSION_NOTICE, PREPROCESSING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression, Unavailable, predict_sample
from personality.preprocessing.faces import Face, FaceBox
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import DetectedPeople, Sample
from personality.preprocessing.sandbox.client import read_clip_in_sandbox, start_reader_process
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.public_mode import is_public

READ_FAILED_MESSAGE = "The server cannot read a clip now; try again later."
FACE_CAPTION_LEGEND = "below each: time in the video, detection score (0 to about 2), strongest expression"
FACE_THUMBNAIL_PIXELS = 84  # pixels, side of a face in the filmstrip
PLAYER_CONTAINER_KEY = "player"
READ_PIECES_STATE_KEY, PREDICTIONS_STATE_KEY = "reading", "answers"  # of the session: what was read, what was predicted
MIN_REDRAW_SECONDS = (
    0.3  # seconds between two drawings, at least: the browser shares the cores, each costs it a tenth of a second
)


def stream_clip_pieces(clip: str, key: str, data: bytes, person: FaceBox | None, place: DeltaGenerator) -> Iterator:
    """The pieces of a prediction, each with the second at which it came: those kept from before, or new ones, kept for
    the next rerun. The clip is read by a process of its own; other models are asked without reading it again.

    clip: which clip, and whom to follow in it; key: that and the models.
    """
    reading, answers = _cached_pieces(READ_PIECES_STATE_KEY, clip), _cached_pieces(PREDICTIONS_STATE_KEY, key)
    if reading and answers:
        yield from (*reading, *answers)
        return
    models = model_store.load_models_for_clip()
    with model_store.wait_for_prediction_turn(place), log_duration("prediction"):
        if reading:
            yield from reading
        else:
            reading = yield from _add_arrival_seconds(read_clip_in_sandbox(data, person=person), 0.0)
            st.session_state[READ_PIECES_STATE_KEY] = (clip, reading)
        sample, came = reading[-1]
        answers = yield from _add_arrival_seconds(predict_sample(sample, models), came)
    st.session_state[PREDICTIONS_STATE_KEY] = (key, answers)


def _cached_pieces(name: str, key: str) -> list:
    known, pieces = st.session_state.get(name, (None, []))
    return pieces if known == key else []


def _add_arrival_seconds(pieces: Iterable, earlier: float) -> Generator[tuple, None, list]:
    """Each piece with the seconds since the prediction began, `earlier` of them before the first; returns all."""
    start, done = time.perf_counter() - earlier, []
    for piece in pieces:
        done.append((piece, time.perf_counter() - start))
        yield done[-1]
    return done


def draw_prediction_pieces(pieces: Iterable, name: str, data: bytes, progress: DeltaGenerator) -> list:
    """Draw each piece as it comes; returns all of them."""
    player_place, facts = st.columns([2, 3])
    player, over = player_place.empty(), player_place.container()
    metadata_place, sound_place, people_place = facts.empty(), facts.empty(), facts.empty()
    count, strip, warnings = st.empty(), st.empty(), st.container()
    traits = prediction_panel.TraitsPanel()
    words_place, face_place, person_place = st.empty(), st.empty(), st.empty()
    metadata, faces, done = None, [], []
    drawn = -MIN_REDRAW_SECONDS
    progress.caption(":material/hourglass_top: Reading the video ...")
    for piece, came in pieces:
        done.append((piece, came))
        match piece:
            case Metadata():
                metadata = piece
                draw_player(player, name, data)
                metadata_place.caption(format_clip_metadata(piece))
            case DetectedPeople():
                draw_person_choices(people_place, piece, chosen=st.session_state.get("person"))
            case Face():
                faces.append(piece)
                if came - drawn > MIN_REDRAW_SECONDS:
                    draw_face_filmstrip(strip, faces)
                    drawn = came
                if len(faces) == 1:
                    count.markdown(f"**Faces** · looking for {PREPROCESSING.faces}, spread over the video ...")
            case Sound():
                assert metadata is not None  # it is the first piece
                draw_face_filmstrip(strip, faces)
                count.markdown(f"**Faces** · {len(faces)} found; {FACE_CAPTION_LEGEND}")
                draw_sound(sound_place, piece, metadata.duration)
                with over:
                    draw_face_overlay(metadata, faces, player=PLAYER_CONTAINER_KEY, key="overlay")
            case Sample():
                for warning in piece.warnings:
                    warnings.warning(f"{escape_markdown(warning.capitalize())}.", icon=":material/warning:")
                prediction_panel.draw_person_estimates(person_place, piece)
                progress.caption(":material/hourglass_top: Predicting ...")
            case FaceImpressions():
                traits.draw()
                prediction_panel.draw_face_ratings(face_place, piece)
                progress.caption(":material/hourglass_top: Recognising the words ...")
            case Transcript():
                prediction_panel.draw_transcript(words_place, piece, player=PLAYER_CONTAINER_KEY)
            case Impression() | Unavailable():
                traits.add(piece)
    traits.draw()
    progress.empty()
    return done


def draw_player(place: DeltaGenerator, name: str, data: bytes) -> None:
    """The video, or a word on why there is none."""
    if name.lower().endswith(".avi"):
        place.info(
            "Browsers do not play AVI. All the rest works; as mp4 you would see it here.", icon=":material/movie:"
        )
    else:
        place.container(key=PLAYER_CONTAINER_KEY).video(data)


def format_clip_metadata(metadata: Metadata) -> str:
    """The metadata strip."""
    sound = "with sound" if metadata.has_audio else "without sound"
    size = f"{metadata.width:d} x {metadata.height:d}"
    codec = escape_markdown(metadata.codec)
    return f"{metadata.duration:.1f} s · {size} · {metadata.fps:.0f} frames a second · {codec} · {sound}"


def draw_person_choices(place: DeltaGenerator, people: DetectedPeople, *, chosen: FaceBox | None) -> None:
    """Several people: a face of each to choose from, the chosen one marked."""
    boxes = [tuple(box) for box in people.boxes.tolist()]
    with place.container(border=True):
        followed = "The marked one is followed." if chosen in boxes else "The largest is followed; or choose."
        st.markdown(f"**{len(boxes)} people are in the picture.** {followed}")
        with st.container(horizontal=True, gap="small"):
            for number, (crop, box) in enumerate(zip(people.crops, boxes, strict=True), 1):
                with st.container(width=FACE_THUMBNAIL_PIXELS, gap="small"):
                    st.image(
                        crop, width=FACE_THUMBNAIL_PIXELS, alt=f"Person {number}, from the left", output_format="JPEG"
                    )
                    kind: Literal["primary", "secondary"] = "primary" if box == chosen else "secondary"
                    key = f"person_{number}"
                    st.button(f"{number:d}", key=key, type=kind, on_click=select_person, args=(box,), width="stretch")


def select_person(box: FaceBox) -> None:
    """Note whom to follow at the next prediction."""
    st.session_state["person"] = box


def draw_face_filmstrip(strip: DeltaGenerator, faces: list[Face]) -> None:
    """The filmstrip, if there are faces: one part of the page, which a browser draws faster than one a face."""
    if not faces:
        return
    captions = [
        f"{face.time:.1f} s · {face.score:.2f} {escape_markdown(format_strongest_emotion(face))}" for face in faces
    ]
    alts = [f"Face at {face.time:.1f} seconds, {format_strongest_emotion(face)}" for face in faces]
    strip.image(
        [face.crop for face in faces], caption=captions, width=FACE_THUMBNAIL_PIXELS, alt=alts, output_format="JPEG"
    )


def draw_sound(place: DeltaGenerator, sound: Sound, duration: float) -> None:
    """The waveform, tied to the player."""
    from personality.models.clip_features import required_sound_seconds

    with place.container():
        st.markdown("**Sound** · click to go there")
        seconds = max(
            (required_sound_seconds(model.network.needs) for model in model_store.load_models_for_clip()), default=0
        )
        draw_waveform(sound, duration, player=PLAYER_CONTAINER_KEY, seconds=seconds, key="waveform")


def choose_added_models() -> None:
    """Further models for this clip: practice models, and the operator's finished runs."""
    if st.session_state.get(model_store.SAMPLE_STATE_KEY):
        return
    chosen = model_store.chosen_models()
    others = [name for name in model_store.addable_models() if name not in chosen]
    words = "Practice models were trained on computer-made people: what they predict of a real person means nothing."
    with st.expander("More models"):
        st.multiselect("Ask these too", others, key=model_store.ADDED_MODELS_STATE_KEY, help=words, placeholder="none")
        st.caption(words)


analysis_widgets.draw_page_header(
    "Predict",
    "A short video of one person speaking goes in; out comes the **predicted first impression** that the person would "
    "make on strangers: five traits from the voice and from the words, and ratings of the face.",
    notice=any(name.startswith(model_store.PRACTICE_LABEL_PREFIX) for name in model_store.models_for_clip()),
)
st.markdown(IMPRESSION_NOTICE)
if not is_public():
    show_damaged_files()
if not model_store.models_for_clip():
    st.warning("No model is chosen, so nothing can be predicted.", icon=":material/model_training:")
    if not is_public():
        st.page_link("pages/models.py", label="Choose models", icon=":material/model_training:")
    st.stop()
start_reader_process()
clip = clip_input.choose_clip()
if clip is None:
    st.caption(
        "Nothing yet: upload a video or try a sample, a computer-made person. A video goes to the machine that serves "
        "this page, nowhere else. The models of real people judge the **voice** and the **words**; there is none that "
        "judges the five traits from the picture, because the videos to train one on were not available."
    )
    model_store.load_models_for_clip()  # while the visitor looks for a video
    st.stop()
name, data = clip
person = st.session_state.get("person")
progress = st.empty()
key = f"{hashlib.sha256(data).hexdigest()} {person}"
models = f"{key} {model_store.model_folders_and_mtimes()}"
try:
    done = draw_prediction_pieces(stream_clip_pieces(key, models, data, person, progress), name, data, progress)
except (MediaError, OSError) as error:
    progress.empty()
    # An error of the system may name folders of the operator's.
    hidden = is_public() and isinstance(error, OSError)
    st.error(READ_FAILED_MESSAGE if hidden else escape_markdown(describe_error(error)), icon=":material/error:")
else:
    choose_added_models()
    explanations.draw_explanations(models, name, done)
