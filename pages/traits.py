"""Traits: accuracy per trait and model, beside what others published."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, report_button, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.published import published_table
from personality.predictions.predictions_table import SOURCE_IN_TRAINING
from personality.traits import TRAIT_LABELS

analysis_widgets.draw_page_header(
    "Accuracy by trait", "How near each model comes to what people said, trait by trait.", notice=False
)
data = table_picker.choose_data()
measure = analysis_widgets.choose_measure(data)
rows = analysis_widgets.accuracy_rows(data, ())
colours = table_picker.colours_by_model(data)
beside = measure == "accuracy" and st.toggle("Draw published systems beside ours", key="published", bind="query-params")
published = published_table().melt("system", var_name="trait", value_name="value") if beside else None
alt = f"{analysis_widgets.MEASURE_LABELS[measure]} per trait and model with intervals"
draw = partial(analysis_widgets.draw_measure_chart, colour="model", colours=colours, measure=measure)
draw(rows, line="trait", published=published, key="traits", alt=alt)
analysis_widgets.explain_dot_chart(measure)
analysis_widgets.draw_table_expander(rows, key="traits")

if len(rows["model"].unique()) > 1:
    st.subheader("Models against each other")
    models = list(rows["model"].unique())
    reference = st.selectbox("Against", models, index=len(models) - 1, key="against", bind="query-params")
    against = analysis_widgets.model_differences(data, reference)
    for row in against[against["trait"] == "mean"].to_dict("records"):
        size = f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        seen = "" if row["low"] > 0 or row["high"] < 0 else ": no significant difference"
        st.markdown(
            f"- **{escape_markdown(row['model'])}** minus {escape_markdown(reference)}, n = {row['n']:,}: {size}{seen}"
        )
    st.caption("Mean of the traits, on clips that both predict; 95 % intervals of their differences.")
    analysis_widgets.draw_table_expander(against, key="against_figures")

if table_picker.has_several_groups(data, SOURCE_IN_TRAINING):
    st.subheader("Sources that were trained on, and sources that were not")
    st.markdown(
        "Clips of one video show one person in one room. Where other clips of the same video were in training, a model "
        "can do well by knowing the video. The diamond shows what that alone is worth."
    )
    disjoint = analysis_widgets.accuracy_rows(data, (SOURCE_IN_TRAINING,)).replace({"group": table_picker.SEEN_LABELS})
    means = disjoint[disjoint["trait"] == "mean"]
    label = analysis_widgets.MEASURE_LABELS[measure]
    alt = f"{label} per model on clips of sources seen and unseen in training, with intervals"
    draw(means, line="group", key="disjoint", alt=alt)
    sizes = means.groupby("group", sort=False)[["n", "sources"]].max()
    st.caption(
        "; ".join(
            f"{escape_markdown(name)}: {row.n:,} clips of {row.sources:,} sources" for name, row in sizes.iterrows()
        )
    )
    analysis_widgets.draw_table_expander(disjoint, key="disjoint")

st.subheader("Beside published figures")
st.markdown(
    "The first table is of the data chosen above; the published ones on the official test split of First Impressions. "
    "**Figures on different data cannot be compared number by number**; those on the same data can. "
    "Best of each column in bold."
)


def bold_best(column: pd.Series) -> list[str]:
    """A style per cell: the best of a column in bold."""
    return ["font-weight: bold" if value == column.max() else "" for value in column]


ours = rows.pivot(index="model", columns="trait", values="accuracy").reindex(rows["model"].unique())
for name, part in (("The data chosen above", ours), ("Published", published_table().set_index("system"))):
    st.markdown(f"**{escape_markdown(name)}**")
    shown = part[list(TRAIT_LABELS)].rename(columns=TRAIT_LABELS)
    st.dataframe(shown.style.format("{:.4f}").apply(bold_best))
counts = ", ".join(
    f"{escape_markdown(model)} {n:,}" for model, n in rows.groupby("model", sort=False)["n"].max().items()
)
st.caption(f"Clips: {counts}; intervals in the chart above. The published systems give no intervals.")
report_button.offer_audit_download(data)
