"""Predict: a video in, faces as they are found, sound, attributes, then five traits per modality."""

import hashlib
from collections.abc import Iterable, Iterator

import pandas as pd
import streamlit as st

from pages import parts
from personality import charts, demo
from personality.constants import LIMITS, PREPROCESSING
from personality.predict import Impression, Silence, predict
from personality.preprocessing.faces import Face
from personality.preprocessing.media import VIDEO_SUFFIXES, MediaError, Metadata, Sound
from personality.preprocessing.sample import Sample
from personality.traits import EMOTIONS, TRAIT_LABELS, TRAIT_NAMES

PERCENTILES = " · how many of a hundred training clips people gave less"
KINDS = [suffix[1:] for suffix in VIDEO_SUFFIXES]


def choose() -> tuple[str, bytes] | None:
    """The clip a person brings or the sample: its name and bytes."""
    st.checkbox(
        "The person in the video is me or agreed to this. I have read that expressions and impressions are estimated.",
        key="consent",
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    ready = st.session_state.get("consent", False)
    size = LIMITS.upload_bytes // 2**20
    label = f"A video of one person speaking, up to {size} MB and {LIMITS.seconds:.0f} s"
    file = left.file_uploader(
        label, type=KINDS, key="video", disabled=not ready, max_upload_size=size, on_change=take_sample, args=(False,)
    )
    icon = ":material/play_circle:"
    right.button("Take the sample", icon=icon, key="sample", width="stretch", on_click=take_sample, args=(True,))
    if st.session_state.get("sample_taken"):
        return demo.CLIP.name, demo.CLIP.read_bytes()
    return (file.name, file.getvalue()) if file is not None else None


def take_sample(taken: bool) -> None:
    """Note whether the sample or the upload is shown: what was chosen last."""
    st.session_state["sample_taken"] = taken


def run(key: str, data: bytes) -> Iterator:
    """The pieces of a prediction: those kept from before, or new ones, kept for the next rerun."""
    kept = st.session_state.get("pieces", (None, []))
    if kept[0] == key:
        yield from kept[1]
        return
    pieces: list = []
    models = parts.models_in_memory()
    with parts.prediction_lock():
        for piece in predict(data, models):
            pieces.append(piece)
            yield piece
    st.session_state["pieces"] = (key, pieces)


def draw(pieces: Iterable, data: bytes) -> None:
    """Draw each piece as it comes."""
    progress = st.empty()
    progress.caption(":material/hourglass_top: Opening the video ...")
    player_place, facts = st.columns([2, 3])
    player, metadata_place, strip = player_place.empty(), facts.empty(), facts.empty()
    sound_place, person_place, traits_place = st.empty(), st.empty(), st.empty()
    faces, spoken = [], []
    duration = 0.0
    for piece in pieces:
        match piece:
            case Metadata():
                duration = piece.duration
                player.video(data)
                metadata_place.caption(describe(piece))
            case Face():
                faces.append(piece)
                draw_faces(strip, faces)
                progress.caption(f":material/hourglass_top: Face {len(faces)} of {PREPROCESSING.faces} ...")
            case Sound():
                draw_sound(sound_place, piece, duration)
                progress.caption(":material/hourglass_top: Age, gender and expressions ...")
            case Sample():
                draw_person(person_place, piece)
                progress.caption(":material/hourglass_top: Asking the models ...")
            case Impression() | Silence():
                spoken.append(piece)
                draw_traits(traits_place, spoken)
    progress.empty()


def describe(metadata: Metadata) -> str:
    """The metadata strip."""
    sound = "with sound" if metadata.has_audio else "without sound"
    size = f"{metadata.width} x {metadata.height}"
    return f"{metadata.duration:.1f} s · {size} · {metadata.fps:.0f} frames a second · {metadata.codec} · {sound}"


def draw_faces(place: st.delta_generator.DeltaGenerator, faces: list[Face]) -> None:
    """The filmstrip, with the time and the detector's score of each face."""
    with place.container():
        st.markdown(f"**Faces** · {len(faces)} found, time and detector score below each")
        with st.container(horizontal=True, gap="small"):
            for face in faces:
                caption = f"{face.time:.1f} s · {face.score:.2f}"
                alt = f"Face at {face.time:.1f} seconds"
                st.image(face.crop, caption=caption, width=84, alt=alt, output_format="JPEG")


def draw_sound(place: st.delta_generator.DeltaGenerator, sound: Sound, duration: float) -> None:
    """The waveform with its window."""
    with place.container():
        st.markdown(f"**Sound** · {sound.seconds:.1f} s heard")
        alt = f"Waveform of the first {sound.seconds:.1f} seconds"
        st.altair_chart(charts.waveform(sound.samples, duration), width="stretch", alt=alt)


def draw_person(place: st.delta_generator.DeltaGenerator, sample: Sample) -> None:
    """Age, gender and emotions, as estimated."""
    with place.container():
        for warning in sample.warnings:
            st.warning(warning.capitalize() + ".", icon=":material/warning:")
        if sample.age is None:
            return
        left, right = st.columns([1, 2])
        left.metric("Looks about", f"{sample.age:.0f} years", help="Estimated from four faces; off by 4 to 5 years.")
        left.metric("Looks", sample.gender, help="Estimated; a perceived category, not an identity.")
        histogram = dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True))
        right.markdown("**Expressions** · share of faces by strongest expression")
        alt = "Share of faces per expression"
        right.altair_chart(charts.emotion_bars(histogram), width="stretch", alt=alt)


