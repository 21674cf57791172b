"""Predict: a video in, faces as they are found, sound, words, then five traits per model and ratings of the face."""

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, clip_input, explanations, model_store, prediction_panel
from pages.components.damaged_files import name_damages
from pages.components.face_overlay import feeling, overlay
from pages.components.plain_text import plain
from pages.components.waveform import waveform
from personality.assets import demo
from personality.constants import PREPROCESSING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression, Unavailable, predict_sample
from personality.preprocessing.faces import Box, Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import People, Sample
from personality.preprocessing.sandbox.client import prepare, read_apart
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript
from personality.utils.app_log import noted
from personality.utils.error_messages import sentence
from personality.utils.public_mode import is_public

FAILED = "The server cannot read a clip now; try again later."
BELOW_EACH = "below each: time in the video, detection score (0 to about 2), strongest expression"
FACE = 84  # pixels, side of a face in the filmstrip
PLAYER = "player"
READING, ANSWERS = "reading", "answers"  # of the session: what was read, what was predicted
REDRAW = 0.3  # seconds between two drawings, at least: the browser shares the cores, each costs it a tenth of a second


def run(clip: str, key: str, data: bytes, person: Box | None, place: DeltaGenerator) -> Iterator:
    """The pieces of a prediction, each with the second at which it came: those kept from before, or new ones, kept for
    the next rerun. The clip is read by a process of its own; other models are asked without reading it again.

    clip: which clip, and whom to follow in it; key: that and the models.
    """
    reading, answers = _kept(READING, clip), _kept(ANSWERS, key)
    if reading and answers:
        yield from (*reading, *answers)
        return
    models = model_store.models_in_memory()
    with model_store.my_turn(place), noted("prediction"):
        if reading:
            yield from reading
        else:
            reading = yield from _timed(read_apart(data, person=person), 0.0)
            st.session_state[READING] = (clip, reading)
        sample, came = reading[-1]
        answers = yield from _timed(predict_sample(sample, models), came)
    st.session_state[ANSWERS] = (key, answers)


def _kept(name: str, key: str) -> list:
    known, pieces = st.session_state.get(name, (None, []))
    return pieces if known == key else []


def _timed(pieces: Iterable, earlier: float) -> Generator[tuple, None, list]:
    """Each piece with the seconds since the prediction began, `earlier` of them before the first; returns all."""
    start, done = time.perf_counter() - earlier, []
    for piece in pieces:
        done.append((piece, time.perf_counter() - start))
        yield done[-1]
    return done


def draw(pieces: Iterable, name: str, data: bytes, progress: DeltaGenerator) -> list:
    """Draw each piece as it comes; returns all of them."""
    player_place, facts = st.columns([2, 3])
    player, over = player_place.empty(), player_place.container()
    metadata_place, sound_place, people_place = facts.empty(), facts.empty(), facts.empty()
    count, strip, warnings = st.empty(), st.empty(), st.container()
    traits = prediction_panel.TraitsPanel()
    words_place, face_place, person_place = st.empty(), st.empty(), st.empty()
    metadata, faces, done = None, [], []
    drawn = -REDRAW
    progress.caption(":material/hourglass_top: Reading the video ...")
    for piece, came in pieces:
        done.append((piece, came))
        match piece:
            case Metadata():
                metadata = piece
                draw_player(player, name, data)
                metadata_place.caption(describe(piece))
            case People():
                draw_people(people_place, piece, chosen=st.session_state.get("person"))
            case Face():
                faces.append(piece)
                if came - drawn > REDRAW:
                    draw_faces(strip, faces)
                    drawn = came
                if len(faces) == 1:
                    count.markdown(f"**Faces** · looking for {PREPROCESSING.faces}, spread over the video ...")
            case Sound():
                assert metadata is not None  # it is the first piece
                draw_faces(strip, faces)
                count.markdown(f"**Faces** · {len(faces)} found; {BELOW_EACH}")
                draw_sound(sound_place, piece, metadata.duration)
                with over:
                    overlay(metadata, faces, player=PLAYER, key="overlay")
            case Sample():
                for warning in piece.warnings:
                    warnings.warning(f"{plain(warning.capitalize())}.", icon=":material/warning:")
                prediction_panel.draw_person(person_place, piece)
                progress.caption(":material/hourglass_top: Predicting ...")
            case FaceImpressions():
                traits.draw()
                prediction_panel.draw_face(face_place, piece)
                progress.caption(":material/hourglass_top: Recognising the words ...")
            case Transcript():
                prediction_panel.draw_transcript(words_place, piece, player=PLAYER)
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
        place.container(key=PLAYER).video(data)


