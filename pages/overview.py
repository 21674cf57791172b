"""Overview: what this is, the headline, where to go."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, model_store, real_figures, table_picker
from pages.components.plain_text import plain
from personality.analysis.findings import gains
from personality.analysis.real_figures import UNSEEN
from personality.assets import demo, shipped_models
from personality.plots import accuracy_plots
from personality.predictions.predictions_table import SEEN
from personality.utils.public_mode import is_public
from personality.utils.workspace import caches, prediction_tables

HEADLINE = {"accuracy": "accuracy", "low": "95 % from", "high": "to", "baseline": "always the mean"}

analysis_widgets.frame(
    "Apparent personality",
    "How does a person's personality **appear to strangers** in a short video, how well does a machine reproduce that "
    "impression, and **for whom does it err**?",
    notice=False,
)
st.markdown(demo.IMPRESSION)

ways = [
    ("pages/predict.py", "Predict", ":material/videocam:", "A video in; five traits from voice and words, live."),
    ("pages/gender.py", "Accuracy by group", ":material/wc:", "Where models err, with n and intervals."),
]
if not is_public():
    train = "Train four modalities on your data; load models."
    ways.insert(1, ("pages/models.py", "Models", ":material/model_training:", train))
for column, (page, label, icon, text) in zip(st.columns(len(ways)), ways, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(page, label=f"**{plain(label)}**", icon=icon)
        st.caption(plain(text))

figures = real_figures.load_figures()
st.subheader("Real people: how close do models come?")
real_figures.describe(figures)
labels = {"all": "all", "yes": "seen", "no": "unseen"}
every, by_seen = (analysis_widgets.accuracy_rows(figures, by).replace({"group": labels}) for by in ((), (SEEN,)))
means = pd.concat([every, by_seen.sort_values("group", kind="stable")]).query("trait == 'mean'")
unseen = means[means["group"].eq(labels["no"])]
st.markdown(f"**People unseen in training**, {unseen['n'].max():,} clips. {gains(unseen, shipped=shipped_models.REAL)}")
st.dataframe(real_figures.headline(means), hide_index=True)
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
        draw = partial(analysis_widgets.accuracy_picture, colour="group", colours=colours, measure=measure)
        draw(means, line="model", key=f"real_{measure}", alt=alt)
        analysis_widgets.how_to_read(measure)

st.subheader("Real people: for whom do they err?")
for title, of, by in (
    ("Men and women", figures, "gender"),
    ("Men and women unseen in training", figures.of_sources(UNSEEN), "gender"),
    ("Ethnicity", figures, "ethnicity"),
    ("Age", figures, "age_group"),
):
    st.markdown(f"**{plain(title)}**")
    real_figures.findings(of, (by,), brief=True)
st.caption(
    "Mean of five traits. p: by leaving out whole source videos, after Holm's correction within a model and "
    "measure. Each trait, every group and all figures: *Traits*, *Gender and ethnicity*, *Age*."
)

st.subheader("Practice data: computer-made people")
st.info(demo.NOTICE, icon=":material/science:")
table = table_picker.load_table(demo.PREDICTIONS, demo.PREDICTIONS.stat().st_mtime_ns)
means = analysis_widgets.accuracy_rows(table, ()).query("trait == 'mean'")
columns = {name: st.column_config.NumberColumn(label, format="%.4f") for name, label in HEADLINE.items()}
st.dataframe(means[["model", "n", *HEADLINE]], hide_index=True, column_config=columns)
st.caption(
    f"n = {means['n'].max():,} test clips of {means['sources'].max():,} people who do not exist. {demo.MODELS_IN_WORDS}"
)

st.subheader("What is loaded")
asked = plain(", ".join(model_store.chosen_models())) or "none"
st.markdown(f"- **Models** that Predict asks: {asked}")
if not is_public():
    own = {"Caches of clips": [path.name for path in caches()]}
    own["Predictions tables of your own"] = [path.stem for path in prediction_tables()]
    for what, names in own.items():
        st.markdown(f"- **{plain(what)}**: {plain(', '.join(names)) or 'none yet'}")
