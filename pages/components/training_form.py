"""The form that starts a training run, generated from the fields of the configuration."""

from collections.abc import Iterable
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
PRESET_HELP = (
    "thesis: the original networks. compact: small networks that train on a laptop. modern: can predict without a "
    "face or without sound, but trains more slowly. encoders: a fusion of features that `personality embed` computed."
)
FORM_COLUMNS = 4
DRY_RUN_STATE_KEY = "dry_run_report"  # session state: the settings, the cache and the report of the last dry run


def draw_training_form() -> None:
    """The settings of a run, a dry run, and the start."""
    operator_only()
    found = {path.name: path for path in list_finished_caches()}
    if not found:
        offer_practice_cache()
        return
    first = st.columns(3)
    hint = "The caches in workspace/caches."
    cache = found[first[0].selectbox("Preprocessed dataset", list(found), key="cache", help=hint)]
    name = first[1].selectbox("Preset", list(PRESETS), index=1, key="preset", help=PRESET_HELP)
    available = [modality for modality in MODALITIES if modality in PRESETS[name].stages]
    modality = first[2].selectbox("Modality", available, format_func=MODALITY_MENU_LABELS.__getitem__, key="modality")
    with st.container(horizontal=True):
        hint = "Checks the settings on one batch and estimates the time, without training."
        dry_run = st.button("Dry run", icon=":material/search:", key="dry_run", help=hint)
        start = st.button("Start", type="primary", icon=":material/play_arrow:", key="start")
        hint = (
            "Audio, visual, audio + visual, and audio + visual + attributes, one after the other, with the settings "
            "of the preset."
        )
        start_all = st.button("Train all four", icon=":material/playlist_play:", key="start_four", help=hint)
    place = st.empty()
    try:
        config = choose_run_config(cache, modality, name)
        if dry_run:
            with place, st.spinner("Dry run ..."):
                report = launch.dry_run_in_subprocess(config, cache=cache, runs=runs_folder())
                st.session_state[DRY_RUN_STATE_KEY] = (config, cache, report)
        *settings, report = st.session_state.get(DRY_RUN_STATE_KEY, (None, None, ""))
        if settings == [config, cache]:  # hidden once the settings change
            place.code(report, language=None)
        if start:
            start_runs_from_form([config], cache)
        if start_all:
            start_runs_from_form([preset(one, name) for one in TRAIN_ALL_MODALITIES], cache)
    except (ValueError, OSError) as error:
        place.error(escape_markdown(describe_error(error)), icon=":material/error:")


def choose_run_config(cache: Path, modality: str, name: str) -> Config:
    """The configuration entered in the form. Raises ValueError if settings contradict each other."""
    config = preset(modality, name, **choose_run_inputs(cache, modality, name))
    with st.expander("All settings", icon=":material/tune:"):
        st.caption("The settings of the preset, which you can change. The command line uses the same names.")
        key = f"{name}_{modality}"
        stages = edit_stages(config, key)
        values = edit_fields(list_form_fields(config), key)
        design = {}
        if name == "modern":
            st.markdown("**Networks**")
            design = edit_fields(list_form_fields(config.design), f"{key}_design")
    return apply_form_values(config, values, stages, design)


def choose_run_inputs(cache: Path, modality: str, name: str) -> dict[str, Any]:
    """Additional inputs of a modality and preset: tables of features, or the runs that are fused."""
    if name == "encoders":
        hint = "`personality embed` adds features of frozen encoders to a dataset."
        tables = st.multiselect("Encoders and tables of features", list(Cache(cache).tables), key="tables", help=hint)
        return {"tables": tuple(tables)}
    if modality in TABULAR_MODALITIES:
        tables = list(Cache(cache).tables)
        table = st.selectbox("Table of features", tables, key="features_table", placeholder="none in this dataset")
        return {"table": table or ""}
    if modality == "fusion":
        done = finished_runs_by_name(runs_folder())
        joined = st.multiselect("Runs to combine (two or more)", list(done), key="joined")
        return {"branches": tuple(str(done[name].folder.resolve()) for name in joined)}
    return {}


def edit_stages(config: Config, key: str) -> list[dict[str, Any]]:
    """The training stages as an editable table."""
    rows = pd.DataFrame(config.as_dict()["stages"])
    columns = {
        "epochs": st.column_config.NumberColumn("maximum epochs", min_value=1, step=1, required=True),
        "trains": st.column_config.SelectboxColumn("trains", options=list(TRAINABLE_PARTS), required=True),
        "rate": st.column_config.NumberColumn("learning rate", min_value=0.0, format="%g", step=1e-7, required=True),
        "frames": st.column_config.NumberColumn("faces per clip", min_value=1, step=1, required=True),
    }
    st.markdown("**Training stages**, in order. `head` trains only the last layers, `all` trains the whole network.")
    edited = st.data_editor(rows, num_rows="dynamic", hide_index=True, key=f"stages_{key}", column_config=columns)
    return edited.to_dict("records")


def edit_fields(asked: Iterable[FormField], key: str) -> dict[str, Any]:
    """Draw a widget for each field and return the values by name."""
    places = st.columns(FORM_COLUMNS)
    return {
        one.name: draw_field_widget(places[number % FORM_COLUMNS], one, f"{key}_{one.name}")
        for number, one in enumerate(asked)
    }


def draw_field_widget(place: Any, one: FormField, key: str) -> Any:
    """Draw the widget that fits the type of a field and return its value."""
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
    """Start the runs. Raises ValueError if a single run needs models that have not been trained yet."""
    operator_only()
    first = configs[0]
    branches = MODALITIES[first.modality].branches if len(configs) == 1 else ()
    missing = [MODALITY_MENU_LABELS[one] for one in branches if not finished_runs(runs_folder(), one, first.preset)]
    if missing:
        raise ValueError(
            f"{MODALITY_MENU_LABELS[first.modality]} combines trained models. Train these first with the preset "
            f"{first.preset}: {' and '.join(missing)}."
        )
    with log_duration("start of a training"):
        started = launch.start_runs(configs, cache=cache, runs=runs_folder())
    st.session_state["watched"] = started[0].folder.name
    st.toast(f"Started the run {escape_markdown(started[0].folder.name)}", icon=":material/play_arrow:")


def offer_practice_cache() -> None:
    """Without a cache: explain how to create one, or offer to create one with computer-made people."""
    operator_only()
    st.markdown(
        "Training needs a preprocessed dataset (**cache**): faces and sound extracted from the clips. To create one "
        "from your own data, run:\n"
        "```\npersonality preprocess YOUR_DATASET --out workspace/caches/NAME\n```"
    )
    log = workspace_folder() / "practice.log"
    making = launch.is_making_practice_cache(workspace_folder())
    icon, text = ":material/group_add:", "Create a practice dataset (60 computer-made people)"
    if st.button(text, icon=icon, key="practice", help="Takes about one minute.", disabled=making):
        with show_errors_as_toast():
            launch.start_practice_cache(workspace_folder())
    if log.exists():
        draw_practice_cache_log(log)


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_practice_cache_log(log: Path) -> None:
    """The last line of the log, until the cache is complete."""
    operator_only()
    if list_finished_caches():
        st.rerun(scope="app")
    st.code(read_last_log_lines(log, 1) or "Starting ...")
