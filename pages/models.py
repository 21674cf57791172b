"""Models: select the models to use, train new ones, monitor training runs, evaluate them."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, evaluation_form, model_store, run_monitor, training_form
from pages.components.access_control import operator_only
from pages.components.action_errors import show_errors_as_toast
from pages.components.damaged_files import show_damaged_files
from pages.components.plain_text import escape_markdown
from personality.analysis.groups import TRAIT_MEAN
from personality.assets import demo
from personality.assets.shipped_models import model_label
from personality.constants import MISUSE_WARNING
from personality.inference.model_facts import (
    COMPUTER_MADE_PEOPLE,
    UNNAMED_DATASET,
    describe_training_data,
    get_training_people,
)
from personality.modalities import MODALITIES, TEXT_TABLE, VOICE_TABLE
from personality.models.model_card import read_model_card
from personality.traits import TRAIT_LABELS
from personality.utils.untrusted_files import DamagedFileError
from personality.utils.workspace import read_chosen_models, write_chosen_models

operator_only()

UNSEEN_COLUMN_LABELS = {
    "accuracy": "accuracy",
    "low": "95 % from",
    "high": "to",
    "mean_baseline": "always predicting the mean",
    "r2": "variance explained (R²)",
}


def choose_prediction_models() -> None:
    """Select the models used on the Predict page, and show a model card."""
    choices = model_store.model_choices()
    picked = st.multiselect(
        "Models used on the Predict page",
        list(choices),
        default=list(model_store.chosen_models()),
        key="models_picked",
        on_change=use_model_choice,
    )
    if not picked:
        st.caption("No model is selected, so the Predict page cannot make predictions.")
    elif picked != default_models():
        st.button("Use these models for all new visitors", key="make_default", on_click=save_default_models)
        st.caption("Until then, the selection applies to this browser tab only.")
    show_model_card(choices[st.selectbox("Show model card of", list(choices), key="card_of")])


def default_models() -> list[str]:
    """The models that a new session starts with."""
    chosen = read_chosen_models()
    return model_store.REAL_MODEL_LABELS if chosen is None else chosen


def use_model_choice() -> None:
    """Keep the selection for this session."""
    operator_only()
    st.session_state[model_store.CHOSEN_MODELS_STATE_KEY] = st.session_state["models_picked"]


def save_default_models() -> None:
    """Make the selection the one that new sessions start with."""
    operator_only()
    with show_errors_as_toast():
        write_chosen_models(st.session_state["models_picked"])
        st.toast("New visitors now start with these models.", icon=":material/check:")


def show_model_card(folder: Path) -> None:
    """The modality, training data, accuracy, licence and prohibited uses of a model."""
    try:
        card = read_model_card(folder)
    except DamagedFileError as error:
        st.error(escape_markdown(error), icon=":material/error:")
        return
    with st.container(border=True):
        dataset = escape_markdown(card["data"].get("name", UNNAMED_DATASET))
        trained = escape_markdown(describe_training_data(card))
        st.markdown(f"**Input**: {describe_input(card)}. **Dataset**: {dataset}. {trained}")
        if get_training_people(card) == COMPUTER_MADE_PEOPLE:
            st.caption(demo.SYNTHETIC_DATA_NOTICE)
        if "unseen" in card:
            show_unseen_accuracy(card["unseen"])
        elif "metrics" in card:
            show_metrics(card["metrics"])
        st.caption(f"{escape_markdown(card['licence'])}. {escape_markdown(card.get('not_for', MISUSE_WARNING))}")
        with st.expander("Full model card"):
            st.json(card)


def describe_input(card: dict) -> str:
    """What a model reads, in words."""
    if card["branches"]:
        return f"that of the models {escape_markdown(' and '.join(map(model_label, card['branches'])))}"
    table = (card.get("table") or [""])[0]
    known = {VOICE_TABLE: "26 numbers that describe the voice", TEXT_TABLE: "the words, as a transcript"}
    return escape_markdown(known.get(table, table or MODALITIES[card["modality"]].label.lower()))


def show_unseen_accuracy(unseen: dict) -> None:
    """The accuracy on people who were not in the training data, next to that of always predicting the mean."""
    rows = [{"trait": TRAIT_LABELS[TRAIT_MEAN], **unseen}]
    rows += [{"trait": TRAIT_LABELS[name], **cells} for name, cells in unseen.get("traits", {}).items()]
    table = pd.DataFrame(rows)[["trait", "accuracy", "low", "high", "mean_baseline", "r2"]]
    columns = {
        name: st.column_config.NumberColumn(label, format="%.3f") for name, label in UNSEEN_COLUMN_LABELS.items()
    }
    st.dataframe(table, hide_index=True, column_config=columns)
    st.caption(
        f"On {unseen['n']:,} clips of {unseen['sources']:,} source videos that were not in the training data. Compare "
        "the accuracy with that of *always predicting the mean*: only the difference was learned from the clips."
    )


def show_metrics(metrics: dict) -> None:
    """The validation metrics of a model, by trait."""
    rows = [{"trait": TRAIT_LABELS[name], **cells} for name, cells in metrics["traits"].items()]
    st.dataframe(pd.DataFrame(rows).style.format(precision=4, na_rep="none"), hide_index=True)
    n, sources = metrics["n"], metrics["sources"]
    st.caption(
        f"Validation split, n = {n:,} clips from {sources:,} source videos, 95 % intervals. Evaluate the model below "
        "to compare it with always predicting the mean."
    )


analysis_widgets.draw_page_header(
    "Models", "Select the models for the Predict page, or train models on your own data.", notice=False
)
show_damaged_files()
st.header("Select models")
choose_prediction_models()
st.header("Train a model")
training_form.draw_training_form()
st.header("Training runs")
run_monitor.draw_run_monitor()
st.header("Evaluate trained models")
evaluation_form.draw_evaluation_form()
