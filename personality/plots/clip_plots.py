"""Figures of a single clip: predictions, expressions, sound, explanations. Does not use Streamlit."""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from personality.plots.accuracy_plots import finish_figure
from personality.plots.count_plots import DIVERGING, colour_scale
from personality.plots.palettes import EMOTION_COLOURS, dashes, marks, model_colours
from personality.traits import EMOTIONS, TRAIT_LABELS, TRAITS

FACE_RATING_COLOUR = "#56B4E9"
# Vega expressions for narrow screens: letters for traits, and labels of rows in two lines.
TRAIT_LABEL_OR_LETTER = (
    f"width < 500 ? ({json.dumps({trait.label: trait.letter for trait in TRAITS})})[datum.label] : datum.label"
)
TWO_LINE_LABEL = "width < 500 ? split(datum.label, ': ') : datum.label"
TWO_LINE_LABEL_OFFSET = alt.ExprRef("width < 500 ? -6 : 0")  # pixels, to centre the two lines


def trait_dots(values: pd.DataFrame) -> go.Figure:
    """Dot chart of the predictions for a clip: columns model, trait, value in [0, 1], and optionally the bounds low and
    high of an interval."""
    figure = go.Figure()
    models = list(dict.fromkeys(values["model"]))
    colours, symbols = model_colours(models), marks(models)
    order = [trait.label for trait in reversed(TRAITS)]
    for model, part in values.groupby("model", sort=False):
        labels = part["trait"].map(TRAIT_LABELS)
        marker = {"size": 13, "color": colours[str(model)], "symbol": symbols[str(model)], "opacity": 0.9}
        figure.add_trace(go.Scatter(x=part["value"], y=labels, mode="markers", name=str(model), marker=marker))
        if {"low", "high"} <= set(part) and part["low"].notna().any():
            figure.data[-1].error_x = _interval_bars(part, colours[str(model)])
    for trait in TRAITS:
        for x, word, anchor in ((0, trait.low, "left"), (1, trait.high, "right")):
            figure.add_annotation(
                x=x, y=trait.label, text=word, showarrow=False, yshift=-15, xanchor=anchor, opacity=0.85
            )
    figure.update_xaxes(range=[-0.02, 1.02], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(categoryorder="array", categoryarray=order)
    return finish_figure(figure, height=380, x="predicted first impression, 0 to 1")


def _interval_bars(part: pd.DataFrame, colour: str) -> dict:
    off = {"array": part["high"] - part["value"], "arrayminus": part["value"] - part["low"]}
    return {"type": "data", **off, "color": colour, "thickness": 1, "width": 0}


def trait_radar(values: pd.DataFrame) -> go.Figure:
    """Radar chart of the same values, with an outline per model and letters for traits."""
    figure = go.Figure()
    models = list(dict.fromkeys(values["model"]))
    colours, symbols = model_colours(models), marks(models)
    letters = {trait.name: trait.letter for trait in TRAITS}
    for model, part in values.groupby("model", sort=False):
        closed = pd.concat([part, part.head(1)])
        line, theta = {"color": colours[str(model)]}, closed["trait"].map(letters)
        mark = {"symbol": symbols[str(model)], "size": 7}
        names = closed["trait"].map(TRAIT_LABELS)
        trace = go.Scatterpolar(r=closed["value"], theta=theta, name=str(model), line=line, marker=mark)
        trace.customdata = names
        figure.add_trace(trace.update(hovertemplate="%{customdata} %{r:.2f}", showlegend=False))
    axis = {"range": [0, 1], "tickvals": [0.25, 0.5, 0.75]}
    figure.update_layout(polar={"radialaxis": axis, "bgcolor": "rgba(0,0,0,0)"})
    return finish_figure(figure, height=380, x="").update_layout(margin={"l": 40, "r": 40, "t": 40, "b": 40})


def before_and_after(rows: pd.DataFrame) -> go.Figure:
    """The traits of one model before and after a change, joined by a line: columns model, trait, before, after."""
    colour = model_colours([rows["model"].iloc[0]])[rows["model"].iloc[0]]
    labelled = rows.set_index(rows["trait"].map(TRAIT_LABELS))
    figure = _paired_dots(labelled[["before", "after"]], colour, order=[trait.label for trait in TRAITS])
    figure.update_xaxes(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return finish_figure(figure, height=300, x="predicted first impression, 0 to 1")


def paired_face_ratings(ratings: pd.DataFrame) -> go.Figure:
    """The ratings of two faces, joined by a line per attribute: a row per attribute, a column per face, 0 to 1."""
    shown = 100 * ratings.rename(index=lambda name: name.replace("_", "-"))
    figure = _paired_dots(shown, FACE_RATING_COLOUR, order=list(shown.index))
    figure.update_xaxes(range=[0, 100], tickvals=[0, 25, 50, 75, 100])
    return finish_figure(figure, height=360, x="rating, 0 to 100")


def _paired_dots(values: pd.DataFrame, colour: str, *, order: list[str]) -> go.Figure:
    """An open and a filled dot per row of two columns, joined by a line; `order`: rows from top to bottom."""
    figure = go.Figure()
    for label, pair in values.iterrows():
        line = {"color": colour, "width": 3}
        figure.add_trace(go.Scatter(x=list(pair), y=[label, label], mode="lines", line=line, showlegend=False))
    for name, symbol in zip(values.columns, ("circle-open", "circle"), strict=True):
        marker = {"size": 13, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}}
        figure.add_trace(go.Scatter(x=values[name], y=values.index, mode="markers", name=name, marker=marker))
    return figure.update_yaxes(categoryorder="array", categoryarray=order[::-1])


def trait_timeline(rows: pd.DataFrame, duration: float) -> go.Figure:
    """Predictions of a trait over time, from `sliding_window`: a line per model, at the middle of each window."""
    figure = go.Figure()
    models = list(dict.fromkeys(rows["model"]))
    colours, lines = model_colours(models), dashes(models)
    for model, part in rows.groupby("model", sort=False):
        line = {"color": colours[str(model)], "dash": lines[str(model)], "width": 2}
        figure.add_trace(go.Scatter(x=part["time"], y=part["value"], mode="lines+markers", name=str(model), line=line))
    figure.update_yaxes(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_xaxes(range=[0, duration])
    return finish_figure(figure, height=280, x="middle of the window, seconds")


def change_grid(rows: pd.DataFrame) -> alt.LayerChart:
    """Effects of counterfactual changes on each trait, from the columns change, trait, value and difference."""
    rows = rows.assign(
        label=rows["trait"].map(TRAIT_LABELS),
        text=rows["difference"].map(lambda difference: f"{difference:+.3f}".replace("0.", ".", 1)),
        value=rows["value"].round(3),
    )
    far = float(max(rows["difference"].abs().max(), 0.01))
    base = alt.Chart(rows).encode(
        x=alt.X(
            "label:N",
            title=None,
            sort=[trait.label for trait in TRAITS],
            axis=alt.Axis(orient="top", labelAngle=0, labelLimit=140, labelExpr=TRAIT_LABEL_OR_LETTER),
        ),
        y=alt.Y(
            "change:N",
            title=None,
            sort=list(dict.fromkeys(rows["change"])),
            axis=alt.Axis(
                labelLimit=260, labelExpr=TWO_LINE_LABEL, labelOffset=TWO_LINE_LABEL_OFFSET, labelOverlap=False
            ),
        ),
    )
    scale = alt.Scale(range=list(DIVERGING), domain=[-far, 0, far])
    boxes = base.mark_rect(cornerRadius=4, stroke="white").encode(
        color=alt.Color("difference:Q", scale=scale, legend=None), tooltip=["change", "label", "value", "text"]
    )
    words = base.mark_text(fontSize=11).encode(text="text:N", color=alt.value("#111111"))
    return (boxes + words).properties(height=36 * rows["change"].nunique() + 40)


def occlusion_map(face: np.ndarray, rows: pd.DataFrame) -> go.Figure:
    """A face, uint8 RGB (S, S, 3), with the effect of occluding each region: columns row, column, difference."""
    cells = rows.pivot(index="row", columns="column", values="difference").to_numpy()
    side, count = len(face), len(cells)
    middles = (np.arange(count) + 0.5) * side / count
    far = float(max(np.abs(cells).max(), 1e-3))
    figure = go.Figure(go.Image(z=face, hoverinfo="skip"))
    figure.add_trace(
        go.Heatmap(
            x=middles,
            y=middles,
            z=cells,
            zmin=-far,
            zmax=far,
            colorscale=list(DIVERGING),
            opacity=0.5,
            colorbar={"title": "change", "tickformat": "+.2f", "thickness": 12},
            hovertemplate="occluded: %{z:+.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(visible=False, range=[0, side])
    figure.update_yaxes(visible=False, range=[side, 0], scaleanchor="x")
    return finish_figure(figure, height=380, x="")


def audio_occlusion_steps(rows: pd.DataFrame) -> go.Figure:
    """Effect of silencing each segment on a trait: columns model, start, end, difference; a step line per model."""
    figure = go.Figure()
    models = list(dict.fromkeys(rows["model"]))
    colours, lines = model_colours(models), dashes(models)
    for model, part in rows.groupby("model", sort=False):
        x, y = [*part["start"], part["end"].iloc[-1]], [*part["difference"], part["difference"].iloc[-1]]
        line = {"color": colours[str(model)], "dash": lines[str(model)], "width": 2, "shape": "hv"}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", name=str(model), line=line))
    figure.add_hline(y=0, line_width=1, opacity=0.5)
    figure.update_yaxes(tickformat="+.2f")
    return finish_figure(figure, height=280, x="occluded segment, seconds")


def emotion_bars(histogram: dict[str, float]) -> alt.Chart:
    """The share of the faces of a clip by dominant emotion."""
    table = pd.DataFrame({"emotion": list(histogram), "share": list(histogram.values())})
    return (
        alt.Chart(table)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X(
                "share:Q",
                title="share of faces",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", tickCount=5),
            ),
            y=alt.Y("emotion:N", title=None, sort=list(EMOTIONS), axis=alt.Axis(labelOverlap=False)),
            color=alt.Color("emotion:N", legend=None, scale=colour_scale(EMOTION_COLOURS)),
        )
        .properties(height=240)
    )


def waveform_envelope(samples: np.ndarray, columns: int) -> np.ndarray:
    """Minimum and maximum of each of `columns` equal segments of samples (N,): float32 (columns, 2)."""
    parts = samples[: len(samples) // columns * columns].reshape(columns, -1)
    return np.stack([parts.min(1), parts.max(1)], 1)


def face_ratings(ratings: dict[str, float], percentiles: dict[str, float], r2: dict[str, float]) -> alt.Chart:
    """Bar chart of predicted ratings of a face; bars of attributes with a lower R² are paler.

    Parameters
    ----------
    ratings
        By attribute, 0 to 1.
    percentiles
        By attribute, 0 to 100, among rated portraits; empty to show ratings instead.
    r2
        R² of the model by attribute, on portraits that were not used for training.
    """
    rows = [
        {
            "attribute": name.replace("_", "-"),
            "rating": round(100 * value),
            "R²": round(r2[name], 2),
            "percentile": f"above {percentiles[name]:.0f} %" if name in percentiles else "",
        }
        for name, value in ratings.items()
    ]
    shown = ["attribute", "rating", "R²", *(["percentile"] if percentiles else [])]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("rating:Q", title="rating, 0 to 100", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5)),
        y=alt.Y("attribute:N", title=None, sort="-x", axis=alt.Axis(labelOverlap=False)),
        tooltip=shown,
    )
    opacity = alt.Opacity("R²:Q", scale=alt.Scale(domain=[0, 0.8], range=[0.25, 1]), legend=None)
    bars = base.mark_bar(cornerRadiusEnd=3, color=FACE_RATING_COLOUR).encode(opacity=opacity)
    text = "percentile:N" if percentiles else "rating:Q"
    labels = base.mark_text(align="left", dx=4, color="#76838F").encode(text=text)
    return (bars + labels).properties(height=280)
