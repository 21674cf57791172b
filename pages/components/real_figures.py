"""Results for real people on the pages: description, findings, and what they do not include."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components.language import mark_text, translate, translate_plain
from pages.components.library_texts import translate_library_text
from pages.components.plain_text import escape_markdown
from personality.analysis.findings import describe_gaps
from personality.analysis.gaps import GAP_MEASURES
from personality.analysis.real_figures import SOURCES_NOT_IN_TRAINING, RealFigures, read_real_figures
from personality.assets.shipped_models import model_label
from personality.predictions.predictions_table import PredictionsError
from personality.utils.public_mode import is_public

DATA_CHOICE_STATE_KEY = "data"  # session state: the data last selected, on any page
FINDING_LABELS = {
    "gain": mark_text("Gain over the mean baseline"),
    "accuracy": mark_text("Accuracy"),
    "signed_error": mark_text("Over- and underrating"),
    "concordance": mark_text("Agreement with human ratings (concordance)"),
    "r2": mark_text("Explained variance of the ratings (R²)"),
    "actual_mean": mark_text("Mean human rating"),
}
IMPORT_INSTRUCTIONS = """
Request the labels of the clips from ChaLearn. You can then import published predictions and explore them here clip by
clip, like the practice data:
```
personality import-predictions validation_face.csv --dataset FIRST_IMPRESSIONS --split validation \\
  --model "BU-NKU 2017 face" --out workspace/predictions/winners.parquet
```
"""


@st.cache_resource(show_spinner=False)
def load_shipped_figures() -> RealFigures:
    """The included results for real people, with the pages' names of models."""
    return read_real_figures().rename_models(model_label)


def describe_real_figures(figures: RealFigures) -> None:
    """Describe the people, the models and the origin of the results."""
    card, sources = figures.card, figures.source_subset
    clips, videos = card["clips"][sources], card["videos"][sources]
    text = (
        translate(
            "**Real people, summary statistics only.** {clips} clips of {videos} videos, none of which was used in "
            "training, from the {split} split of {dataset}, rated by strangers. The clips themselves are not included. "
            "Groups with fewer than {least} clips are not shown."
        )
        if sources == SOURCES_NOT_IN_TRAINING
        else translate(
            "**Real people, summary statistics only.** {clips} clips of {videos} videos, from the {split} split of "
            "{dataset}, rated by strangers. The clips themselves are not included. Groups with fewer than {least} "
            "clips are not shown."
        )
    )
    split, dataset = translate_plain(card["split"]), escape_markdown(card["dataset"])
    counts = {"clips": f"{clips:,}", "videos": f"{videos:,}", "least": f"{card['least_clips_of_a_group']:,}"}
    st.info(text.format(**counts, split=split, dataset=dataset), icon=":material/groups:")
    with st.expander(translate("Models, and origin of the results"), icon=":material/info:"):
        _describe_origin(figures)


def _describe_origin(figures: RealFigures) -> None:
    """The models with the origin of their predictions, and how the figures were computed."""
    card = figures.card
    rows = [{"model": name, **card["models"][name]} for name in figures.models]
    models = pd.DataFrame(rows)
    texts = ["model", "what", "origin"]
    models[texts] = models[texts].map(translate_library_text)
    names = {"what": translate("input"), "origin": translate("origin of the predictions")}
    names |= {"model": translate("model"), "clips": translate("clips")}
    st.dataframe(models, hide_index=True, column_config=names)
    text = translate(
        "{licence} Intervals: {level}, {method}. Created by {command}; the method is described in docs/analysis.md."
    )
    licence, method = translate_plain(card["licence"]), translate_plain(card["method"])
    command = escape_markdown(card["command"])
    st.caption(text.format(licence=licence, level=f"{card['level']:.0%}", method=method, command=command))


def build_headline_table(means: pd.DataFrame) -> pd.DataFrame:
    """Gain and accuracy with their intervals as text.

    Parameters
    ----------
    means : DataFrame
        Rows of `accuracy_by`, one per model and group.

    Returns
    -------
    DataFrame
        A row per model, a column per measure and group.
    """
    columns = {}
    for measure, low, high in ((mark_text("gain"), "gain_low", "gain_high"), (mark_text("accuracy"), "low", "high")):
        for group, rows in means.groupby("group", sort=False):
            cells = zip(rows[measure], rows[low], rows[high], strict=True)
            texts = [f"{value:.4f} [{lower:.4f}, {upper:.4f}]" for value, lower, upper in cells]
            heading = f"{translate(measure)}, {group} (n = {rows['n'].max():,})"
            columns[heading] = pd.Series(texts, rows["model"])
    table = pd.DataFrame(columns).loc[means["model"].unique()].rename(index=translate_library_text)
    return table.rename_axis(translate("model")).reset_index()


def show_omitted_groups(figures: RealFigures, by: tuple[str, ...]) -> None:
    """Show how many groups and clips are omitted."""
    counts = figures.count_omitted_groups(by)
    omitted = []
    if counts["groups"]:
        limit = figures.card["least_clips_of_a_group"]
        omitted.append(
            f"{counts['groups']:,} groups with fewer than {limit:,} clips each ({counts['clips']:,} clips in total)"
        )
    if counts["unknown"]:
        omitted.append(f"{counts['unknown']:,} clips whose group is unknown")
    if omitted:
        st.caption(f"Not shown: {' and '.join(omitted)}.")


def draw_findings(figures: RealFigures, by: tuple[str, ...]) -> None:
    """The significant differences between groups in words; the reason if there are no figures by these attributes."""
    try:
        st.markdown(describe_findings(figures, by))
    except PredictionsError as error:
        st.caption(escape_markdown(error))


def describe_findings(figures: RealFigures, by: tuple[str, ...], *, brief: bool = False) -> str:
    """The significant differences between groups in the mean of the traits, as a Markdown list of the measures.

    Parameters
    ----------
    figures : RealFigures
        The results.
    by : tuple of str
        The attributes that define the groups.
    brief : bool
        Whether to summarise over models, as in `findings.describe_gaps`.

    Raises
    ------
    PredictionsError
        There are no figures by these attributes.
    """
    entries = []
    for measure in GAP_MEASURES:
        found = describe_gaps(figures.compare_groups(by, measure).gaps, trait="mean", brief=brief)
        found = [translate_library_text(line) for line in found]
        lines = found[0] if len(found) == 1 else "\n" + "\n".join(f"    - {line}" for line in found)
        entries.append(f"- {translate(FINDING_LABELS[measure])}: {lines}")
    return "\n".join(entries)


def offer_practice_data(why: str, practice: str) -> None:
    """Explain why a page has no results for real people, and offer the practice data, labelled `practice` in *Data*."""
    st.warning(why, icon=":material/data_alert:")
    st.button(
        "Show the practice data",
        key="practice",
        on_click=_choose_practice_data,
        args=(practice,),
        icon=":material/science:",
    )
    if not is_public():
        with st.expander("How to explore published predictions for real people", icon=":material/upload:"):
            st.markdown(IMPORT_INSTRUCTIONS)


def _choose_practice_data(practice: str) -> None:
    st.session_state[DATA_CHOICE_STATE_KEY] = practice
