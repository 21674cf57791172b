"""Traits: accuracy per trait and model, compared with published results."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, report_button, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.published import published_table
from personality.predictions.predictions_table import SOURCE_IN_TRAINING
from personality.traits import TRAIT_LABELS

analysis_widgets.draw_page_header(
    "Accuracy by trait", "How close each model's predictions are to human ratings, for each trait.", notice=False
)
data = table_picker.choose_data()
measure = analysis_widgets.choose_measure(data)
rows = analysis_widgets.accuracy_rows(data, ())
colours = table_picker.colours_by_model(data)
show_published = measure == "accuracy" and st.toggle("Show published systems", key="published", bind="query-params")
published = published_table().melt("system", var_name="trait", value_name="value") if show_published else None
alt = f"{analysis_widgets.MEASURE_LABELS[measure]} per trait and model with intervals"
draw = partial(analysis_widgets.draw_measure_chart, colour="model", colours=colours, measure=measure)
draw(rows, line="trait", published=published, key="traits", alt=alt)
analysis_widgets.explain_dot_chart(measure)
analysis_widgets.draw_table_expander(rows, key="traits")

if len(rows["model"].unique()) > 1:
    st.header("Comparison of models")
    models = list(rows["model"].unique())
    reference = st.selectbox("Compare with", models, index=len(models) - 1, key="against", bind="query-params")
    against = analysis_widgets.model_differences(data, reference)
    for row in against[against["trait"] == "mean"].to_dict("records"):
        size = f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        verdict = "" if row["low"] > 0 or row["high"] < 0 else ": no significant difference"
        pair = f"**{escape_markdown(row['model'])}** minus {escape_markdown(reference)}"
        st.markdown(f"- {pair}, n = {row['n']:,}: {size}{verdict}")
    st.caption(
        "Difference in accuracy (mean of the traits) on the clips that both models predict, with its 95 % interval."
    )
    analysis_widgets.draw_table_expander(against, key="against_figures")

if table_picker.has_several_groups(data, SOURCE_IN_TRAINING):
    st.header("Videos seen and unseen in training")
    st.markdown(
        "All clips cut from one video show the same person in the same setting. If some of them were used in training, "
        "a model can do well on the others by recognising the video. The diamond, the "
        "[same-source baseline](about#terms), shows the accuracy that this alone can reach."
    )
    disjoint = analysis_widgets.accuracy_rows(data, (SOURCE_IN_TRAINING,)).replace({"group": table_picker.SEEN_LABELS})
    means = disjoint[disjoint["trait"] == "mean"]
    label = analysis_widgets.MEASURE_LABELS[measure]
    alt = f"{label} per model on clips of videos seen and unseen in training, with intervals"
    draw(means, line="group", key="disjoint", alt=alt)
    sizes = means.groupby("group", sort=False)[["n", "sources"]].max()
    st.caption(
        "; ".join(
            f"{escape_markdown(name)}: {row.n:,} clips of {row.sources:,} sources" for name, row in sizes.iterrows()
        )
    )
    analysis_widgets.draw_table_expander(disjoint, key="disjoint")

st.header("Comparison with published results")
st.markdown(
    "The first table shows the data selected above. The second shows results published by others on the official test "
    "split of First Impressions. **Accuracies measured on different data cannot be compared directly.** The best value "
    "in each column is bold."
)


def bold_best(column: pd.Series) -> list[str]:
    """The CSS of each cell: bold for the best value of the column."""
    return ["font-weight: bold" if value == column.max() else "" for value in column]


ours = rows.pivot(index="model", columns="trait", values="accuracy").reindex(rows["model"].unique())
for name, part in (("The data selected above", ours), ("Published", published_table().set_index("system"))):
    st.markdown(f"**{escape_markdown(name)}**")
    shown = part[list(TRAIT_LABELS)].rename(columns=TRAIT_LABELS)
    st.dataframe(shown.style.format("{:.4f}").apply(bold_best))
counts = ", ".join(
    f"{escape_markdown(model)} {n:,}" for model, n in rows.groupby("model", sort=False)["n"].max().items()
)
st.caption(
    f"Number of clips: {counts}. Intervals are in the chart above; the published results come without intervals."
)
report_button.offer_audit_download(data)
