"""Five traits as lines over the seconds of a recording, each with its interval and its last value."""

from collections.abc import Sequence

import streamlit as st

from pages.components.language import translate
from personality.inference.live_prediction import LiveAnswer
from personality.inference.predict import Impression
from personality.traits import TRAITS

TRAIT_LINES_STYLE = """
div { color: var(--st-text-color); font-family: var(--st-font); }
.row { margin: 0 0 0.5rem; }
.words { display: flex; justify-content: space-between; gap: 0.5rem; font-size: 0.9rem; }
.words b { font-weight: 600; }
.words span { font-variant-numeric: tabular-nums; }
.plot { position: relative; height: 3rem; border-bottom: 1px solid var(--st-border-color);
  border-top: 1px solid var(--st-border-color); background: var(--st-secondary-background-color); }
svg { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
@media (max-width: 640px) { .row { margin: 0 0 0.3rem; } .plot { height: 1.8rem; } }
.dot { position: absolute; width: 10px; height: 10px; margin: -5px; border-radius: 50%; }
"""
TRAIT_LINES_SCRIPT = """
const shape = (kind, points, style) => {
  const one = document.createElementNS("http://www.w3.org/2000/svg", kind)
  one.setAttribute("points", points.map((point) => point.join()).join(" "))
  one.setAttribute("style", style)
  one.setAttribute("vector-effect", "non-scaling-stroke")
  return one
}
// The picture is 1 wide and 1 high, whatever its size on the screen; values grow upwards.
const plot = (row, seconds) => {
  const place = ([time, value]) => [Math.min(time / seconds, 1), 1 - value]
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg"), last = row.points.at(-1)
  picture.setAttribute("viewBox", "0 0 1 1")
  picture.setAttribute("preserveAspectRatio", "none")
  const outline = [...row.high, ...row.low.toReversed()]
  if (outline.length) {
    // The outline shows the interval of a single prediction, too.
    const style = `fill: ${row.colour}; stroke: ${row.colour}; stroke-width: 2; opacity: 0.25`
    picture.append(shape("polygon", outline.map(place), style))
  }
  picture.append(shape("polyline", [[0, 0.5], [seconds, 0.5]].map(place),
    "fill: none; stroke: currentColor; stroke-dasharray: 2 4; opacity: 0.5"))
  picture.append(shape("polyline", row.points.map(place), `fill: none; stroke: ${row.colour}; stroke-width: 2`))
  const frame = document.createElement("div")
  frame.className = "plot"
  frame.append(picture)
  if (last) {
    const dot = document.createElement("div"), [x, y] = place(last)
    dot.className = "dot"
    dot.style = `left: ${100 * x}%; top: ${100 * y}%; background: ${row.colour}`
    frame.append(dot)
  }
  return frame
}
const draw = (row, seconds) => {
  const one = document.createElement("div"), words = document.createElement("div")
  one.className = "row"
  one.setAttribute("role", "img")
  one.setAttribute("aria-label", `${row.label}: ${row.words}`)
  one.dataset.points = row.points.length
  words.className = "words"
  words.append(document.createElement("b"), document.createElement("span"))
  words.firstChild.textContent = row.label
  words.lastChild.textContent = row.words
  one.append(words, plot(row, seconds))
  return one
}
export default function ({ data, parentElement }) {
  parentElement.querySelector(".rows").replaceChildren(...data.rows.map((row) => draw(row, data.seconds)))
}
"""

_trait_lines_component = st.components.v2.component(
    "trait_lines", html='<div class="rows"></div>', css=TRAIT_LINES_STYLE, js=TRAIT_LINES_SCRIPT
)


def draw_trait_lines(answers: Sequence[LiveAnswer], *, seconds: float, key: str) -> None:
    """Draw a small chart per trait, from 0 at the bottom to 1 at the top.

    Parameters
    ----------
    answers : sequence of LiveAnswer
        Of one model, by time; unavailable predictions are left out.
    seconds : float
        Width of the charts: the longest recording.
    key : str
        Key of this component.
    """
    predicted = [(one.seconds, one.outcome) for one in answers if isinstance(one.outcome, Impression)]
    rows = [
        _trait_row(predicted, trait.name) | {"label": translate(trait.label), "colour": trait.colour}
        for trait in TRAITS
    ]
    _trait_lines_component(data={"rows": rows, "seconds": seconds}, key=key)


def _trait_row(predicted: Sequence[tuple[float, Impression]], name: str) -> dict:
    points = [(time, one.traits[name]) for time, one in predicted]
    bounds = [(time, *one.intervals[name]) for time, one in predicted if name in one.intervals]
    value = f"{points[-1][1]:.2f}" if points else "–"
    interval = f" [{max(bounds[-1][1], 0):.2f}, {min(bounds[-1][2], 1):.2f}]" if bounds else ""
    return {
        "points": points,
        "low": [(time, max(low, 0.0)) for time, low, _ in bounds],
        "high": [(time, min(high, 1.0)) for time, _, high in bounds],
        "words": value + interval,
    }
