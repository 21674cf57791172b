"""Explore: any measure by any one or two attributes, down to the individual clip."""

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, group_differences, real_figures, report_button, table_picker
from pages.components.plain_text import escape_markdown
from personality.analysis.drilldown import find_worst_cell, heatmap_cells, list_clip_values, list_group_clips
from personality.analysis.group_assignment import groups_by_name, list_attributes
from personality.analysis.real_figures import RealFigures
from personality.constants import IMPRESSION_NOTICE
from personality.plots import clip_plots, count_plots
from personality.preprocessing.find_clip import find_clip
from personality.traits import MAX_ATTRIBUTE_VALUES, TRAIT_LABELS
from personality.utils.public_mode import is_public

HEATMAP_MEASURES = {
    "accuracy": ("Accuracy", ("low", "high"), None),
    "gain": ("Gain over the mean baseline", ("gain_low", "gain_high"), 0.0),
    "signed_error": ("Over- and underrating", ("signed_error_low", "signed_error_high"), 0.0),
    "concordance": ("Concordance", ("concordance_low", "concordance_high"), None),
    "pearson": ("Correlation", ("pearson_low", "pearson_high"), None),
    "actual_mean": ("Mean human rating", ("actual_mean_low", "actual_mean_high"), None),
}
CLIP_COLUMN_LABELS = {"error": "error", "predicted": "predicted", "actual": "rated by people"}
HEATMAP_MEASURE_LABELS = {name: label for name, (label, *_) in HEATMAP_MEASURES.items()}


def choose_crossed_attributes(table: pd.DataFrame) -> tuple[str, ...]:
    """Let the visitor choose one or two attributes; numeric ones are split at the values entered.

    The attribute with more groups comes first and becomes the rows of the heatmap, which then fits a narrow screen.
    """
    numbers = [name for name in list_attributes(table) if table[name].dtype.kind in "fi"]
    words = [
        name for name in list_attributes(table) if name not in numbers and table[name].nunique() <= MAX_ATTRIBUTE_VALUES
    ]
    choices = [*words, *numbers]
    if not choices:
        st.warning("This table has no attributes to group by, such as gender or age.")
        st.stop()
    chosen = st.multiselect(
        "Attributes (one or two)",
        choices,
        default=[name for name in ("gender", "age_group") if name in choices] or choices[:1],
        max_selections=2,
        key="by",
        bind="query-params",
    )
    by = []
    for name in chosen or choices[:1]:
        if name in numbers:
            middle = f"{table[name].median():g}"
            edges = st.text_input(
                f"Split {escape_markdown(name)} at",
                middle,
                key=f"edges_{name}",
                bind="query-params",
                help="Values separated by commas, for example 10, 20",
            )
            by.append(f"{name}:{edges.replace(' ', '')}")
        else:
            by.append(name)
    return tuple(sorted(by, key=lambda name: table[name].nunique() if name in table else name.count(","), reverse=True))


def format_attribute_name(attribute: str) -> str:
    """The name of an attribute for display: `age:25,40` becomes age."""
    return attribute.partition(":")[0].replace("_", " ")


def select_clicked_cell() -> None:
    """Select the clicked cell of the heatmap; a second click on it changes nothing."""
    cells = st.session_state["explore_heatmap"]["selection"].get("cell", [])
    if cells:
        st.session_state["cell"] = cells[0]["group"]


analysis_widgets.draw_page_header(
    "Explore",
    "Combine two attributes, find the groups with the largest errors, and look at their clips.",
    notice=False,
)
table = table_picker.choose_data(baselines=False)
if isinstance(table, RealFigures):
    real_figures.offer_practice_data(
        "This page shows individual clips, and the clips of real people are not included. Their results by group "
        "are on *Traits*, *Gender and ethnicity* and *Age*.",
        table_picker.PRACTICE_DATA_LABEL,
    )
    st.stop()
