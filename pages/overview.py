"""Overview: what this is, the headline, where to go."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store, real_figures, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.findings import describe_model_gains
from personality.analysis.real_figures import SOURCES_NOT_IN_TRAINING
from personality.assets import demo, shipped_models
from personality.constants import IMPRESSION_NOTICE
from personality.plots import accuracy_plots
from personality.predictions.predictions_table import SOURCE_IN_TRAINING
from personality.utils.public_mode import is_public
from personality.utils.workspace import list_finished_caches, list_prediction_tables

HEADLINE_COLUMNS = {"accuracy": "accuracy", "low": "95 % from", "high": "to", "baseline": "always the mean"}

analysis_widgets.draw_page_header(
    "Apparent personality",
    "How does a person's personality **appear to strangers** in a short video, how well does a machine reproduce that "
    "impression, and **for whom does it err**?",
    notice=False,
)
st.markdown(IMPRESSION_NOTICE)

ways = [
    ("pages/predict.py", "Predict", ":material/videocam:", "A video in; five traits from voice and words, live."),
    ("pages/gender.py", "Accuracy by group", ":material/wc:", "Where models err, with n and intervals."),
]
if not is_public():
    train = "Train four modalities on your data; load models."
    ways.insert(1, ("pages/models.py", "Models", ":material/model_training:", train))
for column, (page, label, icon, text) in zip(st.columns(len(ways)), ways, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(page, label=f"**{escape_markdown(label)}**", icon=icon)
        st.caption(escape_markdown(text))

figures = real_figures.load_shipped_figures()
st.subheader("Real people: how close do models come?")
real_figures.describe_real_figures(figures)
labels = {"all": "all", "yes": "seen", "no": "unseen"}
every, by_seen = (
    analysis_widgets.accuracy_rows(figures, by).replace({"group": labels}) for by in ((), (SOURCE_IN_TRAINING,))
)
means = pd.concat([every, by_seen.sort_values("group", kind="stable")]).query("trait == 'mean'")
unseen = means[means["group"].eq(labels["no"])]
st.markdown(
    f"**People unseen in training**, {unseen['n'].max():,} clips. "
    f"{describe_model_gains(unseen, shipped=shipped_models.REAL_MODEL_NAMES)}"
)
st.dataframe(real_figures.build_headline_table(means), hide_index=True)
st.caption(
    "Mean of five traits, each with its 95 % interval. **Accuracy** is 1 − mean absolute error; always predicting the "
    "training mean is accurate too, because most people are rated near the middle. **Gain** is what a model adds to "
    "that, and the figure to look at. *Unseen*: no clip of the same video was in training."
)
colours = accuracy_plots.group_colours(list(means["group"].unique()))
for column, measure in zip(st.columns(2), ("accuracy", "gain"), strict=True):
    with column:
        label = analysis_widgets.MEASURE_LABELS[measure]
        alt = f"{label} of each model on all, seen and unseen sources of real people, with intervals"
        draw = partial(analysis_widgets.draw_measure_chart, colour="group", colours=colours, measure=measure)
        draw(means, line="model", key=f"real_{measure}", alt=alt)
        analysis_widgets.explain_dot_chart(measure)

st.subheader("Real people: for whom do they err?")
for title, of, by in (
    ("Men and women", figures, "gender"),
    ("Men and women unseen in training", figures.select_sources(SOURCES_NOT_IN_TRAINING), "gender"),
    ("Ethnicity", figures, "ethnicity"),
    ("Age", figures, "age_group"),
):
    st.markdown(f"**{escape_markdown(title)}**")
    real_figures.draw_findings(of, (by,), brief=True)
st.caption(
    "Mean of five traits. p: by leaving out whole source videos, after Holm's correction within a model and "
    "measure. Each trait, every group and all figures: *Traits*, *Gender and ethnicity*, *Age*."
)

st.subheader("Practice data: computer-made people")
st.info(demo.PRACTICE_NOTICE, icon=":material/science:")
table = table_picker.load_cached_predictions(demo.DEMO_PREDICTIONS_FILE, demo.DEMO_PREDICTIONS_FILE.stat().st_mtime_ns)
means = analysis_widgets.accuracy_rows(table, ()).query("trait == 'mean'")
columns = {name: st.column_config.NumberColumn(label, format="%.4f") for name, label in HEADLINE_COLUMNS.items()}
st.dataframe(means[["model", "n", *HEADLINE_COLUMNS]], hide_index=True, column_config=columns)
st.caption(
    f"n = {means['n'].max():,} test clips of {means['sources'].max():,} people who do not exist. "
    f"{demo.PRACTICE_MODELS_DESCRIPTION}"
)

st.subheader("What is loaded")
asked = escape_markdown(", ".join(model_store.chosen_models())) or "none"
st.markdown(f"- **Models** that Predict asks: {asked}")
if not is_public():
    own = {"Caches of clips": [path.name for path in list_finished_caches()]}
    own["Predictions tables of your own"] = [path.stem for path in list_prediction_tables()]
    for what, names in own.items():
        st.markdown(f"- **{escape_markdown(what)}**: {escape_markdown(', '.join(names)) or 'none yet'}")
