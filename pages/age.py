"""Age: accuracy per age range, and the number of clips in each."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, group_differences, real_figures, report_button, table_picker
from personality.analysis.real_figures import RealFigures
from personality.plots import count_plots
from personality.traits import TRAIT_LABELS

analysis_widgets.draw_page_header(
    "Accuracy by age",
    "Ages are grouped into eight ranges. They were annotated by people; where the annotation is missing, age is "
    "estimated from the face.",
    notice=False,
)
data = table_picker.choose_data()
by = ("age_group",)
if isinstance(data, pd.DataFrame) and "age" in data:
    edges = st.text_input(
        "Custom age ranges",
        key="age_edges",
        bind="query-params",
        placeholder="25, 40",
        help="Ages at which to split, separated by commas. Leave empty for the eight default ranges.",
    )
    by = (f"age:{edges.replace(' ', '')}",) if edges.strip() else by
measure = analysis_widgets.choose_measure(data)
rows = analysis_widgets.accuracy_rows(data, by)
analysis_widgets.warn_estimated_attribute(data, by[0].partition(":")[0])
if isinstance(data, RealFigures):
    st.header("Findings")
    real_figures.draw_findings(data, by)

st.header("Clips per age range")
st.altair_chart(
    count_plots.group_counts(analysis_widgets.group_sizes(rows), title="years"),
    width="stretch",
    alt="Number of clips per age range",
)
analysis_widgets.warn_small_groups(rows)

st.header(analysis_widgets.MEASURE_LABELS[measure])
trait = st.selectbox(
    "Trait",
    rows["trait"].unique(),
    index=5,
    format_func=TRAIT_LABELS.__getitem__,
    key="trait",
    bind="query-params",
)
one, alt = (
    rows[rows["trait"] == trait],
    f"{analysis_widgets.MEASURE_LABELS[measure]} per age range and model with intervals",
)
draw = partial(
    analysis_widgets.draw_measure_chart, colour="model", colours=table_picker.colours_by_model(data), measure=measure
)
draw(one, line="group", key="age", alt=alt)
analysis_widgets.explain_dot_chart(measure)
analysis_widgets.draw_table_expander(rows, key="age")
analysis_widgets.show_group_sum_check(data, rows, by)
group_differences.draw_group_differences(data, by, trait=trait, measure=measure, key="age")
report_button.offer_audit_download(data)
