"""Figures of real people on the pages: what they are, what they find, what they cannot show."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components.plain_text import escape_markdown
from personality.analysis.findings import describe_gaps
from personality.analysis.gaps import GAP_MEASURES
from personality.analysis.real_figures import SOURCES_NOT_IN_TRAINING, RealFigures, read_real_figures
from personality.predictions.predictions_table import PredictionsError
from personality.utils.public_mode import is_public

DATA_CHOICE_STATE_KEY = "data"  # of the session: which data the bar last chose, on any page
FINDING_LABELS = {
    "gain": "Gain over always predicting the mean",
    "accuracy": "Accuracy",
    "signed_error": "Over- and underrating",
    "concordance": "Agreement with people (concordance)",
    "r2": "Share of the ratings explained (R²)",
    "actual_mean": "What people said",
}
IMPORT_INSTRUCTIONS = """
With the clips' labels (ChaLearn gives them on request) published predictions become a table like the practice data,
down to the single clip:
```
python -m personality import-predictions validation_face.csv --dataset FIRST_IMPRESSIONS --split validation \\
  --model "BU-NKU 2017 face" --out workspace/predictions/winners.parquet
```
"""


@st.cache_resource(show_spinner=False)
def load_shipped_figures() -> RealFigures:
    """The figures that ship."""
    return read_real_figures()


def describe_real_figures(figures: RealFigures) -> None:
    """Of whom the figures are, and where they come from."""
    card, sources = figures.card, figures.source_subset
    clips, videos = card["clips"][sources], card["videos"][sources]
    unseen = ", of which no model saw another clip in training" if sources == SOURCES_NOT_IN_TRAINING else ""
    st.info(
        f"**Real people, figures only.** {clips:,} clips of {videos:,} videos{unseen}: the "
        f"{escape_markdown(card['split'])} split of {escape_markdown(card['dataset'])}, rated by strangers. "
        "The clips are not included, "
        f"and no group of under {card['least_clips_of_a_group']:,} clips is shown.",
        icon=":material/groups:",
    )
    with st.expander("Which models, and where the figures come from", icon=":material/info:"):
        rows = [{"model": name, **card["models"][name]} for name in figures.models]
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={"what": "uses", "origin": "predictions"})
        st.caption(
            f"{escape_markdown(card['licence'])} Intervals: {escape_markdown(card['method'])}, "
            f"{card['level']:.0%}. Made by "
            f"{escape_markdown(card['command'])} (docs/analysis.md)."
        )


def build_headline_table(means: pd.DataFrame) -> pd.DataFrame:
    """Gain and accuracy with their intervals as text: a row per model, a column per measure and group of clips.

    means: rows of `accuracy_by`, one per model and group.
    """
    columns = {}
    for measure, low, high in (("gain", "gain_low", "gain_high"), ("accuracy", "low", "high")):
        for group, rows in means.groupby("group", sort=False):
            cells = zip(rows[measure], rows[low], rows[high], strict=True)
            words = [f"{middle:.4f} [{least:.4f}, {most:.4f}]" for middle, least, most in cells]
            columns[f"{measure}, {group} (n = {rows['n'].max():,})"] = pd.Series(words, rows["model"])
    return pd.DataFrame(columns).loc[means["model"].unique()].rename_axis("model").reset_index()


def show_omitted_groups(figures: RealFigures, by: tuple[str, ...]) -> None:
    """How many groups and clips are not shown."""
    counts = figures.count_omitted_groups(by)
    words = []
    if counts["groups"]:
        few = figures.card["least_clips_of_a_group"]
        words.append(f"{counts['groups']:,} groups of under {few:,} clips each ({counts['clips']:,} clips together)")
    if counts["unknown"]:
        words.append(f"{counts['unknown']:,} clips of no known group")
    if words:
        st.caption(f"Left out: {' and '.join(words)}.")


def draw_findings(figures: RealFigures, by: tuple[str, ...], *, trait: str = "mean", brief: bool = False) -> None:
    """The significant differences between groups, by measure, in sentences; as `findings.describe_gaps`."""
    for measure in GAP_MEASURES:
        try:
            found = describe_gaps(figures.compare_groups(by, measure).gaps, trait=trait, brief=brief)
        except PredictionsError as error:
            st.caption(escape_markdown(error))
            return
        lines = found[0] if len(found) == 1 else "\n" + "\n".join(f"    - {line}" for line in found)
        st.markdown(f"- {FINDING_LABELS[measure]}: {lines}")


def offer_practice_data(why: str, practice: str) -> None:
    """Why a page shows nothing of real people, and a button to the practice data, the choice called `practice` in the
    bar."""
    st.warning(why, icon=":material/data_alert:")
    st.button(
        "Show the practice data",
        key="practice",
        on_click=_choose_practice_data,
        args=(practice,),
        icon=":material/science:",
    )
    if not is_public():
        with st.expander("Explore published predictions on real people", icon=":material/upload:"):
            st.markdown(IMPORT_INSTRUCTIONS)


def _choose_practice_data(practice: str) -> None:
    st.session_state[DATA_CHOICE_STATE_KEY] = practice
