"""Emotion: accuracy and best and worst trait per dominant expression, and the confidence of the classifier."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, group_differences, real_figures, report_button, table_picker
from personality.analysis.emotions import best_and_worst_traits, confidence_histogram
from personality.analysis.published import published_emotion
from personality.analysis.real_figures import RealFigures
from personality.assets.shipped_models import model_label
from personality.plots import count_plots
from personality.plots.palettes import EMOTION_COLOURS
from personality.traits import TRAIT_LABELS

AUDIO_ONLY_MODELS = ("audio", model_label("practice_audio"))


def format_best_and_worst(best: pd.DataFrame) -> pd.DataFrame:
    """Best and worst trait with model, accuracy and interval, one row per expression."""
    shown = best[["emotion", "n"]].copy()
    for kind in ("best", "worst"):
        shown[kind] = best[kind].map(TRAIT_LABELS)
        shown[f"{kind} by"] = best[f"{kind}_model"]
        figures = zip(*(best[f"{kind}_{part}"] for part in ("accuracy", "low", "high")), strict=True)
        shown[f"{kind}: accuracy"] = [
            f"{value:.4f} " + (f"[{low:.4f}, {high:.4f}]" if low == low else "(too few sources for an interval)")
            for value, low, high in figures
        ]
    return shown


def draw_published_emotions() -> None:
    """The table printed in the thesis."""
    st.header("What the original thesis reported")
    published = published_emotion().replace({"trait": TRAIT_LABELS})
    st.dataframe(published, hide_index=True, column_config={"accuracy": st.column_config.NumberColumn(format="%.4f")})
    st.caption("On the official test split of First Impressions. The thesis gives no intervals or numbers of clips.")


analysis_widgets.draw_page_header(
    "Accuracy by emotion",
    "The dominant expression of a clip is the one that our classifier finds in most of its faces. "
    "**A facial expression does not show what a person feels.**",
    notice=False,
)
table = table_picker.choose_data()
if isinstance(table, RealFigures):
    real_figures.offer_practice_data(
        "Results by expression are not available for real people. Expressions are estimated from the faces in the "
        "clips, and we did not have access to the First Impressions clips.",
        table_picker.PRACTICE_DATA_LABEL,
    )
    draw_published_emotions()
    st.stop()
clips = analysis_widgets.one_row_per_clip(table)
if not {"emotion", "emotion_confidence"} <= set(table) or table["emotion"].isna().all():
    st.warning(
        "This table has no expressions. They are estimated during preprocessing, and the table was imported without "
        "a preprocessed dataset (cache)."
    )
    st.stop()
measure = analysis_widgets.choose_measure(table)
rows = analysis_widgets.accuracy_rows(table, ("emotion",))

left, right = st.columns(2)
left.header("Clips per expression")
chart = count_plots.group_counts(
    analysis_widgets.group_sizes(rows), title="dominant expression", colours=EMOTION_COLOURS
)
left.altair_chart(chart, width="stretch", alt="Number of clips per dominant expression")
right.header("Classifier confidence")
chart = count_plots.emotion_confidence(confidence_histogram(clips))
right.altair_chart(chart, width="stretch", alt="Number of clips per expression and confidence range")
analysis_widgets.warn_small_groups(rows)

st.header(analysis_widgets.MEASURE_LABELS[measure])
trait = st.selectbox(
    "Trait", rows["trait"].unique(), index=5, format_func=TRAIT_LABELS.__getitem__, key="trait", bind="query-params"
)
one, alt = (
    rows[rows["trait"] == trait],
    f"{analysis_widgets.MEASURE_LABELS[measure]} per expression and model with intervals",
)
draw = partial(
    analysis_widgets.draw_measure_chart, colour="model", colours=table_picker.colours_by_model(table), measure=measure
)
draw(one, line="group", key="emotion", alt=alt)
analysis_widgets.explain_dot_chart(measure)

analysis_widgets.show_group_sum_check(table, rows, ("emotion",))
group_differences.draw_group_differences(table, ("emotion",), trait=trait, measure=measure, key="emotion")

st.header("Best and worst trait")
for name, without in (("All models", ()), ("Without the audio-only model", AUDIO_ONLY_MODELS)):
    st.markdown(f"**{name}**")
    best = best_and_worst_traits(rows, without=without)
    if best.empty:
        st.caption("This table has no other model.")
        continue
    st.dataframe(format_best_and_worst(best), hide_index=True)
analysis_widgets.draw_table_expander(rows, key="emotion")

draw_published_emotions()
report_button.offer_audit_download(table)
