"""Which models predict, in memory for all sessions, and whose turn it is to ask them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.plain_text import plain
from personality.assets import demo
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODELS, label
from personality.constants import LIMITS
from personality.utils.app_log import noted
from personality.utils.error_messages import sentence
from personality.utils.fair_queue import Turns
from personality.utils.public_mode import is_public
from personality.utils.workspace import remembered_models, runs_folder
from training.runs.run import done_runs

TURNS = Turns(LIMITS.readers)  # not in Streamlit's cache, which any visitor's message may clear
SAMPLE = "sample"  # of the session: the file name of the sample clip that is shown, if it is one


PRACTICE = "practice: "  # begins what pages call the practice models
MORE = "more_models"  # of the session: models that a visitor added to those that answer any clip


def model_choices() -> dict[str, Path]:
    """The models a person may load, by what the pages call them: real people, practice models, finished runs."""
    practice = {label(folder.name): folder for folder in PRACTICE_MODELS}
    own = {f"run: {name}": run.folder for name, run in done_runs(runs_folder()).items()}
    real = {label(folder.name): folder for folder in REAL_MODELS}
    return real | practice | own


def _real() -> list[str]:
    return [label(folder.name) for folder in REAL_MODELS]


def chosen_models() -> dict[str, Path]:
    """The models that answer any clip but the samples: those chosen on the Models page in this session, else those
    chosen last in any, else the models of real people."""
    choices, chosen = model_choices(), st.session_state.get("models_in_use", remembered_models())
    if chosen is None:
        chosen = _real()
    return {name: choices[name] for name in chosen if name in choices}


def offered_models() -> list[str]:
    """The models that a visitor may add to the chosen ones: strangers the practice models, the operator all. A message
    can name any model, so what was added is looked up here again."""
    return [name for name in model_choices() if name.startswith(PRACTICE) or not is_public()]


def asked_models() -> dict[str, Path]:
    """The models that answer the clip of this session: the practice models where it is a practice person, both kinds
    for the computer-made person who speaks English, else the chosen ones and those that the visitor added."""
    choices, sample = model_choices(), st.session_state.get(SAMPLE, "")
    practice = [name for name in choices if name.startswith(PRACTICE)]
    of_samples = {demo.CLIP.name: practice, demo.SPEECH_CLIP.name: [*_real(), *practice]}
    added = [name for name in st.session_state.get(MORE, []) if name in offered_models()]
    names = of_samples.get(sample) or [*chosen_models(), *added]
    return {name: choices[name] for name in dict.fromkeys(names) if name in choices}


@st.cache_resource(max_entries=4, show_spinner="Loading models ...")
def load_models(folders: tuple[Path, ...], changed: tuple[float, ...]) -> Sequence:
    """Networks in memory, shared by all sessions; loaded anew when a file has changed."""
    from personality.inference.predict import load_models, warm

    with noted("loading of models"):
        models = load_models(folders)
        warm(models)
    # Streamlit collects garbage after every click, before it sends the last of a page: a quarter of a second to look
    # at what the libraries made when they were imported, and will never let go.
    gc.collect()
    gc.freeze()
    return models


def models_in_memory() -> Sequence:
    """The asked models, loaded. Ends the page with a sentence where one of them cannot be; strangers are not told why,
    and have no page to choose others."""
    with _usable():
        return load_models(*versions())


def versions() -> tuple[tuple[Path, ...], tuple[float, ...]]:
    """The folders of the asked models, and when their weights were written. Ends the page as `models_in_memory`."""
    folders = tuple(asked_models().values())
    with _usable():
        return folders, tuple((folder / "model.safetensors").stat().st_mtime for folder in folders)


@contextmanager
def _usable() -> Iterator[None]:
    """End the page with a sentence where a model in the block cannot be used."""
    try:
        yield
    except (ValueError, OSError) as error:
        why = "" if is_public() else f" {plain(sentence(error))}"
        st.error(f"A chosen model cannot be used.{why}", icon=":material/error:")
        if not is_public():
            st.page_link("pages/models.py", label="Choose others", icon=":material/model_training:")
        st.stop()


@contextmanager
def my_turn(place: DeltaGenerator) -> Iterator[None]:
    """Wait, saying so in `place`, until few enough others predict; hold the turn for the block."""

    def say(ahead: int) -> None:
        words = f"The machine is busy with others; you are number {ahead:,} in the queue."
        place.caption(f":material/hourglass_top: {words}")

    with ExitStack() as stack:
        with noted("wait for a turn"):
            stack.enter_context(TURNS.turn(say))
        yield
