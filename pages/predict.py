"""Predict: a video in, faces as they are found, sound, attributes, then five traits per modality."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator

import pandas as pd
import streamlit as st

from pages import parts
from pages.waveform import waveform
from personality import clip_charts, demo
from personality.constants import LIMITS, PREPROCESSING
from personality.predict import Impression, Silence, as_json, predict
from personality.preprocessing.faces import Face
from personality.preprocessing.media import VIDEO_SUFFIXES, MediaError, Metadata, Sound
from personality.preprocessing.sample import Sample
from personality.timeline import timeline
from personality.traits import EMOTIONS, TRAIT_LABELS, TRAIT_NAMES
from personality.what_if import what_if

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
    before = st.session_state.get("pieces", (None, []))
    if before[0] == key:
        yield from before[1]
        return
    pieces: list = []
    models = parts.models_in_memory()
    with parts.prediction_lock():
        start = time.perf_counter()
        for piece in predict(data, models):
            pieces.append((piece, time.perf_counter() - start))
            yield pieces[-1]
    st.session_state["pieces"] = (key, pieces)


def draw(pieces: Iterable, data: bytes) -> list:
    """Draw each piece as it comes; returns all of them, each with the second at which it came."""
    progress = st.empty()
    progress.caption(":material/hourglass_top: Opening the video ...")
    player_place, facts = st.columns([2, 3])
    player, metadata_place, strip = player_place.empty(), facts.empty(), facts.empty()
    sound_place, person_place, traits_place = st.empty(), st.empty(), st.empty()
    faces, spoken, done = [], [], []
    duration = 0.0
    for piece, came in pieces:
        done.append((piece, came))
        match piece:
            case Metadata():
                duration = piece.duration
                player.container(key="player").video(data)
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
    return done


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
    """The waveform, tied to the player."""
    with place.container():
        st.markdown("**Sound** · click to go there")
        seconds = max(model.network.needs.seconds for model in parts.models_in_memory())
        waveform(sound, duration, player="player", seconds=seconds, key="waveform")


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
        right.altair_chart(clip_charts.emotion_bars(histogram), width="stretch", alt=alt)


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
        dots.plotly_chart(clip_charts.trait_dots(values), width="stretch", key=f"dots_{len(spoken)}", alt=alt)
        radar.plotly_chart(clip_charts.trait_radar(values), width="stretch", key=f"radar_{len(spoken)}", alt=alt)
        if values["low"].notna().any():
            st.caption(
                "Thin lines: nine in ten clips of which a model says this lie there, by its misses on validation. "
                "So little does one number say."
            )
        for title, column, form in (("Values", "value", "%.2f"), ("Percentiles", "percentile", "%.0f")):
            table = values.pivot(index="model", columns="trait", values=column).reindex(values["model"].unique())
            if table.notna().to_numpy().any():
                shown = table[list(TRAIT_NAMES)].rename(columns=TRAIT_LABELS).reset_index()
                columns = {label: st.column_config.NumberColumn(format=form) for label in TRAIT_LABELS.values()}
                st.markdown(f"**{title}**{PERCENTILES if column == 'percentile' else ''}")
                st.dataframe(shown, hide_index=True, column_config=columns)
        st.caption(demo.IMPRESSION)


def time_spent(done: list) -> str:
    """What took how long, from the seconds at which pieces came."""
    names = {Metadata: "opening", Face: "faces", Sound: "sound", Sample: "age, gender, expressions"}
    spent: dict[str, float] = {}
    before = 0.0
    for piece, came in done:
        name = names.get(type(piece), "models")
        spent[name], before = spent.get(name, 0.0) + came - before, came
    return " · ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items())


def look_closer(key: str, name: str, done: list) -> None:
    """What is worked out after the result: over time, what if, and everything to take away."""
    sample = next(piece for piece, _ in done if isinstance(piece, Sample))
    if not any(isinstance(piece, Impression) for piece, _ in done):
        return
    st.subheader("A closer look")
    over_time, changed, take_away = st.tabs(["Over time", "What if", "Take away"])
    with over_time:
        draw_timeline(timeline_of(key, sample), sample.duration)
    with changed:
        draw_changes(changes_of(key, sample))
    with take_away:
        result = as_json(name, [piece for piece, _ in done])
        st.caption(f"Time spent: {time_spent(done)}. The video itself is not kept on disk.")
        rows = [{"model": model, **traits} for model, traits in result["traits"].items()]
        with st.container(horizontal=True):
            st.download_button(
                "JSON", json.dumps(result), "impression.json", icon=":material/download:", key="take_json"
            )
            csv = pd.DataFrame(rows).to_csv(index=False)
            st.download_button("CSV", csv, "impression.csv", icon=":material/download:", key="take_csv")


def kept(name: str, key: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """What was worked out for this clip and these models, once."""
    before = st.session_state.get(name)
    if before is None or before[0] != key:
        with st.spinner("Asking the models again ..."), parts.prediction_lock():
            st.session_state[name] = (key, make())
    return st.session_state[name][1]


def timeline_of(key: str, sample: Sample) -> pd.DataFrame:
    """The timeline of every model."""
    return kept("timeline", key, lambda: timeline(sample, parts.models_in_memory()))


def changes_of(key: str, sample: Sample) -> pd.DataFrame:
    """What every model that is told gender, age and expressions would have said if told otherwise."""

    def make() -> pd.DataFrame:
        tables = [what_if(sample, model).assign(model=model.name) for model in parts.models_in_memory()]
        return pd.concat(tables, ignore_index=True)

    return kept("changes", key, make)


def draw_timeline(rows: pd.DataFrame, duration: float) -> None:
    """One trait at a time, all models."""
    if rows["time"].nunique() < 2:
        st.caption("The clip is one window of 5 s: nothing to draw over time.")
        return
    trait = st.segmented_control("Trait", list(TRAIT_NAMES), default=TRAIT_NAMES[0], format_func=TRAIT_LABELS.get)
    trait = trait or TRAIT_NAMES[0]
    alt = f"{TRAIT_LABELS[trait]} over the clip, per model"
    chart = clip_charts.trait_timeline(rows[rows["trait"] == trait], duration)
    st.plotly_chart(chart, width="stretch", key="timeline_chart", alt=alt, config=parts.PICTURE)
    st.caption("Each point is what a model says of the 5 s around it alone.")


def draw_changes(rows: pd.DataFrame) -> None:
    """A grid of changes by traits for one model."""
    if rows.empty:
        st.caption("No loaded model is told gender, age or expressions.")
        return
    model = st.segmented_control("Model", list(rows["model"].unique()), default=rows["model"].iloc[0])
    shown = rows[rows["model"].eq(model or rows["model"].iloc[0])]
    alt = "How far each trait moves if gender, age or expression had been given otherwise"
    st.altair_chart(clip_charts.change_grid(shown), width="stretch", alt=alt)
    st.caption(
        "The same faces and the same sound; only what the model is **told** of gender, age and expressions changes. "
        "A model that moves much here leans on those labels."
    )


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
key = f"{digest} {sorted(parts.chosen_models())}"
try:
    look_closer(key, clip[0], draw(run(key, clip[1]), clip[1]))
except MediaError as error:
    st.error(str(error), icon=":material/error:")
