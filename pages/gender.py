"""Gender: accuracy for men and for women, average and per trait."""

import streamlit as st

from pages import bar, parts
from personality.analysis.checks import impossible_models
from personality.analysis.published import published_gender
from personality.traits import GENDER_COLOURS, TRAIT_LABELS

parts.frame(
    "Accuracy by gender",
    "For whom does each model err more? Gender is as annotated by people, or as estimated where nobody did.",
    notice=False,
)
table = bar.choose_table()
rows = parts.accuracy_rows(table, ("gender",))
parts.who_said(table, "gender")
parts.warn_small(rows)
parts.adds_up(table, rows, ("gender",))

st.subheader("Average of the five traits")
means = rows[rows["trait"] == "mean"]
alt = "Mean accuracy per model and gender with intervals"
parts.accuracy_picture(means, line="model", colour="group", colours=GENDER_COLOURS, key="gender_mean", alt=alt)
parts.how_to_read()

st.subheader("Each trait")
model = st.segmented_control(
    "Model", list(rows["model"].unique()), default=rows["model"].iloc[-1], key="gender_model", bind="query-params"
)
one = rows[rows["model"] == (model or rows["model"].iloc[-1])]
alt = f"Accuracy per trait and gender of {model}"
parts.accuracy_picture(one, line="trait", colour="group", colours=GENDER_COLOURS, key="gender_traits", alt=alt)
st.caption("Clips: " + ", ".join(f"{group} {n:,}" for group, n in parts.group_sizes(one).itertuples(index=False)))
parts.accuracy_table(rows, key="gender")

parts.group_differences(table, ("gender",), trait="mean", key="gender")

st.subheader("What the original thesis reported")
st.markdown(
    "On the official test split of First Impressions, without intervals. The rows of "
    f"{' and '.join(impossible_models())} **cannot add up**: no share of men makes both groups average to the thesis's "
    "own overall figures."
)
printed = published_gender()
published = printed.pivot(index=["model", "group"], columns="trait", values="accuracy")
in_print = published.loc[list(dict.fromkeys(zip(printed["model"], printed["group"], strict=True)))]
st.dataframe(in_print[list(TRAIT_LABELS)].rename(columns=TRAIT_LABELS).style.format("{:.5f}"))
