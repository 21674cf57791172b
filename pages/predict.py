"""Predict: a video in, faces as they are found, sound, attributes, then five traits per modality."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import closer, intake, loaded, parts
from pages.overlay import feeling, overlay
from pages.waveform import waveform
from personality import clip_charts, demo
from personality.constants import PREPROCESSING
from personality.events import noted
from personality.predict import Impression, Silence, predict, trait_rows
from personality.preprocessing.faces import Box, Face
from personality.preprocessing.isolate import prepare, read_apart
from personality.preprocessing.media import Metadata, Sound
from personality.preprocessing.refusal import MediaError
from personality.preprocessing.sample import People, Sample
from personality.public import is_public
from personality.traits import EMOTIONS, TRAIT_LABELS, TRAIT_NAMES

PERCENTILES = " · of 100 training clips, how many people rated lower"
BELOW_EACH = "below each: time in the video, how clearly a face was found (0 to about 2), strongest expression"
FACE = 84  # pixels, side of a face in the filmstrip
PLAYER = "player"
REDRAW = 0.3  # seconds between two drawings, at least: the browser shares the cores, each costs it a tenth of a second


def run(key: str, data: bytes, person: Box | None, place: DeltaGenerator) -> Iterator:
    """The pieces of a prediction, each with the second at which it came: those kept from before, or new ones, kept for
    the next rerun. The clip is read by a process of its own."""
    before = st.session_state.get("pieces", (None, []))
    if before[0] == key:
        yield from before[1]
        return
    pieces: list = []
    models = loaded.models_in_memory()
    with loaded.my_turn(place), noted("prediction"):
        start = time.perf_counter()
        for piece in predict(read_apart(data, person=person), models):
            pieces.append((piece, time.perf_counter() - start))
            yield pieces[-1]
    st.session_state["pieces"] = (key, pieces)


def draw(pieces: Iterable, name: str, data: bytes, progress: DeltaGenerator) -> list:
    """Draw each piece as it comes; returns all of them."""
    player_place, facts = st.columns([2, 3])
    player, over = player_place.empty(), player_place.container()
    metadata_place, sound_place, people_place = facts.empty(), facts.empty(), facts.empty()
    count, strip = st.empty(), st.empty()
    person_place, traits_place = st.empty(), st.empty()
    metadata, faces, spoken, done = None, [], [], []
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
                draw_person(person_place, piece)
                progress.caption(":material/hourglass_top: Asking the models ...")
            case Impression() | Silence():
                spoken.append(piece)
                if came - drawn > REDRAW:
                    draw_traits(traits_place, spoken, all_spoke=False)
                    drawn = came
    draw_traits(traits_place, spoken, all_spoke=True)
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
    size = f"{metadata.width} x {metadata.height}"
    return f"{metadata.duration:.1f} s · {size} · {metadata.fps:.0f} frames a second · {metadata.codec} · {sound}"


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
                    label, key = f"{number}", f"person_{number}"
                    st.button(label, key=key, type=kind, on_click=follow, args=(box,), width="stretch")


def follow(box: Box) -> None:
    """Note whom to follow at the next prediction."""
    st.session_state["person"] = box


def draw_faces(strip: DeltaGenerator, faces: list[Face]) -> None:
    """The filmstrip, if there are faces: one part of the page, which a browser draws faster than one a face."""
    if not faces:
        return
    captions = [f"{face.time:.1f} s · {face.score:.2f} {feeling(face)}" for face in faces]
    alts = [f"Face at {face.time:.1f} seconds, {feeling(face)}" for face in faces]
    strip.image([face.crop for face in faces], caption=captions, width=FACE, alt=alts, output_format="JPEG")


def draw_sound(place: DeltaGenerator, sound: Sound, duration: float) -> None:
    """The waveform, tied to the player."""
    with place.container():
        st.markdown("**Sound** · click to go there")
        needs = [model.network.needs for model in loaded.models_in_memory()]
        seconds = max((need.seconds for need in needs if "audio" in need.inputs), default=0)
        waveform(sound, duration, player=PLAYER, seconds=seconds, key="waveform")


def draw_person(place: DeltaGenerator, sample: Sample) -> None:
    """Age, gender and emotions, as estimated."""
    with place.container():
        for warning in sample.warnings:
            st.warning(warning.capitalize() + ".", icon=":material/warning:")
        if sample.age is None:
            return
        left, right = st.columns([1, 2])
        left.metric("Looks about", f"{sample.age:.0f} years", help="Estimated; often off by several years.")
        left.metric("Looks", sample.gender, help="Estimated; a perceived category, not an identity.")
        histogram = dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True))
        right.markdown("**Expressions** · share of faces by strongest expression")
        alt = "Share of faces per expression"
        right.altair_chart(clip_charts.emotion_bars(histogram), width="stretch", alt=alt)


def draw_traits(place: DeltaGenerator, spoken: list[Impression | Silence], *, all_spoke: bool) -> None:
    """Five traits of every model that has spoken, and why others do not; charts when all have."""
    values = trait_rows(piece for piece in spoken if isinstance(piece, Impression))
    with place.container():
        st.subheader("What strangers would say")
        for piece in spoken:
            if isinstance(piece, Silence):
                st.warning(f"{piece.model} gives no answer: {piece.why}.", icon=":material/volume_off:")
            elif piece.although:
                st.info(f"{piece.model} answers from the rest, although {piece.although}.", icon=":material/balance:")
        if values.empty:
            return
        if all_spoke:
            draw_charts(values)
        draw_tables(values)
        st.caption(demo.IMPRESSION)


def draw_charts(values: pd.DataFrame) -> None:
    """Dots and radar; without keys, so that the browser changes the charts it has."""
    dots, radar = st.columns([3, 2])
    how: dict[str, Any] = {"width": "stretch", "alt": "Five traits per model, from 0 to 1", "config": parts.PICTURE}
    dots.plotly_chart(clip_charts.trait_dots(values), **how)
    radar.plotly_chart(clip_charts.trait_radar(values), **how)
    if values["low"].notna().any():
        st.caption(
            "Thin line: of ten clips of which a model says this, people's own rating was within it for nine (by the "
            "model's errors on validation). One number is a rough guess."
        )
    st.caption(demo.MODELS_IN_WORDS)


def draw_tables(values: pd.DataFrame) -> None:
    """The numbers, and where they stand among the training clips."""
    columns = dict.fromkeys(TRAIT_LABELS.values(), st.column_config.NumberColumn)
    for title, column, form in (("Values", "value", "%.2f"), ("Percentiles", "percentile", "%.0f")):
        table = values.pivot(index="model", columns="trait", values=column).reindex(values["model"].unique())
        if table.notna().to_numpy().any():
            shown = table[list(TRAIT_NAMES)].rename(columns=TRAIT_LABELS).reset_index()
            st.markdown(f"**{title}**{PERCENTILES if column == 'percentile' else ''}")
            st.dataframe(shown, hide_index=True, column_config={name: of(format=form) for name, of in columns.items()})


parts.frame(
    "Predict",
    "A short video goes in; out comes how the person in it would **appear to strangers** on five traits.",
    notice=any(name.startswith("demo") for name in loaded.chosen_models()),
)
st.markdown(demo.IMPRESSION)
if not loaded.chosen_models():
    st.warning("No model is chosen, so there is nobody to ask.", icon=":material/model_training:")
    if not is_public():
        st.page_link("pages/models.py", label="Choose models", icon=":material/model_training:")
    st.stop()
prepare()
clip = intake.choose()
if clip is None:
    st.caption(
        "Nothing yet: upload a video or take the sample, a computer-made person. A video goes to the machine that "
        "serves this page, nowhere else."
    )
    loaded.models_in_memory()  # while the visitor looks for a video
    st.stop()
name, data = clip
person = st.session_state.get("person")
progress = st.empty()
loaded.models_in_memory()
key = f"{hashlib.sha256(data).hexdigest()} {person} {loaded.versions()}"
try:
    done = draw(run(key, data, person, progress), name, data, progress)
except MediaError as error:
    progress.empty()
    st.error(str(error), icon=":material/error:")
else:
    closer.look_closer(key, name, done)
