"""Models: select the models to use, train new ones, monitor training runs, evaluate them."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, evaluation_form, model_store, run_monitor, training_form
from pages.components.access_control import operator_only
from pages.components.action_errors import show_errors_as_toast
from pages.components.damaged_files import show_damaged_files
from pages.components.plain_text import escape_markdown
from personality.assets import demo
from personality.constants import MISUSE_WARNING
from personality.inference.model_facts import (
    COMPUTER_MADE_PEOPLE,
    UNNAMED_DATASET,
    describe_training_data,
    get_training_people,
)
from personality.modalities import MODALITIES
from personality.models.model_card import read_model_card
from personality.traits import TRAIT_LABELS
from personality.utils.untrusted_files import DamagedFileError
from personality.utils.workspace import write_chosen_models

operator_only()


def choose_prediction_models() -> None:
    """Select the models used on the Predict page, and show a model card."""
    choices = model_store.model_choices()
    picked = st.multiselect(
        "Models used on the Predict page",
        list(choices),
        default=list(model_store.chosen_models()),
        key="models_picked",
        on_change=save_model_choice,
    )
    if not picked:
        st.caption("No model is selected, so the Predict page cannot make predictions.")
    show_model_card(choices[st.selectbox("Show model card of", list(choices), key="card_of")])


def save_model_choice() -> None:
    """Keep the selection for this session and the next one."""
    operator_only()
    st.session_state["models_in_use"] = st.session_state["models_picked"]
    with show_errors_as_toast():
        write_chosen_models(st.session_state["models_picked"])


def show_model_card(folder: Path) -> None:
    """The modality, training data, accuracy, licence and prohibited uses of a model."""
    try:
        card = read_model_card(folder)
    except DamagedFileError as error:
        st.error(escape_markdown(error), icon=":material/error:")
        return
    with st.container(border=True):
        kind = MODALITIES[card["modality"]].label
        preset, dataset = escape_markdown(card["preset"]), escape_markdown(card["data"].get("name", UNNAMED_DATASET))
        st.markdown(
            f"**{kind}**, preset {preset}, dataset **{dataset}**. {escape_markdown(describe_training_data(card))}"
        )
        if get_training_people(card) == COMPUTER_MADE_PEOPLE:
            st.caption(demo.SYNTHETIC_DATA_NOTICE)
        if "metrics" in card:
            show_metrics(card["metrics"])
        st.caption(f"{escape_markdown(card['licence'])}. {escape_markdown(card.get('not_for', MISUSE_WARNING))}")
        with st.expander("Full model card"):
            st.json(card)


def show_metrics(metrics: dict) -> None:
    """The validation metrics of a model, by trait."""
    rows = [{"trait": TRAIT_LABELS[name], **cells} for name, cells in metrics["traits"].items()]
    st.dataframe(pd.DataFrame(rows).style.format(precision=4, na_rep="none"), hide_index=True)
    n, sources = metrics["n"], metrics["sources"]
    st.caption(f"Validation split, n = {n:,} clips from {sources:,} source videos, 95 % intervals.")


analysis_widgets.draw_page_header(
    "Models", "Select the models for the Predict page, or train models on your own data.", notice=False
)
show_damaged_files()
st.subheader("Select models")
choose_prediction_models()
st.subheader("Train a model")
training_form.draw_training_form()
st.subheader("Training runs")
run_monitor.draw_run_monitor()
st.subheader("Evaluate trained models")
evaluation_form.draw_evaluation_form()
