"""Rendering of an audit as one self-contained HTML file, without scripts, for screen and print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from personality.constants import MISUSE_WARNING
from personality.report.audit import AUDIT_CAVEATS, Audit

REPORT_TEMPLATE_FILE = "report.html.j2"


def render_report(audit: Audit) -> str:
    """The HTML of an audit. Text from the table is escaped."""
    environment = template_environment()
    environment.filters |= {"figure": _format_figure, "signed": _format_signed, "interval": _format_interval}
    environment.globals |= {"strips": draw_interval_strips, "records": lambda rows: rows.to_dict("records")}
    return environment.get_template(REPORT_TEMPLATE_FILE).render(
        audit=audit, not_for=MISUSE_WARNING, limits=AUDIT_CAVEATS
    )


def template_environment() -> Environment:
    """The environment of the templates in this folder; all text is escaped."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def draw_interval_strips(
    rows: pd.DataFrame, value: str, low: str, high: str, zero: float | None = None
) -> list[Markup]:
    """An SVG image per row: a dot with its interval, on a common scale, with a line at `zero`."""
    numbers = rows[[value, low, high]].to_numpy(float)
    ends = numbers[np.isfinite(numbers)]
    marks = [*ends, *([] if zero is None else [zero])]
    least, most = (min(marks), max(marks)) if marks else (0.0, 1.0)
    spread = (most - least) or 1.0

    def place(number: float) -> float:
        return round(4 + 152 * (number - least) / spread, 1)

    line = "" if zero is None else f'<line class="zero" x1="{place(zero)}" x2="{place(zero)}" y1="1" y2="15"/>'
    return [draw_interval_strip(tuple(row), place, line) for row in numbers]


def draw_interval_strip(row: tuple[float, ...], place: Callable[[float], float], line: str = "") -> Markup:
    """An SVG image of a value, low and high (NaN: not drawn), which `place` maps to pixels from 0 to 160. `line`: SVG
    below them."""
    middle, low, high = row
    interval = dot = ""
    if np.isfinite(low) and np.isfinite(high):
        interval = f'<line class="interval" x1="{place(low)}" x2="{place(high)}" y1="8" y2="8"/>'
    if np.isfinite(middle):
        dot = f'<circle cx="{place(middle)}" cy="8" r="3.5"/>'
    return Markup(f'<svg width="160" height="16" viewBox="0 0 160 16" aria-hidden="true">{line}{interval}{dot}</svg>')


def _format_figure(value: float) -> str:
    return "–" if value != value else f"{value:.4f}"


def _format_signed(value: float) -> str:
    return "–" if value != value else f"{value:+.4f}"


def _format_interval(bounds: tuple[float, float]) -> str:
    low, high = bounds
    return "no interval" if low != low else f"[{low:.4f}, {high:.4f}]"