left, right = st.columns(2)
with left:
    by = choose_crossed_attributes(table)
with right:
    figure = st.selectbox(
        "Measure in the heatmap",
        list(HEATMAP_MEASURES),
        format_func=HEATMAP_MEASURE_LABELS.__getitem__,
        key="figure",
        bind="query-params",
    )
rows = analysis_widgets.accuracy_rows(table, by)
models = list(rows["model"].unique())
model = left.selectbox("Model", models, index=len(models) - 1, key="model", bind="query-params")
trait = right.selectbox(
    "Trait",
    rows["trait"].unique(),
    index=5,
    format_func=TRAIT_LABELS.__getitem__,
    key="trait",
    bind="query-params",
)

label, bounds, around = HEATMAP_MEASURES[figure]
groups = groups_by_name(table, by)
cells = heatmap_cells(rows, groups, model=model, trait=trait, figure=figure, bounds=bounds)
chart = count_plots.heatmap(
    cells,
    names=(format_attribute_name(by[0]), format_attribute_name(by[1]) if len(by) > 1 else ""),
    title=label,
    around=around,
    baselines=figure == "accuracy",
)
alt = f"{label} of {model} on {TRAIT_LABELS[trait]} in each cell of {' and '.join(by)}, with numbers of clips"
st.altair_chart(
    chart, width="stretch", key="explore_heatmap", on_select=select_clicked_cell, selection_mode="cell", alt=alt
)
baselines = ""
if figure == "accuracy":
    baselines = ", the mean baseline and the same-source baseline on its clips"
st.caption(
    f"Colour: {label.lower()}. Faint cells have fewer than 30 clips; interpret them with caution. Hover over a cell "
    f"for its 95 % interval{baselines}. **Click a cell** to see its clips."
)
analysis_widgets.show_group_sum_check(table, rows, by)
analysis_widgets.draw_table_expander(rows, key="explore")

st.header("Clips in a cell")
names = list(cells["group"])
worst = find_worst_cell(cells, figure)
if st.session_state.get("cell") not in names:
    st.session_state["cell"] = worst
name = st.selectbox("Cell", names, key="cell", bind="query-params")
clips = list_group_clips(table, by, groups[name], model=model, trait=trait)
st.caption(
    f"{'The group with the worst value among those with 30 clips or more. ' if name == worst else ''}"
    f"n = {len(clips):,} clips from {clips['source'].nunique():,} videos, sorted by mean absolute error of "
    f"{escape_markdown(model)} ({TRAIT_LABELS[trait]}), largest first. Select a row to see the clip."
)
event = st.dataframe(
    clips,
    hide_index=True,
    height=260,
    key="explore_clips",
    on_select="rerun",
    selection_mode="single-row",
    column_config={
        name: st.column_config.NumberColumn(label, format="%.3f") for name, label in CLIP_COLUMN_LABELS.items()
    },
)
chosen = event["selection"]["rows"]
if chosen and chosen[0] < len(clips):
    clip = clips["clip"].iloc[chosen[0]]
    st.markdown(f"**{escape_markdown(clip)}**")
    st.markdown(IMPRESSION_NOTICE)
    video, ratings = st.columns([2, 3])
    file = None if is_public() else find_clip(clip)
    if file is None:
        why = "is not shown on a public server" if is_public() else "was not found in any dataset of the workspace"
        video.caption(f"The video {why}.")
    else:
        video.video(file if isinstance(file, bytes) else str(file))
    dots = clip_plots.trait_dots(list_clip_values(table, clip))
    ratings.plotly_chart(
        dots,
        width="stretch",
        key="explore_said",
        alt=f"Human ratings and predictions for {clip}",
        config=analysis_widgets.PLOTLY_CONFIG,
    )

measure = analysis_widgets.choose_measure(table)
group_differences.draw_group_differences(table, by, trait=trait, measure=measure, key="explore")
report_button.offer_audit_download(table)
