"""Overview: what the project does, the main results, and links to the other pages."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store, poster, real_figures, table_picker
from pages.components.language import mark_text, page_language, translate, translate_plain
from pages.components.library_texts import name_model, translate_library_text
from pages.components.plain_text import escape_markdown
from pages.components.real_figures import describe_findings
from personality.analysis.findings import describe_model_gains
from personality.analysis.real_figures import SOURCES_NOT_IN_TRAINING
from personality.assets import demo
from personality.constants import IMPRESSION_NOTICE
from personality.plots import palettes
from personality.predictions.predictions_table import SOURCE_IN_TRAINING
from personality.utils.public_mode import is_public
from personality.utils.workspace import list_finished_caches, list_prediction_tables

HEADLINE_COLUMNS = {
    "accuracy": mark_text("accuracy"),
    "low": mark_text("95 % from"),
    "high": mark_text("to"),
    "baseline": mark_text("mean baseline"),
}


@st.cache_data(show_spinner=False)  # the included figures do not change while the server runs
def describe_all_differences(language: str) -> str:
    """The significant differences between groups of all models, by attribute and measure, as Markdown.

    `language` is that of the page; it is part of the cache key.
    """
    figures = real_figures.load_shipped_figures()
    unseen = figures.select_sources(SOURCES_NOT_IN_TRAINING)
    parts = []
    for title, of, by in (
        (mark_text("Men and women"), figures, "gender"),
        (mark_text("Men and women, videos unseen in training"), unseen, "gender"),
        (mark_text("Ethnicity"), figures, "ethnicity"),
        (mark_text("Age"), figures, "age_group"),
    ):
        parts.append(f"**{translate_plain(title)}**\n" + describe_findings(of, (by,), brief=True))
    return "\n\n".join(parts)


analysis_widgets.draw_page_header(
    translate("Apparent personality"),
    translate(
        "How does a person's personality **appear to strangers** in a short video? How well can a model predict that "
        "impression? And **for whom does the model make larger errors**?"
    ),
    notice=False,
)
st.markdown(translate(IMPRESSION_NOTICE))

poster.draw_poster()

st.header(translate("Real people: for whom is the machine wrong?"))
figures = real_figures.load_shipped_figures()
poster.draw_findings_on_real_people(figures)

st.header(translate("How accurate are the models?"))
real_figures.describe_real_figures(figures)
labels = {"all": translate("all"), "yes": translate("seen"), "no": translate("unseen")}
every, by_seen = (analysis_widgets.accuracy_rows(figures, by) for by in ((), (SOURCE_IN_TRAINING,)))
by_seen = by_seen.sort_values("group", ascending=False, kind="stable")  # seen, then unseen, in every language
means = pd.concat([every, by_seen]).query("trait == 'mean'").replace({"group": labels})
unseen = means[means["group"].eq(labels["no"])]
unseen_clips = translate("**Clips of videos not used in training** ({count} clips).")
shipped = [translate_library_text(label) for label in model_store.REAL_MODEL_LABELS]
gains = describe_model_gains(unseen.assign(model=unseen["model"].map(translate_library_text)), shipped=shipped)
unseen_clips = unseen_clips.format(count=f"{unseen['n'].max():,}")
st.markdown(f"{unseen_clips} {translate_library_text(gains)}")
st.dataframe(real_figures.build_headline_table(means), hide_index=True)
st.caption(
    translate(
        "Mean of five traits, with 95 % intervals. **Accuracy** is 1 − mean absolute error. It is high even for a "
        "model that gives everyone the average rating, because most people are rated near the middle of the scale. "
        "**Gain** is the accuracy above this [mean baseline](about#terms) and is the more informative number. "
        "*Unseen*: no clip from the same video was used in training."
    )
)
colours = palettes.group_colours(list(means["group"].unique()))
for column, measure in zip(st.columns(2), ("accuracy", "gain"), strict=True):
    with column:
        label = translate(analysis_widgets.MEASURE_LABELS[measure])
        alt = translate(
            "{measure} of each model on clips from all, seen and unseen videos of real people, with intervals"
        )
        alt = alt.format(measure=label)
        draw = partial(analysis_widgets.draw_measure_chart, colour="group", colours=colours, measure=measure)
        draw(means, line="model", key=f"real_{measure}", alt=alt)
        analysis_widgets.explain_dot_chart(measure)

with st.expander(translate("All significant differences between groups, in words"), icon=":material/groups:"):
    st.markdown(describe_all_differences(page_language()))
    st.caption(
        translate(
            "Mean of five traits. p-values: clustered by source video, with Holm's correction within each model and "
            "measure. For single traits, every group and all values, see *Traits*, *Gender and ethnicity* and *Age*."
        )
    )

st.header(translate("Practice data: computer-made people"))
st.info(translate(demo.PRACTICE_NOTICE), icon=":material/science:")
table = table_picker.load_cached_predictions(demo.DEMO_PREDICTIONS_FILE, demo.DEMO_PREDICTIONS_FILE.stat().st_mtime_ns)
means = analysis_widgets.accuracy_rows(table, ()).query("trait == 'mean'")
headings: dict[str, Any] = {
    name: st.column_config.NumberColumn(translate(label), format="%.4f") for name, label in HEADLINE_COLUMNS.items()
}
headings["model"] = translate("model")
shown = means[["model", "n", *HEADLINE_COLUMNS]].assign(model=means["model"].map(translate_library_text))
st.dataframe(shown, hide_index=True, column_config=headings)
tested = translate("n = {count} test clips of {people} people who do not exist.")
tested = tested.format(count=f"{means['n'].max():,}", people=f"{means['sources'].max():,}")
st.caption(f"{tested} {translate(demo.PRACTICE_MODELS_DESCRIPTION)}")

st.header(translate("Models and data in use"))
chosen = ", ".join(name_model(name) for name in model_store.chosen_models()) or translate("none")
st.markdown(f"- **{translate('Models used on the Predict page')}**: {chosen}")
if not is_public():
    own = {mark_text("Preprocessed datasets (caches)"): [path.name for path in list_finished_caches()]}
    own[mark_text("Your predictions tables")] = [path.stem for path in list_prediction_tables()]
    for what, names in own.items():
        listed = escape_markdown(", ".join(names)) or translate("none yet")
        st.markdown(f"- **{translate_plain(what)}**: {listed}")
