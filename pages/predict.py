"""Predict: upload a video; faces, sound, words, traits and face ratings are shown as soon as each is available."""

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, clip_input, explanations, model_store, prediction_panel
from pages.components.clip_input import (
    PERSON_STATE_KEY,
    PREDICTIONS_STATE_KEY,
    READ_PIECES_STATE_KEY,
    cached_pieces,
)
from pages.components.damaged_files import show_damaged_files
from pages.components.face_overlay import draw_face_overlay, format_strongest_emotion
from pages.components.language import mark_text, translate
from pages.components.library_texts import translate_library_text
from pages.components.many_clips import CLIPS_STATE_KEY
from pages.components.people_comparison import draw_people_comparison
from pages.components.people_panel import FACE_THUMBNAIL_PIXELS, draw_people_panel
from pages.components.plain_text import escape_markdown
from pages.components.player_clock import MIN_LATE_SECONDS
from pages.components.waveform import draw_waveform
from personality.constants import IMPRESSION_NOTICE, PREPROCESSING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression, Unavailable, predict_sample
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sample import DetectedPeople, Sample
from personality.preprocessing.sandbox.client import read_clip_in_sandbox, start_reader_process
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.public_mode import is_public

READ_FAILED_MESSAGE = mark_text("The server cannot read videos at the moment. Please try again later.")
FACE_CAPTION_LEGEND = mark_text("below each: time, confidence that it is a face (not a %), most likely expression")
PLAYER_CONTAINER_KEY = "player"
PLAYABLE_SUFFIXES = ("mp4", "m4v", "mov", "webm", "mkv", "3gp")  # by browsers, if the codec is one of the next
PLAYABLE_CODECS = ("h264", "vp8", "vp9", "av1", "libdav1d")
SOUND_MIME_TYPES = {"mp3": "mpeg", "m4a": "mp4"}
MIN_REDRAW_SECONDS = 0.3  # between two redraws of the filmstrip, each of which takes the browser about 0.1 s


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


def draw_prediction_pieces(pieces: Iterable, name: str, data: bytes, progress: DeltaGenerator) -> list:
    """Draw each piece as it arrives and return all of them, each with its arrival time in seconds."""
    left, right = st.columns([2, 3])
    player, overlay_place = left.empty(), left.container()
    metadata_place, sound_place, people_place = right.empty(), right.empty(), right.empty()
    count, strip, warnings = st.empty(), st.empty(), st.container()
    traits = prediction_panel.TraitsPanel()
    words_place, face_place, person_place = st.empty(), st.empty(), st.empty()
    metadata, arrived = None, []
    faces: list[Face] = []
    last_redraw = -MIN_REDRAW_SECONDS
    progress.caption(f":material/hourglass_top: {translate('Reading the video ...')}")
    for piece, seconds in pieces:
        arrived.append((piece, seconds))
        match piece:
            case Metadata():
                metadata = piece
                draw_player(player, name, data, piece)
                metadata_place.caption(format_clip_metadata(piece))
            case DetectedPeople():
                faces.clear()  # those of the chosen person follow
                draw_people_panel(people_place, piece)
            case Face():
                faces.append(piece)
                if seconds - last_redraw > MIN_REDRAW_SECONDS:
                    draw_face_filmstrip(strip, faces)
                    last_redraw = seconds
                if len(faces) == 1:
                    draw_face_search(count)
            case Sound():
                assert metadata is not None  # always the first piece
                draw_face_filmstrip(strip, faces)
                draw_face_count(count, len(faces))
                draw_sound(sound_place, piece, metadata)
                with overlay_place:
                    draw_face_overlay(metadata, faces, player=PLAYER_CONTAINER_KEY, key="overlay")
            case Sample():
                for warning in piece.warnings:
                    text = escape_markdown(translate_library_text(warning).capitalize())
                    warnings.warning(f"{text}.", icon=":material/warning:")
                prediction_panel.draw_person_estimates(person_place, piece)
                progress.caption(f":material/hourglass_top: {translate('Predicting ...')}")
            case FaceImpressions():
                traits.draw()
                prediction_panel.draw_face_ratings(face_place, piece)
                progress.caption(f":material/hourglass_top: {translate('Recognising speech ...')}")
            case Transcript():
                assert metadata is not None
                start = metadata.start
                prediction_panel.draw_transcript(words_place, piece, start=start, player=PLAYER_CONTAINER_KEY)
            case Impression() | Unavailable():
                traits.add(piece)
    traits.draw()
    link = translate("Go to the five traits")
    progress.markdown(f":material/arrow_downward: [{link}](#{prediction_panel.TRAITS_ANCHOR})")
    return arrived


