"""Overview: what this is, the headline, where to go."""

import streamlit as st

from pages import bar, loaded, parts
from personality import charts, demo
from personality.public import is_public
from personality.workspace import caches, prediction_tables

HEADLINE = {"accuracy": "accuracy", "low": "95 % from", "high": "to", "baseline": "always the mean"}

parts.frame(
    "Apparent personality",
    "How does a person's personality **appear to strangers** in a short video, how well does a machine reproduce that "
    "impression, and **for whom does it err**?",
    notice=True,
)
st.markdown(demo.IMPRESSION)

ways = [
    ("pages/predict.py", "Predict", ":material/videocam:", "A video in: faces, sound, then five traits, live."),
    ("pages/gender.py", "Accuracy by group", ":material/wc:", "Where models err, with n and intervals."),
]
if not is_public():
    train = "Train four modalities on your data; load models."
    ways.insert(1, ("pages/models.py", "Models", ":material/model_training:", train))
for column, (page, label, icon, text) in zip(st.columns(len(ways)), ways, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(page, label=f"**{label}**", icon=icon)
        st.caption(text)

st.subheader("What is loaded")
asked = ", ".join(loaded.chosen_models()) or "none"
st.markdown(f"- **Models** that Predict asks: {asked}")
if not is_public():
    own = {"Caches of clips": [path.name for path in caches()]}
    own["Predictions tables of your own"] = [path.stem for path in prediction_tables()]
    for what, names in own.items():
        st.markdown(f"- **{what}**: {', '.join(names) or 'none yet'}")

st.subheader("The demo's headline")
table = bar.load_table(demo.PREDICTIONS, demo.PREDICTIONS.stat().st_mtime_ns)
rows = parts.accuracy_rows(table, ())
means = rows[rows["trait"] == "mean"]
colours = charts.model_colours(list(rows["model"].unique()))
columns = {name: st.column_config.NumberColumn(label, format="%.4f") for name, label in HEADLINE.items()}
st.dataframe(means[["model", "n", *HEADLINE]], hide_index=True, column_config=columns)
alt = "Mean accuracy of the four demo models with intervals"
parts.accuracy_picture(means, line="model", colour="model", colours=colours, key="headline", alt=alt)
st.caption(f"n = {means['n'].max():,} test clips of {means['sources'].max():,} synthetic people nobody trained on.")
st.caption(demo.MODELS_IN_WORDS)
parts.how_to_read()
