"""The form that begins a run, made from the config's own fields."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.action_errors import show_errors_as_toast
from pages.components.plain_text import escape_markdown
from personality.modalities import MODALITIES, TABULAR_MODALITIES
from personality.preprocessing.cache import Cache
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.untrusted_files import read_last_log_lines
from personality.utils.workspace import list_finished_caches, runs_folder, workspace_folder
from training.config.form_fields import FormField, apply_form_values, list_form_fields
from training.config.run_config import PRESETS, TRAINABLE_PARTS, Config, preset
from training.runs import launch
from training.runs.run import finished_runs, finished_runs_by_name

TRAIN_ALL_MODALITIES = tuple(name for name, modality in MODALITIES.items() if modality.can_predict_video)
MODALITY_MENU_LABELS = {name: modality.label for name, modality in MODALITIES.items()}
PRESET_HELP = "thesis: as in the slides. compact: what a laptop trains. modern: goes on without a face or sound, slower"
FORM_COLUMNS = 4


def draw_training_form() -> None:
    """What to train, on what, how; a look before; the start."""
    operator_only()
    found = {path.name: path for path in list_finished_caches()}
    if not found:
        offer_practice_cache()
        return
    first = st.columns(3)
    cache = found[first[0].selectbox("Cache", list(found), key="cache", help="Folders below workspace/caches.")]
    name = first[1].selectbox("Preset", list(PRESETS), index=1, key="preset", help=PRESET_HELP)
    able = [modality for modality in MODALITIES if modality in PRESETS[name].stages]
    modality = first[2].selectbox("Modality", able, format_func=MODALITY_MENU_LABELS.__getitem__, key="modality")
    with st.container(horizontal=True):
        look = st.button("Look before you start", icon=":material/search:", key="look")
        start = st.button("Start", type="primary", icon=":material/play_arrow:", key="start")
        words = "Audio, visual, audio + visual, with handcrafted: one after the other, as the preset says"
        every = st.button("Train all four", icon=":material/playlist_play:", key="start_four", help=words)
    answer = st.empty()
    try:
        config = choose_run_config(cache, modality, name)
        if look:
            with answer, st.spinner("Counting clips, trying a batch ..."):
                st.session_state["looked"] = (
                    config,
                    cache,
                    launch.dry_run_in_subprocess(config, cache=cache, runs=runs_folder()),
                )
        *seen, said = st.session_state.get("looked", (None, None, ""))
        if seen == [config, cache]:  # until something is chosen otherwise
            answer.code(said, language=None)
        if start:
            start_runs_from_form([config], cache)
        if every:
            start_runs_from_form([preset(one, name) for one in TRAIN_ALL_MODALITIES], cache)
    except (ValueError, OSError) as error:
        answer.error(escape_markdown(describe_error(error)), icon=":material/error:")


def choose_run_config(cache: Path, modality: str, name: str) -> Config:
    """The config that the form says. Raises ValueError where it is contradictory."""
    config = preset(modality, name, **choose_run_inputs(cache, modality))
    with st.expander("All choices", icon=":material/tune:"):
        st.caption("What the preset says, to be changed. The same names work on the command line.")
        key = f"{name}_{modality}"
        stages = edit_stages(config, key)
        values = edit_fields(list_form_fields(config), key)
        design = {}
        if name == "modern":
            st.markdown("**Networks**")
            design = edit_fields(list_form_fields(config.design), f"{key}_design")
    return apply_form_values(config, values, stages, design)


def choose_run_inputs(cache: Path, modality: str) -> dict[str, Any]:
    """What a modality reads beside the clips: a table, or the runs it joins."""
    if modality in TABULAR_MODALITIES:
        there = list(Cache(cache).tables)
        table = st.selectbox("Table of features", there, key="features_table", placeholder="none in this cache")
        return {"table": table or ""}
    if modality == "fusion":
        done = finished_runs_by_name(runs_folder())
        joined = st.multiselect("Runs to join, two or more", list(done), key="joined")
        return {"branches": tuple(str(done[name].folder.resolve()) for name in joined)}
    return {}


def edit_stages(config: Config, key: str) -> list[dict[str, Any]]:
    """The stages as a table that can be changed."""
    rows = pd.DataFrame(config.as_dict()["stages"])
    columns = {
        "epochs": st.column_config.NumberColumn("epochs, at most", min_value=1, step=1, required=True),
        "trains": st.column_config.SelectboxColumn("trains", options=list(TRAINABLE_PARTS), required=True),
        "rate": st.column_config.NumberColumn("learning rate", min_value=0.0, format="%g", step=1e-7, required=True),
        "frames": st.column_config.NumberColumn("faces a clip", min_value=1, step=1, required=True),
    }
    st.markdown("**Stages**, one after the other; `head` keeps what precedes it fixed, `all` trains everything")
    edited = st.data_editor(rows, num_rows="dynamic", hide_index=True, key=f"stages_{key}", column_config=columns)
    return edited.to_dict("records")


def edit_fields(asked: Iterable[FormField], key: str) -> dict[str, Any]:
    """A widget for each field; their values by name."""
    places = st.columns(FORM_COLUMNS)
    return {
        one.name: draw_field_widget(places[number % FORM_COLUMNS], one, f"{key}_{one.name}")
        for number, one in enumerate(asked)
    }


def draw_field_widget(place: Any, one: FormField, key: str) -> Any:
    """The widget of a field by the kind of its value."""
    label, about = escape_markdown(one.name.replace("_", " ").capitalize()), escape_markdown(one.help_text)
    if one.choices:
        return place.selectbox(label, one.choices, index=one.choices.index(one.value), help=about, key=key)
    if isinstance(one.value, bool):
        return place.toggle(label, one.value, help=about, key=key)
    if isinstance(one.value, int):
        return place.number_input(label, value=one.value, step=1, help=about, key=key)
    if isinstance(one.value, float):
        return place.number_input(label, value=one.value, step=1e-4, format="%g", help=about, key=key)
    return place.text_input(label, one.value or "", help=about, key=key) or None


def start_runs_from_form(configs: list[Config], cache: Path) -> None:
    """Start runs, or say what they lack."""
    operator_only()
    alone = configs[0]
    wanted = MODALITIES[alone.modality].branches if len(configs) == 1 else ()
    missing = [MODALITY_MENU_LABELS[one] for one in wanted if not finished_runs(runs_folder(), one, alone.preset)]
    if missing:
        raise ValueError(
            f"{MODALITY_MENU_LABELS[alone.modality]} joins trained models. Train these first, preset {alone.preset}: "
            f"{' and '.join(missing)}."
        )
    start: Callable = (
        launch.start_run_chain if len(configs) > 1 else lambda one, **where: [launch.start_run(one[0], **where)]
    )
    with log_duration("start of a training"):
        begun = start(configs, cache=cache, runs=runs_folder())
    st.session_state["watched"] = begun[0].folder.name
    st.toast(f"{escape_markdown(begun[0].folder.name)} has begun", icon=":material/play_arrow:")


def offer_practice_cache() -> None:
    """Without a cache there is nothing to train on: say how to make one, or make one of synthetic people."""
    operator_only()
    st.markdown(
        "Training needs a **cache**: clips read once into faces and sound. For your own data:\n"
        "```\npython -m personality preprocess YOUR_DATASET --out workspace/caches/NAME\n```"
    )
    log = workspace_folder() / "practice.log"
    making = launch.is_making_practice_cache(workspace_folder())
    icon, text = ":material/group_add:", "Make a practice cache (60 synthetic people)"
    if st.button(text, icon=icon, key="practice", help="About a minute.", disabled=making):
        with show_errors_as_toast():
            launch.start_practice_cache(workspace_folder())
    if log.exists():
        draw_practice_cache_log(log)


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_practice_cache_log(log: Path) -> None:
    """The last line of the log, until the cache is there."""
    operator_only()
    if list_finished_caches():
        st.rerun(scope="app")
    st.code(read_last_log_lines(log, 1) or "beginning ...")
