"""Age: accuracy per age range and how the ages are spread."""

import streamlit as st

from pages import bar, parts
from personality import charts, count_charts

parts.frame(
    "Accuracy by age",
    "Ages in eight ranges, as annotated by people, or as estimated from the faces where nobody did.",
    notice=False,
)
table = bar.choose_table()
by = ("age_group",)
if "age" in table:
    edges = st.text_input(
        "Other ranges",
        key="age_edges",
        bind="query-params",
        placeholder="25, 40",
        help="Years at which to cut, or empty",
    )
    by = (f"age:{edges.replace(' ', '')}",) if edges.strip() else by
rows = parts.accuracy_rows(table, by)
parts.who_said(table, by[0].partition(":")[0])

st.subheader("How many clips of each age")
st.altair_chart(
    count_charts.group_counts(parts.group_sizes(rows), title="years"),
    width="stretch",
    alt="Number of clips per age range",
)
parts.warn_small(rows)

st.subheader("Accuracy")
trait = st.selectbox(
    "Trait",
    rows["trait"].unique(),
    index=5,
    format_func=charts.TRAIT_LABELS.__getitem__,
    key="trait",
    bind="query-params",
)
colours = bar.colours(table)
one, alt = rows[rows["trait"] == trait], "Accuracy per age range and model with intervals"
parts.accuracy_picture(one, line="group", colour="model", colours=colours, key="age", alt=alt)
parts.how_to_read()
parts.accuracy_table(rows, key="age")
parts.adds_up(table, rows, by)
parts.group_differences(table, by, trait=trait, key="age")
