"""Which models predict, in memory for all sessions, and whose turn it is to ask them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.plain_text import escape_markdown
from personality.assets import demo
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS, model_label
from personality.constants import LIMITS
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.fair_queue import FairQueue
from personality.utils.public_mode import is_public
from personality.utils.workspace import read_chosen_models, runs_folder
from training.runs.run import finished_runs_by_name

PREDICTION_QUEUE = FairQueue(LIMITS.readers)  # not in Streamlit's cache, which any visitor's message may clear
SAMPLE_STATE_KEY = "sample"  # of the session: the file name of the sample clip that is shown, if it is one


PRACTICE_LABEL_PREFIX = "practice: "  # begins what pages call the practice models
ADDED_MODELS_STATE_KEY = "more_models"  # of the session: models that a visitor added to those that answer any clip


def model_choices() -> dict[str, Path]:
    """The models a person may load, by what the pages call them: real people, practice models, finished runs."""
    practice = {model_label(folder.name): folder for folder in PRACTICE_MODELS}
    own = {f"run: {name}": run.folder for name, run in finished_runs_by_name(runs_folder()).items()}
    real = {model_label(folder.name): folder for folder in REAL_MODEL_FOLDERS}
    return real | practice | own


def _real_model_labels() -> list[str]:
    return [model_label(folder.name) for folder in REAL_MODEL_FOLDERS]


def chosen_models() -> dict[str, Path]:
    """The models that answer any clip but the samples: those chosen on the Models page in this session, else those
    chosen last in any, else the models of real people."""
    choices, chosen = model_choices(), st.session_state.get("models_in_use", read_chosen_models())
    if chosen is None:
        chosen = _real_model_labels()
    return {name: choices[name] for name in chosen if name in choices}


def addable_models() -> list[str]:
    """The models that a visitor may add to the chosen ones: strangers the practice models, the operator all. A message
    can name any model, so what was added is looked up here again."""
    return [name for name in model_choices() if name.startswith(PRACTICE_LABEL_PREFIX) or not is_public()]


def models_for_clip() -> dict[str, Path]:
    """The models that answer the clip of this session: the practice models where it is a practice person, both kinds
    for the computer-made person who speaks English, else the chosen ones and those that the visitor added."""
    choices, sample = model_choices(), st.session_state.get(SAMPLE_STATE_KEY, "")
    practice = [name for name in choices if name.startswith(PRACTICE_LABEL_PREFIX)]
    of_samples = {
        demo.DEMO_CLIP_FILE.name: practice,
        demo.DEMO_SPEECH_CLIP_FILE.name: [*_real_model_labels(), *practice],
    }
    added = [name for name in st.session_state.get(ADDED_MODELS_STATE_KEY, []) if name in addable_models()]
    names = of_samples.get(sample) or [*chosen_models(), *added]
    return {name: choices[name] for name in dict.fromkeys(names) if name in choices}


@st.cache_resource(max_entries=4, show_spinner="Loading models ...")
def load_cached_models(folders: tuple[Path, ...], changed: tuple[float, ...]) -> Sequence:
    """Networks in memory, shared by all sessions; loaded anew when a file has changed."""
    from personality.inference.predict import load_models, warm_up_prediction

    with log_duration("loading of models"):
        models = load_models(folders)
        warm_up_prediction(models)
    # Streamlit collects garbage after every click, before it sends the last of a page: a quarter of a second to look
    # at what the libraries made when they were imported, and will never let go.
    gc.collect()
    gc.freeze()
    return models


def load_models_for_clip() -> Sequence:
    """The asked models, loaded. Ends the page with a sentence where one of them cannot be; strangers are not told why,
    and have no page to choose others."""
    with _stop_page_on_model_error():
        return load_cached_models(*model_folders_and_mtimes())


def model_folders_and_mtimes() -> tuple[tuple[Path, ...], tuple[float, ...]]:
    """The folders of the asked models, and when their weights were written. Ends the page as `load_models_for_clip`."""
    folders = tuple(models_for_clip().values())
    with _stop_page_on_model_error():
        return folders, tuple((folder / "model.safetensors").stat().st_mtime for folder in folders)


@contextmanager
def _stop_page_on_model_error() -> Iterator[None]:
    """End the page with a sentence where a model in the block cannot be used."""
    try:
        yield
    except (ValueError, OSError) as error:
        why = "" if is_public() else f" {escape_markdown(describe_error(error))}"
        st.error(f"A chosen model cannot be used.{why}", icon=":material/error:")
        if not is_public():
            st.page_link("pages/models.py", label="Choose others", icon=":material/model_training:")
        st.stop()


@contextmanager
def wait_for_prediction_turn(place: DeltaGenerator) -> Iterator[None]:
    """Wait, saying so in `place`, until few enough others predict; hold the turn for the block."""

    def say(ahead: int) -> None:
        words = f"The machine is busy with others; you are number {ahead:,} in the queue."
        place.caption(f":material/hourglass_top: {words}")

    with ExitStack() as stack:
        with log_duration("wait for a turn"):
            stack.enter_context(PREDICTION_QUEUE.wait_for_slot(say))
        yield