def draw_traits(place: st.delta_generator.DeltaGenerator, spoken: list[Impression | Silence]) -> None:
    """Five traits of every model that has spoken, and why others do not."""
    rows = [
        {
            "model": piece.model,
            "trait": trait,
            "value": value,
            "percentile": piece.percentiles.get(trait),
            **dict(zip(("low", "high"), piece.intervals.get(trait, (None, None)), strict=True)),
        }
        for piece in spoken
        if isinstance(piece, Impression)
        for trait, value in piece.traits.items()
    ]
    with place.container():
        st.subheader("What strangers would say")
        for piece in spoken:
            if isinstance(piece, Silence):
                st.warning(f"{piece.model} cannot speak: {piece.why}.", icon=":material/volume_off:")
            elif piece.although:
                st.info(f"{piece.model} speaks from the rest, although {piece.although}.", icon=":material/balance:")
        if not rows:
            return
        values = pd.DataFrame(rows).astype({"low": float, "high": float, "percentile": float})
        dots, radar = st.columns([3, 2])
        alt = "Five traits per model, from 0 to 1"
        dots.plotly_chart(charts.trait_dots(values), width="stretch", key=f"dots_{len(spoken)}", alt=alt)
        radar.plotly_chart(charts.trait_radar(values), width="stretch", key=f"radar_{len(spoken)}", alt=alt)
        st.caption(
            "Thin lines: nine in ten clips of which a model says this lie there, by its misses on validation. So little "
            "does one number say."
        )
        for title, column, form in (("Values", "value", "%.2f"), ("Percentiles", "percentile", "%.0f")):
            table = values.pivot(index="model", columns="trait", values=column).reindex(values["model"].unique())
            if table.notna().to_numpy().any():
                shown = table[list(TRAIT_NAMES)].rename(columns=TRAIT_LABELS).reset_index()
                columns = {label: st.column_config.NumberColumn(format=form) for label in TRAIT_LABELS.values()}
                st.markdown(f"**{title}**{PERCENTILES if column == 'percentile' else ''}")
                st.dataframe(shown, hide_index=True, column_config=columns)
        st.caption(demo.IMPRESSION)


parts.frame(
    "Predict",
    "A short video goes in; out comes how the person in it would **appear to strangers** on five traits.",
    notice=any(name.startswith("demo") for name in parts.chosen_models()),
)
st.markdown(demo.IMPRESSION)
if not parts.chosen_models():
    st.warning("No model is loaded. Tick at least one on the Models page.", icon=":material/model_training:")
    st.page_link("pages/models.py", label="To the models", icon=":material/model_training:")
    st.stop()
clip = choose()
if clip is None:
    st.caption("Nothing yet: upload a video or take the sample, a computer-made person. Videos stay on this machine.")
    st.stop()
digest = hashlib.sha256(clip[1]).hexdigest()
try:
    draw(run(f"{digest} {sorted(parts.chosen_models())}", clip[1]), clip[1])
except MediaError as error:
    st.error(str(error), icon=":material/error:")