def describe(metadata: Metadata) -> str:
    """The metadata strip."""
    sound = "with sound" if metadata.has_audio else "without sound"
    size = f"{metadata.width:d} x {metadata.height:d}"
    codec = plain(metadata.codec)
    return f"{metadata.duration:.1f} s · {size} · {metadata.fps:.0f} frames a second · {codec} · {sound}"


def draw_people(place: DeltaGenerator, people: People, *, chosen: Box | None) -> None:
    """Several people: a face of each to choose from, the chosen one marked."""
    boxes = [tuple(box) for box in people.boxes.tolist()]
    with place.container(border=True):
        followed = "The marked one is followed." if chosen in boxes else "The largest is followed; or choose."
        st.markdown(f"**{len(boxes)} people are in the picture.** {followed}")
        with st.container(horizontal=True, gap="small"):
            for number, (crop, box) in enumerate(zip(people.crops, boxes, strict=True), 1):
                with st.container(width=FACE, gap="small"):
                    st.image(crop, width=FACE, alt=f"Person {number}, from the left", output_format="JPEG")
                    kind: Literal["primary", "secondary"] = "primary" if box == chosen else "secondary"
                    key = f"person_{number}"
                    st.button(f"{number:d}", key=key, type=kind, on_click=follow, args=(box,), width="stretch")


def follow(box: Box) -> None:
    """Note whom to follow at the next prediction."""
    st.session_state["person"] = box


def draw_faces(strip: DeltaGenerator, faces: list[Face]) -> None:
    """The filmstrip, if there are faces: one part of the page, which a browser draws faster than one a face."""
    if not faces:
        return
    captions = [f"{face.time:.1f} s · {face.score:.2f} {plain(feeling(face))}" for face in faces]
    alts = [f"Face at {face.time:.1f} seconds, {feeling(face)}" for face in faces]
    strip.image([face.crop for face in faces], caption=captions, width=FACE, alt=alts, output_format="JPEG")


def draw_sound(place: DeltaGenerator, sound: Sound, duration: float) -> None:
    """The waveform, tied to the player."""
    from personality.models.clip_features import heard_seconds

    with place.container():
        st.markdown("**Sound** · click to go there")
        seconds = max((heard_seconds(model.network.needs) for model in model_store.models_in_memory()), default=0)
        waveform(sound, duration, player=PLAYER, seconds=seconds, key="waveform")


def add_models() -> None:
    """Further models for this clip: practice models, and the operator's finished runs."""
    if st.session_state.get(model_store.SAMPLE):
        return
    chosen = model_store.chosen_models()
    others = [name for name in model_store.offered_models() if name not in chosen]
    words = "Practice models were trained on computer-made people: what they predict of a real person means nothing."
    with st.expander("More models"):
        st.multiselect("Ask these too", others, key=model_store.MORE, help=words, placeholder="none")
        st.caption(words)


analysis_widgets.frame(
    "Predict",
    "A short video of one person speaking goes in; out comes the **predicted first impression** that the person would "
    "make on strangers: five traits from the voice and from the words, and ratings of the face.",
    notice=any(name.startswith(model_store.PRACTICE) for name in model_store.asked_models()),
)
st.markdown(demo.IMPRESSION)
if not is_public():
    name_damages()
if not model_store.asked_models():
    st.warning("No model is chosen, so nothing can be predicted.", icon=":material/model_training:")
    if not is_public():
        st.page_link("pages/models.py", label="Choose models", icon=":material/model_training:")
    st.stop()
prepare()
clip = clip_input.choose()
if clip is None:
    st.caption(
        "Nothing yet: upload a video or try a sample, a computer-made person. A video goes to the machine that serves "
        "this page, nowhere else. The models of real people judge the **voice** and the **words**; there is none that "
        "judges the five traits from the picture, because the videos to train one on were not available."
    )
    model_store.models_in_memory()  # while the visitor looks for a video
    st.stop()
name, data = clip
person = st.session_state.get("person")
progress = st.empty()
key = f"{hashlib.sha256(data).hexdigest()} {person}"
models = f"{key} {model_store.versions()}"
try:
    done = draw(run(key, models, data, person, progress), name, data, progress)
except (MediaError, OSError) as error:
    progress.empty()
    # An error of the system may name folders of the operator's.
    hidden = is_public() and isinstance(error, OSError)
    st.error(FAILED if hidden else plain(sentence(error)), icon=":material/error:")
else:
    add_models()
    explanations.look_closer(models, name, done)