def draw_face_search(place: DeltaGenerator) -> None:
    """State that faces are being searched."""
    text = translate("**Faces** · searching at {count} moments spread over the video ...")
    place.markdown(text.format(count=f"{PREPROCESSING.faces:d}"))


def draw_face_count(place: DeltaGenerator, count: int) -> None:
    """The number of faces, and what the captions of the filmstrip mean."""
    text = translate("**Faces** · {count} found; {legend}")
    place.markdown(text.format(count=f"{count:d}", legend=translate(FACE_CAPTION_LEGEND)))


def draw_player(place: DeltaGenerator, name: str, data: bytes, metadata: Metadata) -> None:
    """Draw the video player, or a message for formats that browsers cannot play."""
    suffix = name.lower().rpartition(".")[2]
    player = place.container(key=PLAYER_CONTAINER_KEY)
    if metadata.width == 0:
        player.audio(data, format=f"audio/{SOUND_MIME_TYPES.get(suffix, suffix)}")
    elif suffix == "gif":
        player.image(data, alt=translate("The uploaded animation"))
    elif suffix in PLAYABLE_SUFFIXES and metadata.codec in PLAYABLE_CODECS:
        player.video(data)
    else:
        text = translate(
            "Most browsers cannot play this kind of file ({codec} in {container}), so the video is not shown. The "
            "prediction is not affected. To see the video here, convert it to MP4 with H.264."
        )
        codec, container = escape_markdown(metadata.codec), escape_markdown(suffix.upper())
        player.info(text.format(codec=codec, container=container), icon=":material/movie:")


def format_clip_metadata(metadata: Metadata) -> str:
    """Duration, size, frame rate, codec and sound of the clip on one line."""
    if metadata.width == 0:
        note = translate("sound only: models that use the voice or the words can predict")
        return f"{metadata.duration:.1f} s · {note}"
    sound = translate("with sound") if metadata.has_audio else translate("without sound")
    size = f"{metadata.width:d} x {metadata.height:d}"
    codec = escape_markdown(metadata.codec)
    rate = translate("{rate} frames per second").format(rate=f"{metadata.fps:.0f}")
    late = translate("its clock starts at {start} s").format(start=f"{metadata.start:.1f}")
    shown_late = f" · {late}" if metadata.start >= MIN_LATE_SECONDS else ""
    return f"{metadata.duration:.1f} s · {size} · {rate} · {codec} · {sound}{shown_late}"


def draw_face_filmstrip(strip: DeltaGenerator, faces: list[Face]) -> None:
    """Draw the faces as a filmstrip: a single page element, which the browser draws faster than one per face."""
    if not faces:
        return
    captions = [
        f"{face.time:.1f} s · {face.score:.2f} {escape_markdown(format_strongest_emotion(face))}" for face in faces
    ]
    alt = translate("Face at {time} seconds, {expression}")
    alts = [alt.format(time=f"{face.time:.1f}", expression=format_strongest_emotion(face)) for face in faces]
    strip.image(
        [face.crop for face in faces], caption=captions, width=FACE_THUMBNAIL_PIXELS, alt=alts, output_format="JPEG"
    )


def draw_sound(place: DeltaGenerator, sound: Sound, metadata: Metadata) -> None:
    """Draw the waveform, synchronised with the player."""
    from personality.models.clip_features import required_sound_seconds

    with place.container():
        st.markdown(translate("**Sound** · click the waveform to jump to that moment"))
        seconds = max(
            (required_sound_seconds(model.network.needs) for model in model_store.load_models_for_clip()), default=0
        )
        draw_waveform(sound, metadata, player=PLAYER_CONTAINER_KEY, seconds=seconds, key="waveform")


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
        "Upload a short video of one person speaking. The result is the **predicted first impression**: an estimate of "
        "how strangers would rate the person on five personality traits, from the voice and the words. A separate "
        "model rates the face."
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
            "No video yet. Upload one, or try a sample with a computer-made person. Your video is sent only to the "
            "server that runs this page. The models trained on real people use the **voice** and the **words**. None "
            "of them predicts the five traits from the face, because we did not have access to the videos needed to "
            "train one."
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
    pieces = draw_prediction_pieces(arriving, name, data, progress)
    draw_people_comparison(digest, data, pieces)
except (MediaError, OSError) as error:
    progress.empty()
    # An operating-system error may name the operator's folders.
    hides_details = is_public() and isinstance(error, OSError)
    details = escape_markdown(translate_library_text(describe_error(error)))
    st.error(translate(READ_FAILED_MESSAGE) if hides_details else details, icon=":material/error:")
else:
    choose_added_models()
    explanations.draw_explanations(prediction_key, name, pieces, player=PLAYER_CONTAINER_KEY)
