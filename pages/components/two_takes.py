"""Two predictions side by side: the difference per model and trait, relative to that of a new recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import model_store
from pages.components.language import translate
from pages.components.library_texts import name_model, translate_library_text
from pages.components.plain_text import escape_markdown
from personality.assets.shipped_models import model_label
from personality.inference.predict import Impression
from personality.inference.two_takes import compare_takes
from personality.traits import TRAIT_LABELS


def draw_two_takes(names: Sequence[str], impressions: Sequence[Sequence[Impression]]) -> None:
    """Two clips side by side: the difference per trait, and whether a new recording could explain it."""
    table = compare_takes(impressions[0], impressions[1], model_store.load_models_for_clip())
    st.header(translate("Two clips compared"))
    if table.empty:
        st.info(translate("No model predicted both clips."), icon=":material/info:")
        return
    draw_unequal_inputs(names, impressions)
    first, second = (escape_markdown(name) for name in names)
    if not table["is_real"].any() and table["margin"].notna().any():
        text = translate(
            "**No real difference** between {first} and {second}: recording the same clip again, or encoding it "
            "differently, changes the predictions as much."
        )
        st.success(text.format(first=first, second=second), icon=":material/drag_handle:")
    draw_differences(names, table)


def draw_unequal_inputs(names: Sequence[str], impressions: Sequence[Sequence[Impression]]) -> None:
    """A warning for each model that predicts only one of the clips, or one of them with fewer inputs."""
    caveats = [{one.model: one.caveat for one in some} for some in impressions]
    for name, own, other in zip(names, caveats, reversed(caveats), strict=True):
        for model in other:
            said = {"clip": escape_markdown(name), "model": name_model(model_label(model))}
            if model not in own:
                text = translate("**{model}** cannot predict {clip}, so it is not compared.")
                st.warning(text.format(**said), icon=":material/compare_arrows:")
            elif own[model] and own[model] != other[model]:
                text = translate("**{model}** predicts {clip} from less: {caveat}. The difference may be due to that.")
                caveat = escape_markdown(translate_library_text(own[model]))
                st.warning(text.format(**said, caveat=caveat), icon=":material/compare_arrows:")


def draw_differences(names: Sequence[str], table: pd.DataFrame) -> None:
    """The table of `compare_takes`. Repeatability has a column only if it was measured for one of the models."""
    difference, repeatability = translate("Difference"), translate("Repeatability")
    shown = pd.DataFrame(
        {
            translate("Model"): table["model"].map(model_label).map(translate_library_text),
            translate("Trait"): table["trait"].map(TRAIT_LABELS).map(translate),
            names[0]: table["first"],
            names[1]: table["second"],
            difference: table["difference"],
        }
    )
    config = {name: st.column_config.NumberColumn(format="%.3f") for name in (*names, difference, repeatability)}
    if table["margin"].isna().all():
        st.dataframe(shown, hide_index=True, column_config=config, key="takes")
        st.caption(translate("How much a new recording changes these predictions was not measured."))
        return
    verdicts = [_verdict(row) for row in table.itertuples()]
    measured = shown.assign(**{repeatability: table["margin"], translate("Verdict"): verdicts})
    st.dataframe(measured, hide_index=True, column_config=config, key="takes")
    st.caption(
        translate(
            "Repeatability: the largest change that another encoding, microphone or cut of the same clip made in our "
            "measurements. A difference within it says nothing about the person."
        )
    )


def _verdict(row: Any) -> str:
    if pd.isna(row.margin):
        return translate("repeatability not measured")
    return translate("differs") if row.is_real else translate("no real difference")
