"""Models: load shipped and finished ones, train new ones, watch runs, evaluate them."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, evaluation_form, model_store, run_monitor, training_form
from pages.components.access_control import operator_only
from pages.components.action_errors import attempt
from pages.components.damaged_files import name_damages
from pages.components.plain_text import plain
from personality.assets import demo
from personality.constants import NOT_FOR
from personality.inference.model_facts import COMPUTER_MADE, NAMELESS, people, trained_on
from personality.modalities import MODALITIES
from personality.models.model_card import read_model_card
from personality.traits import TRAIT_LABELS
from personality.utils.untrusted_files import DamagedFile
from personality.utils.workspace import remember_models

operator_only()


def use() -> None:
    """Which models Predict uses, each with its card."""
    choices = model_store.model_choices()
    picked = st.multiselect(
        "Models that Predict uses",
        list(choices),
        default=list(model_store.chosen_models()),
        key="models_picked",
        on_change=remember,
    )
    if not picked:
        st.caption("None: nothing can be predicted.")
    show_card(choices[st.selectbox("Card of", list(choices), key="card_of")])


def remember() -> None:
    """Keep the choice for this session, and for the next one."""
    operator_only()
    st.session_state["models_in_use"] = st.session_state["models_picked"]
    with attempt():
        remember_models(st.session_state["models_picked"])


def show_card(folder: Path) -> None:
    """What a model is, what it was trained on, what it reached and what it must not be used for."""
    try:
        card = read_model_card(folder)
    except DamagedFile as error:
        st.error(plain(error), icon=":material/error:")
        return
    with st.container(border=True):
        kind = MODALITIES[card["modality"]].label
        preset, dataset = plain(card["preset"]), plain(card["data"].get("name", NAMELESS))
        st.markdown(f"**{kind}**, preset {preset}, dataset **{dataset}**. {plain(trained_on(card))}")
        if people(card) == COMPUTER_MADE:
            st.caption(demo.SYNTHETIC)
        if "metrics" in card:
            show_metrics(card["metrics"])
        st.caption(f"{plain(card['licence'])}. {plain(card.get('not_for', NOT_FOR))}")
        with st.expander("The whole card"):
            st.json(card)


def show_metrics(metrics: dict) -> None:
    """What a model reached on validation, by trait."""
    rows = [{"trait": TRAIT_LABELS[name], **cells} for name, cells in metrics["traits"].items()]
    st.dataframe(pd.DataFrame(rows).style.format(precision=4, na_rep="none"), hide_index=True)
    n, sources = metrics["n"], metrics["sources"]
    st.caption(f"Validation, n = {n:,} clips of {sources:,} sources, 95 % intervals.")


analysis_widgets.frame(
    "Models", "Load trained models for Predict, or train the four modalities on your own data.", notice=False
)
name_damages()
st.subheader("Use")
use()
st.subheader("Train")
training_form.form()
st.subheader("Runs")
run_monitor.runs()
st.subheader("Evaluate")
evaluation_form.form()
