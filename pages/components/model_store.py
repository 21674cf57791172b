"""The models used for prediction, shared in memory by all sessions, and the queue of predictions."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.language import translate
from pages.components.plain_text import escape_markdown
from personality.assets import demo
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS, model_label
from personality.constants import LIMITS
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.fair_queue import FairQueue
from personality.utils.public_mode import is_public
from personality.utils.workspace import read_chosen_models, runs_folder
from server.page_turns import visitor_address
from training.runs.run import finished_runs_by_name

PREDICTION_QUEUE = FairQueue(LIMITS.readers)  # not in Streamlit's cache, which any visitor's message may clear
SAMPLE_STATE_KEY = "sample"  # session state: the file name of the sample clip, if one is shown
REAL_MODEL_LABELS = [model_label(folder.name) for folder in REAL_MODEL_FOLDERS]
PRACTICE_LABEL_PREFIX = "practice: "  # prefix of the labels of practice models
CHOSEN_MODELS_STATE_KEY = "models_in_use"  # session state: models selected on the Models page
ADDED_MODELS_STATE_KEY = "more_models"  # session state: models that the visitor added to the selected ones


def model_choices() -> dict[str, Path]:
    """The folders of all available models by label: models of real people, practice models, finished runs."""
    practice = {model_label(folder.name): folder for folder in PRACTICE_MODELS}
    real = {model_label(folder.name): folder for folder in REAL_MODEL_FOLDERS}
    runs = {
        f"{name} (own run)" if name in real else name: run.folder
        for name, run in finished_runs_by_name(runs_folder()).items()
    }
    return real | practice | runs


def chosen_models() -> dict[str, Path]:
    """The models used for any clip except the samples.

    These are the models selected on the Models page in this session, else the operator's default, else the models of
    real people.
    """
    choices, chosen = model_choices(), st.session_state.get(CHOSEN_MODELS_STATE_KEY, read_chosen_models())
    if chosen is None:
        chosen = REAL_MODEL_LABELS
    return {name: choices[name] for name in chosen if name in choices}


def addable_models() -> list[str]:
    """The models that a visitor may add to the selected ones: on a public server practice models only, else all.

    A client can send the name of any model, so added models are checked against this list when they are used.
    """
    return [name for name in model_choices() if name.startswith(PRACTICE_LABEL_PREFIX) or not is_public()]


def models_for_clip() -> dict[str, Path]:
    """The models used for the clip of this session.

    - The practice sample: the practice models.
    - The English sample: the models of real people and the practice models.
    - Any other clip: the selected models and those that the visitor added.
    """
    choices, sample = model_choices(), st.session_state.get(SAMPLE_STATE_KEY, "")
    practice = [name for name in choices if name.startswith(PRACTICE_LABEL_PREFIX)]
    sample_models = {
        demo.DEMO_CLIP_FILE.name: practice,
        demo.DEMO_SPEECH_CLIP_FILE.name: [*REAL_MODEL_LABELS, *practice],
    }
    added = [name for name in st.session_state.get(ADDED_MODELS_STATE_KEY, []) if name in addable_models()]
    names = sample_models.get(sample) or [*chosen_models(), *added]
    return {name: choices[name] for name in dict.fromkeys(names) if name in choices}


@st.cache_resource(max_entries=4, show_spinner="Loading models ...")
def load_cached_models(folders: tuple[Path, ...], mtimes: tuple[float, ...]) -> Sequence:
    """Models in memory, shared by all sessions. `mtimes` is part of the cache key: a changed file is loaded again."""
    from personality.inference.predict import load_models, prepare_for_server

    with log_duration("loading of models"):
        models = load_models(folders)
        prepare_for_server(models)
    # Streamlit collects garbage after every click, before it sends the end of a page. Without freezing, this takes a
    # quarter of a second for objects that the libraries created at import and never release.
    gc.collect()
    gc.freeze()
    return models


def load_models_for_clip() -> Sequence:
    """The models for the current clip, loaded. Stops the page with a message if one of them cannot be loaded."""
    with _stop_page_on_model_error():
        return load_cached_models(*model_folders_and_mtimes())


def load_chosen_models() -> Mapping[str, Any]:
    """The models of `chosen_models` by label, loaded. Stops the page like `load_models_for_clip`."""
    choices = chosen_models()
    with _stop_page_on_model_error():
        return dict(zip(choices, load_cached_models(*model_folders_and_mtimes(choices)), strict=True))


def model_folders_and_mtimes(choices: Mapping[str, Path] | None = None) -> tuple[tuple[Path, ...], tuple[float, ...]]:
    """The folders of models, by default those for the current clip, and the modification times of their weights.

    Stops the page with a message if one of them cannot be read.
    """
    folders = tuple((models_for_clip() if choices is None else choices).values())
    with _stop_page_on_model_error():
        return folders, tuple((folder / "model.safetensors").stat().st_mtime for folder in folders)


@contextmanager
def _stop_page_on_model_error() -> Iterator[None]:
    """Stop the page with a message if a model in the block cannot be used; the reason is shown on private servers."""
    try:
        yield
    except (ValueError, OSError) as error:
        why = "" if is_public() else f" {escape_markdown(describe_error(error))}"
        st.error(f"{translate('A selected model cannot be used.')}{why}", icon=":material/error:")
        if not is_public():
            st.page_link("pages/models.py", label=translate("Select other models"), icon=":material/model_training:")
        st.stop()


@contextmanager
def wait_for_prediction_turn(place: DeltaGenerator) -> Iterator[None]:
    """Wait for a free prediction slot, showing the position in the queue in `place`, and hold it for the block."""

    def show_position(ahead: int) -> None:
        text = translate("The server is busy; you are number {number} in the queue.").format(number=f"{ahead:,}")
        place.caption(f":material/hourglass_top: {text}")

    with ExitStack() as stack:
        with log_duration("wait for a turn"):
            stack.enter_context(PREDICTION_QUEUE.wait_for_slot(show_position, visitor_address()))
        yield
