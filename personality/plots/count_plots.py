"""Altair charts of counts, shares and heatmaps. Does not use Streamlit."""

from __future__ import annotations

import altair as alt
import pandas as pd

from personality.plots.palettes import EMOTION_COLOURS, GROUP_COLOURS
from personality.traits import EMOTIONS

SPLIT_COLOURS = {"training": "#8C8C8C", "validation": "#0072B2", "test": "#E69F00"}
SEQUENTIAL = ("#EAF3FB", "#56A3D9")  # light enough for text on it
DIVERGING = ("#E69F00", "#F4F4F4", "#56B4E9")


def heatmap(
    cells: pd.DataFrame, *, names: tuple[str, str], title: str, around: float | None, baselines: bool
) -> alt.LayerChart:
    """Clickable heatmap of groups; small groups are faint.

    Parameters
    ----------
    cells
        From `drilldown.heatmap_cells`.
    names
        Titles of the rows and the columns.
    title
        Title of the colour legend.
    around
        Centre of a diverging colour scale; None for a sequential one.
    baselines
        Whether the tooltip shows the accuracy of the baselines.
    """
    scale = alt.Scale(range=list(SEQUENTIAL))
    if around is not None:
        far = float((cells["value"] - around).abs().max() or 1)
        scale = alt.Scale(range=list(DIVERGING), domain=[around - far, around, around + far])
    order = {part: list(dict.fromkeys(cells[part])) for part in ("row", "column")}
    base = alt.Chart(cells).encode(
        x=alt.X("column:N", title=names[1], sort=order["column"], axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("row:N", title=names[0], sort=order["row"]),
    )
    figures = ("value", "low", "high", *(("baseline", "lookup") if baselines else ()))
    tooltip = ["group", "n", "sources", *(alt.Tooltip(f"{figure}:Q", format=".4f") for figure in figures)]
    boxes = base.mark_rect(cornerRadius=4, stroke="white").encode(
        color=alt.Color(
            "value:Q", scale=scale, title=title, legend=alt.Legend(orient="bottom", direction="horizontal")
        ),
        opacity=alt.condition("datum.small", alt.value(0.45), alt.value(1.0)),
        tooltip=tooltip,
    )
    boxes = boxes.add_params(alt.selection_point(name="cell", fields=["group"]))
    background = base.mark_rect(cornerRadius=4, fill=DIVERGING[1])  # so that faint cells are pale on dark pages too
    words = base.mark_text(fontSize=12, lineBreak="\n").encode(text="text:N", color=alt.value("#111111"))
    return (background + boxes + words).properties(height=64 * len(order["row"]) + 110)


def group_counts(counts: pd.DataFrame, *, title: str, colours: dict[str, str] | None = None) -> alt.Chart:
    """Number of clips per group, from the columns group and n, in the given order."""
    colour = alt.Color("group:N", legend=None, scale=colour_scale(colours)) if colours else alt.value(GROUP_COLOURS[0])
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("group:N", title=title, sort=list(counts["group"]), axis=alt.Axis(labelAngle=0)),
            y=alt.Y("n:Q", title="clips"),
            color=colour,
            tooltip=["group", "n"],
        )
        .properties(height=220)
    )


def plot_label_distribution(rows: pd.DataFrame) -> alt.LayerChart:
    """Distribution of the labels of a trait per split: columns split, value, share, n, mean. Vertical lines: means."""
    colour = alt.Color("split:N", scale=colour_scale(SPLIT_COLOURS), legend=None)
    shape = alt.Chart(rows).mark_line(interpolate="step", strokeWidth=2)
    shape = shape.encode(
        x=alt.X("value:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(values=[0, 0.5, 1])),
        y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=3)),
        color=colour,
        tooltip=["split", alt.Tooltip("value:Q", format=".3f"), alt.Tooltip("share:Q", format=".1%"), "n"],
    )
    means = alt.Chart(rows.drop_duplicates("split")).mark_rule(strokeDash=[4, 3])
    return (shape + means.encode(x="mean:Q", color=colour)).properties(height=150)


def attribute_bars(counts: pd.DataFrame) -> alt.Chart:
    """The share of each split's clips in each group: columns group, split, n, share."""
    splits = list(SPLIT_COLOURS)
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("group:N", title=None, sort=list(dict.fromkeys(counts["group"])), axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("split:N", sort=splits),
            y=alt.Y("share:Q", title="share of the split's clips", axis=alt.Axis(format="%")),
            color=alt.Color("split:N", scale=colour_scale(SPLIT_COLOURS), sort=splits, title=None),
            tooltip=["group", "split", "n", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=260)
    )


def emotion_confidence(counts: pd.DataFrame) -> alt.Chart:
    """Clips per range of confidence, stacked by dominant emotion: columns emotion, range, n."""
    return (
        alt.Chart(counts)
        .mark_bar()
        .encode(
            x=alt.X("range:N", title="confidence of the dominant emotion", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("n:Q", title="clips"),
            color=alt.Color("emotion:N", scale=colour_scale(EMOTION_COLOURS), sort=list(EMOTIONS)),
            tooltip=["emotion", "range", "n"],
        )
        .properties(height=260)
    )


def colour_scale(colours: dict[str, str]) -> alt.Scale:
    """An altair scale that maps names to colours."""
    return alt.Scale(domain=list(colours), range=list(colours.values()))
