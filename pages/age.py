"""Age: accuracy per age range and how the ages are spread."""

from functools import partial

import pandas as pd
import streamlit as st

from pages import bar, group_gaps, parts, real_people, report
from personality import charts, count_charts
from personality.analysis.real_figures import RealFigures

parts.frame(
    "Accuracy by age",
    "Ages in eight ranges, as annotated by people, or as estimated from the faces where nobody did.",
    notice=False,
)
data = bar.choose_data()
by = ("age_group",)
if isinstance(data, pd.DataFrame) and "age" in data:
    edges = st.text_input(
        "Other ranges",
        key="age_edges",
        bind="query-params",
        placeholder="25, 40",
        help="Years at which to cut, or empty",
    )
    by = (f"age:{edges.replace(' ', '')}",) if edges.strip() else by
measure = parts.choose_measure(data)
rows = parts.accuracy_rows(data, by)
parts.who_said(data, by[0].partition(":")[0])
if isinstance(data, RealFigures):
    st.subheader("Findings")
    real_people.findings(data, by)

st.subheader("How many clips of each age")
st.altair_chart(
    count_charts.group_counts(parts.group_sizes(rows), title="years"),
    width="stretch",
    alt="Number of clips per age range",
)
parts.warn_small(rows)

st.subheader(parts.MEASURE_LABELS[measure])
trait = st.selectbox(
    "Trait",
    rows["trait"].unique(),
    index=5,
    format_func=charts.TRAIT_LABELS.__getitem__,
    key="trait",
    bind="query-params",
)
one, alt = rows[rows["trait"] == trait], f"{parts.MEASURE_LABELS[measure]} per age range and model with intervals"
draw = partial(parts.accuracy_picture, colour="model", colours=bar.colours(data), measure=measure)
draw(one, line="group", key="age", alt=alt)
parts.how_to_read(measure)
parts.accuracy_table(rows, key="age")
parts.adds_up(data, rows, by)
group_gaps.group_differences(data, by, trait=trait, measure=measure, key="age")
report.offer_report(data)
