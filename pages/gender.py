"""Gender and ethnicity: accuracy for each group, average and per trait."""

from functools import partial

import streamlit as st

from pages.components import analysis_widgets, group_differences, real_figures, report_button, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.consistency_checks import find_misprinted_models
from personality.analysis.group_assignment import GROUP_SEPARATOR
from personality.analysis.published import published_gender
from personality.analysis.real_figures import RealFigures
from personality.plots import palettes
from personality.traits import TRAIT_LABELS

GENDER_PAGE_GROUPINGS = (("gender",), ("ethnicity",), ("gender", "ethnicity"))


def choose_gender_groupings(data: table_picker.AnalysisData) -> tuple[str, ...]:
    """Let the visitor group by gender, ethnicity or both, as far as the data include them."""
    names = {
        GROUP_SEPARATOR.join(by): by
        for by in GENDER_PAGE_GROUPINGS
        if by == GENDER_PAGE_GROUPINGS[0] or all(table_picker.has_several_groups(data, name) for name in by)
    }
    if len(names) == 1:
        return GENDER_PAGE_GROUPINGS[0]
    first = GROUP_SEPARATOR.join(GENDER_PAGE_GROUPINGS[0])
    chosen = st.segmented_control(
        "Groups",
        list(names),
        default=first,
        required=True,
        format_func=escape_markdown,
        key="groups",
        bind="query-params",
    )
    return names[chosen]


analysis_widgets.draw_page_header(
    "Accuracy by gender and ethnicity",
    "For which groups does each model make larger errors, and in which direction? Gender and ethnicity were annotated "
    "by people. Where the annotation is missing, gender is estimated from the face.",
    notice=False,
)
data = table_picker.choose_data()
by = choose_gender_groupings(data)
measure = analysis_widgets.choose_measure(data)
rows = analysis_widgets.accuracy_rows(data, by)
if isinstance(data, RealFigures):
    st.header("Findings")
    real_figures.draw_findings(data, by)
analysis_widgets.warn_estimated_attribute(data, "gender")
analysis_widgets.warn_small_groups(rows)
analysis_widgets.show_group_sum_check(data, rows, by)

st.header("Average of the traits")
means = rows[rows["trait"] == "mean"]
colours = palettes.group_colours(list(rows["group"].unique()))
label, groups = analysis_widgets.MEASURE_LABELS[measure], " and ".join(by)
alt = f"{label} per model and {groups} with intervals, mean of the traits"
draw = partial(analysis_widgets.draw_measure_chart, colour="group", colours=colours, measure=measure)
draw(means, line="model", key="gender_mean", alt=alt)
analysis_widgets.explain_dot_chart(measure)

st.header("By trait")
models = list(rows["model"].unique())
model = st.selectbox("Model", models, index=len(models) - 1, key="gender_model", bind="query-params")
one = rows[rows["model"] == model]
draw(one, line="trait", key="gender_traits", alt=f"{label} per trait and {groups} of {model}")
sizes = analysis_widgets.group_sizes(one).itertuples(index=False)
st.caption("Number of clips: " + ", ".join(f"{escape_markdown(group)} {n:,}" for group, n in sizes))
analysis_widgets.draw_table_expander(rows, key="gender")

group_differences.draw_group_differences(data, by, trait="mean", measure=measure, key="gender")

if by == GENDER_PAGE_GROUPINGS[0]:
    st.header("What the original thesis reported")
    st.markdown(
        "On the official test split of First Impressions, without intervals. The rows of "
        f"{escape_markdown(' and '.join(find_misprinted_models()))} **are inconsistent**: no proportion of men and "
        "women averages to the overall accuracy that the thesis reports."
    )
    printed = published_gender()
    published = printed.pivot(index=["model", "group"], columns="trait", values="accuracy")
    in_print = published.loc[list(dict.fromkeys(zip(printed["model"], printed["group"], strict=True)))]
    st.dataframe(in_print[list(TRAIT_LABELS)].rename(columns=TRAIT_LABELS).style.format("{:.5f}"))
report_button.offer_audit_download(data)
