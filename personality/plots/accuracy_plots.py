"""Plotly figures of accuracy, gaps and training curves. Does not use Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from personality.analysis.gaps import SIGNIFICANCE_LEVEL
from personality.plots.palettes import dashes, marks, model_colours
from personality.traits import TRAIT_LABELS, TRAITS

BASELINE_COLOUR = "#7D8590"
# Name and marker of each baseline, by its column of `accuracy_by`.
BASELINE_MARKS = {
    "baseline": ("mean baseline", "line-ns-open"),
    "lookup": ("same-source baseline", "diamond-open"),
}
# For each measure: the title of the axis, the columns of the interval, and whether to draw a line at 0.
DOT_CHART_MEASURES = {
    "accuracy": ("accuracy (1 - mean absolute error)", ("low", "high"), False),
    "gain": ("gain over the mean baseline", ("gain_low", "gain_high"), True),
    "concordance": ("concordance with the ratings", ("concordance_low", "concordance_high"), True),
    "r2": ("R², share of the variance explained", ("r2_low", "r2_high"), True),
    "signed_error": ("predicted minus human rating", ("signed_error_low", "signed_error_high"), True),
    "actual_mean": ("mean rating", ("actual_mean_low", "actual_mean_high"), False),
}
MIN_LINE_PIXELS, DOT_SPACING_PIXELS = 46, 20  # minimum height in pixels of a line of a dot chart, and of a dot


def accuracy_dots(
    rows: pd.DataFrame,
    *,
    line: str,
    colour: str,
    colours: dict[str, str],
    measure: str = "accuracy",
    baselines: Sequence[str] = tuple(BASELINE_MARKS),
    published: pd.DataFrame | None = None,
) -> go.Figure:
    """Dot chart of a measure with intervals; for accuracy also of the baselines.

    Parameters
    ----------
    rows
        From `accuracy_by`; empty groups are not shown.
    line, colour
        The columns whose values are the lines of the chart, and the colours of dots on a line.
    colours
        The colour of each value of the column `colour`.
    measure
        A key of DOT_CHART_MEASURES.
    baselines
        Keys of BASELINE_MARKS.
    published
        Published values to mark by crosses: columns system, value, and the column `line`.
    """
    title, bounds, from_zero = DOT_CHART_MEASURES[measure]
    baselines = baselines if measure == "accuracy" else ()
    rows = rows[rows["n"] > 0]
    lines, kinds = list(dict.fromkeys(rows[line])), list(dict.fromkeys(rows[colour]))
    place = {name: -index for index, name in enumerate(lines)}
    spread = 0.0 if line == colour else 0.62
    shift = {kind: (0.5 - (i + 0.5) / len(kinds)) * spread for i, kind in enumerate(kinds)}
    figure, symbols = go.Figure(), marks(kinds)
    for kind in kinds:
        part = rows[rows[colour] == kind]
        y = part[line].map(place) + shift[kind]
        name = _name_with_count(part, kind, counted=_shows_counts(rows, colour, beside=line))
        marker = {"size": 10, "color": colours.get(kind, BASELINE_COLOUR), "symbol": symbols[kind]}
        figure.add_trace(_interval_dots(part, y, name, marker, (measure, *bounds)))
        for baseline in baselines:
            if part[baseline].notna().any():
                figure.add_trace(_baseline_marks(part, y, baseline, first=kind == kinds[0]))
    if published is not None:
        figure.add_trace(_published_marks(published, published[line].map(place)))
    counted = _shows_counts(rows, line, beside=colour)
    labels = [_name_with_count(rows[rows[line] == name], name, counted=counted) for name in lines]
    figure.update_yaxes(tickvals=list(place.values()), ticktext=labels, showgrid=False, zeroline=False)
    if from_zero:
        figure.add_vline(x=0, line_color=BASELINE_COLOUR, line_width=2)
    height = 130 + len(lines) * max(MIN_LINE_PIXELS, DOT_SPACING_PIXELS * len(kinds))
    everywhere = f", n = {rows['n'].max():,}" if rows["n"].min() == rows["n"].max() else ""
    return finish_figure(figure, height=height, x=f"{title}{everywhere}")


def _shows_counts(rows: pd.DataFrame, column: str, *, beside: str) -> bool:
    """Whether labels of a column include the number of clips: for groups, and for models that differ in it."""
    return column == "group" or (column == "model" and beside != "group" and rows["n"].min() < rows["n"].max())


def _name_with_count(part: pd.DataFrame, name: str, *, counted: bool) -> str:
    return f"{name} · n = {part['n'].max():,}" if counted else TRAIT_LABELS.get(name, name)


def _interval_dots(
    part: pd.DataFrame, y: pd.Series, name: str, marker: dict, columns: tuple[str, str, str]
) -> go.Scatter:
    value, low, high = (part[column] for column in columns)
    # For other measures, the accuracy of the baseline would be misleading.
    baseline = "<br>mean baseline %{customdata[4]:.4f}" if columns[0] == "accuracy" else ""
    return go.Scatter(
        x=value,
        y=y,
        mode="markers",
        name=name,
        marker=marker,
        error_x={
            "type": "data",
            "array": high - value,
            "arrayminus": value - low,
            "color": marker["color"],
            "thickness": 2,
            "width": 4,
        },
        customdata=np.stack([low, high, part["n"], part["sources"], part["baseline"]], 1),
        hovertemplate="%{x:.4f} [%{customdata[0]:.4f}, %{customdata[1]:.4f}]<br>%{customdata[2]} clips of "
        "%{customdata[3]} sources" + baseline + "<extra>%{fullData.name}</extra>",
    )


def _baseline_marks(part: pd.DataFrame, y: pd.Series, baseline: str, *, first: bool) -> go.Scatter:
    name, symbol = BASELINE_MARKS[baseline]
    return go.Scatter(
        x=part[baseline],
        y=y,
        mode="markers",
        name=name,
        legendgroup=baseline,
        legendrank=2000,
        showlegend=first,
        marker={"symbol": symbol, "size": 11, "color": BASELINE_COLOUR, "line": {"width": 2, "color": BASELINE_COLOUR}},
        hovertemplate="%{x:.4f}<extra>%{fullData.name}</extra>",
    )


def _published_marks(published: pd.DataFrame, y: pd.Series) -> go.Scatter:
    return go.Scatter(
        x=published["value"],
        y=y,
        mode="markers",
        name="published, without intervals",
        marker={"symbol": "x-thin-open", "size": 9, "color": BASELINE_COLOUR, "line": {"width": 1.5}},
        customdata=published[["system"]],
        hovertemplate="%{customdata[0]} %{x:.4f}<extra>published</extra>",
    )


def gap_dots(gaps: pd.DataFrame, *, colours: dict[str, str], title: str) -> go.Figure:
    """Dot chart of gaps from `compare_groups`: a line per group, a colour per model. Significant gaps are
    filled."""
    gaps = gaps[gaps["n"] > 0]
    groups, models = list(dict.fromkeys(gaps["group"])), list(dict.fromkeys(gaps["model"]))
    figure, symbols = go.Figure(), marks(models)
    for number, model in enumerate(models):
        part = gaps[gaps["model"] == model]
        y = -part["group"].map(groups.index) + (0.5 - (number + 0.5) / len(models)) * 0.62
        found = part["p_holm"].lt(SIGNIFICANCE_LEVEL)
        colour = colours.get(model, BASELINE_COLOUR)
        error = {"array": part["high"] - part["gap"], "arrayminus": part["gap"] - part["low"], "color": colour}
        marker = {"size": 11, "color": colour, "symbol": _filled_where(found, symbols[model]), "line": {"width": 2}}
        figure.add_trace(
            go.Scatter(
                x=part["gap"],
                y=y,
                mode="markers",
                name=model,
                marker=marker,
                error_x={"type": "data", "thickness": 2, "width": 4, **error},
                customdata=part[["verdict"]].map(escape),
                hovertemplate="%{x:+.4f}<br>%{customdata[0]}<extra>%{fullData.name}</extra>",
            )
        )
    labels = [f"{group} · n = {gaps.loc[gaps['group'] == group, 'n'].max():,}" for group in groups]
    figure.update_yaxes(tickvals=[-i for i in range(len(groups))], ticktext=labels, showgrid=False, zeroline=False)
    figure.add_vline(x=0, line_color=BASELINE_COLOUR, line_width=2)
    return finish_figure(
        figure, height=130 + len(groups) * max(MIN_LINE_PIXELS, DOT_SPACING_PIXELS * len(models)), x=title
    )


def _filled_where(found: pd.Series, mark: str) -> np.ndarray:
    return np.where(found, mark, f"{mark}-open")


LOSS_CURVES = {"loss": ("training", BASELINE_COLOUR), "validation_loss": ("validation", "#0072B2")}
TRAIT_CURVES = {f"accuracy_{trait.name}": (trait.label, trait.colour) for trait in TRAITS}


def training_curves(
    metrics: pd.DataFrame, curves: dict[str, tuple[str, str]], *, best_epoch: int | None, smoothing: float, title: str
) -> go.Figure:
    """Training curves of a run.

    Parameters
    ----------
    metrics
        A row per epoch.
    curves
        The name and the colour of each column to show.
    best_epoch
        The epoch to mark, if any.
    smoothing
        Weight of previous epochs in an exponential moving average, in [0, 1). Unsmoothed curves are shown faintly.
    title
        Title of the y axis.
    """
    figure = go.Figure()
    for column, (name, colour) in curves.items():
        if smoothing:
            faint = {"color": colour, "width": 1}
            trace = go.Scatter(x=metrics["epoch"], y=metrics[column], mode="lines", line=faint, opacity=0.3)
            figure.add_trace(trace.update(showlegend=False, hoverinfo="skip"))
        smooth = metrics[column].ewm(alpha=1 - smoothing).mean()
        line = {"color": colour, "width": 2}
        figure.add_trace(go.Scatter(x=metrics["epoch"], y=smooth, mode="lines", name=name, line=line))
    for stage in metrics["stage"].unique()[1:]:
        figure.add_vline(
            x=float(metrics.loc[metrics["stage"] == stage, "epoch"].iloc[0]) - 0.5, line_dash="dot", opacity=0.4
        )
    if best_epoch:
        figure.add_vline(x=best_epoch, line_color="#009E73", annotation_text="best", opacity=0.7)
    figure.update_yaxes(title=title)
    return finish_figure(figure, height=280, x="epoch")


def run_comparison_curves(metrics: pd.DataFrame) -> go.Figure:
    """Validation accuracy per epoch of several runs, from the columns run, epoch and accuracy."""
    figure = go.Figure()
    runs = list(metrics["run"].unique())
    colours, lines = model_colours(runs), dashes(runs)
    for run, part in metrics.groupby("run", sort=False):
        line = {"color": colours[str(run)], "dash": lines[str(run)], "width": 2}
        figure.add_trace(go.Scatter(x=part["epoch"], y=part["accuracy"], mode="lines", name=str(run), line=line))
    figure.update_yaxes(title="validation accuracy")
    return finish_figure(figure, height=280, x="epoch")


def finish_figure(figure: go.Figure, *, height: int, x: str) -> go.Figure:
    """Apply the common layout: height in pixels, title of the x axis, margins, legend above. Names are escaped, because
    plotly renders HTML in them."""
    figure.for_each_trace(lambda trace: trace.update(name=escape(trace.name)) if trace.name else None)
    figure.for_each_yaxis(lambda axis: axis.update(ticktext=[escape(text) for text in axis.ticktext or ()] or None))
    figure.update_xaxes(title=x)
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )
    return figure
