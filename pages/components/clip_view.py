"""The parts of Predict that show a clip and its prediction, which are filled while the pieces arrive."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import model_store, prediction_panel
from pages.components.face_overlay import draw_face_overlay, format_strongest_emotion
from pages.components.language import mark_text, translate
from pages.components.library_texts import translate_library_text
from pages.components.people_panel import FACE_THUMBNAIL_PIXELS, draw_people_panel
from pages.components.plain_text import escape_markdown
from pages.components.player_clock import MIN_LATE_SECONDS
from pages.components.waveform import draw_waveform
from personality.constants import PREPROCESSING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression, Unavailable
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.sample import DetectedPeople, Sample
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript

FACE_CAPTION_LEGEND = mark_text("below each: time, confidence that it is a face (not a %), most likely expression")
PLAYER_CONTAINER_KEY = "player"
PLAYABLE_SUFFIXES = ("mp4", "m4v", "mov", "webm", "mkv", "3gp")  # by browsers, if the codec is one of the next
PLAYABLE_CODECS = ("h264", "vp8", "vp9", "av1", "libdav1d")
SOUND_MIME_TYPES = {"mp3": "mpeg", "m4a": "mp4"}
MIN_REDRAW_SECONDS = 0.3  # between two redraws of the filmstrip, each of which takes the browser about 0.1 s


class ClipView:
    """Places on the page for each kind of piece, from the top down.

    Parameters
    ----------
    name, data : str, bytes
        Name and content of the file.
    progress : DeltaGenerator
        Where the current step is stated.
    """

    def __init__(self, name: str, data: bytes, progress: DeltaGenerator) -> None:
        self._name, self._data, self._progress = name, data, progress
        left, right = st.columns([2, 3])
        self._player, self._overlay = left.empty(), left.container()
        self._metadata_place, self._sound, self._people = right.empty(), right.empty(), right.empty()
        self._count, self._strip, self._warnings = st.empty(), st.empty(), st.container()
        self._traits = prediction_panel.TraitsPanel()
        self._words, self._ratings, self._estimates = st.empty(), st.empty(), st.empty()
        self._metadata: Metadata | None = None
        self._faces: list[Face] = []
        self._last_redraw = -MIN_REDRAW_SECONDS
        self._state_progress(translate("Reading the video ..."))

    def draw(self, piece: object, seconds: float) -> None:
        """Draw a piece, which arrived after so many seconds. The first is the Metadata."""
        match piece:
            case Metadata():
                self._metadata = piece
                draw_player(self._player, self._name, self._data, piece)
                self._metadata_place.caption(format_clip_metadata(piece))
            case DetectedPeople():
                self._faces.clear()  # those of the chosen person follow
                draw_people_panel(self._people, piece)
            case Face():
                self._add_face(piece, seconds)
            case Sound():
                self._draw_sound_and_faces(piece)
            case Sample():
                self._draw_sample(piece)
            case FaceImpressions():
                self._traits.draw()
                prediction_panel.draw_face_ratings(self._ratings, piece)
                self._state_progress(translate("Recognising speech ..."))
            case Transcript():
                start = self._known_metadata().start
                prediction_panel.draw_transcript(self._words, piece, start=start, player=PLAYER_CONTAINER_KEY)
            case Impression() | Unavailable():
                self._traits.add(piece)

    def finish(self) -> None:
        """Draw the traits of the last models, and a link to them in place of the progress."""
        self._traits.draw()
        link = translate("Go to the five traits")
        self._progress.markdown(f":material/arrow_downward: [{link}](#{prediction_panel.TRAITS_ANCHOR})")

    def _known_metadata(self) -> Metadata:
        assert self._metadata is not None  # always the first piece
        return self._metadata

    def _state_progress(self, step: str) -> None:
        self._progress.caption(f":material/hourglass_top: {step}")

    def _add_face(self, face: Face, seconds: float) -> None:
        self._faces.append(face)
        if seconds - self._last_redraw > MIN_REDRAW_SECONDS:
            draw_face_filmstrip(self._strip, self._faces)
            self._last_redraw = seconds
        if len(self._faces) == 1:
            text = translate("**Faces** · searching at {count} moments spread over the video ...")
            self._count.markdown(text.format(count=f"{PREPROCESSING.faces:d}"))

    def _draw_sound_and_faces(self, sound: Sound) -> None:
        """Draw what is complete as soon as the whole clip was read."""
        metadata = self._known_metadata()
        draw_face_filmstrip(self._strip, self._faces)
        text = translate("**Faces** · {count} found; {legend}")
        self._count.markdown(text.format(count=f"{len(self._faces):d}", legend=translate(FACE_CAPTION_LEGEND)))
        draw_sound(self._sound, sound, metadata)
        with self._overlay:
            draw_face_overlay(metadata, self._faces, player=PLAYER_CONTAINER_KEY, key="overlay")

    def _draw_sample(self, sample: Sample) -> None:
        for warning in sample.warnings:
            text = escape_markdown(translate_library_text(warning).capitalize())
            self._warnings.warning(f"{text}.", icon=":material/warning:")
        prediction_panel.draw_person_estimates(self._estimates, sample)
        self._state_progress(translate("Predicting ..."))


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
