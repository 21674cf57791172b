"""Translation of the texts in charts: titles of axes, names, labels, and what appears under the pointer."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import altair as alt
import numpy as np
import plotly.graph_objects as go

from pages.components.language import SOURCE_LANGUAGE, page_language, translate
from pages.components.library_texts import translate_library_text
from personality.traits import TRAITS

Chart = TypeVar("Chart", alt.Chart, alt.LayerChart)
ABBREVIATED_LETTERS = 2  # of a trait; initials of the translated names are not unique
HOVER_MARKUP = re.compile(r"(%\{[^}]*\}|<[^>]*>|: )")  # between the words of a template of Plotly
QUOTED_TEXT = re.compile(r'"([^"]*)"')  # in an expression of Vega
# Keys whose values are not shown: names of columns, encoded numbers and pictures, Plotly's defaults.
HIDDEN_KEYS = ("field", "type", "$schema", "bdata", "dtype", "source", "template")


def translate_figure(figure: go.Figure) -> go.Figure:
    """A Plotly figure with its texts in the language of the page; the same figure if that is English."""
    if page_language() == SOURCE_LANGUAGE:
        return figure
    return go.Figure(_translate_values(figure.to_dict(), _abbreviate_traits()))


def translate_chart(chart: Chart) -> Chart:
    """An Altair chart with its texts in the language of the page; the same chart if that is English."""
    if page_language() == SOURCE_LANGUAGE:
        return chart
    # Traits are columns of these charts, so their names have one word.
    short = {trait.label: translate(trait.label).split()[0] for trait in TRAITS}
    return type(chart).from_dict(_translate_values(chart.to_dict(), _abbreviate_traits() | short))


def _translate_values(value: Any, names: dict[str, str]) -> Any:
    """A value in the JSON of a figure, with its texts translated; `names` replace texts of the library."""
    if isinstance(value, str):
        return names.get(value) or translate_library_text(value)
    if isinstance(value, dict):
        return _title_field({key: _translate_entry(key, one, names) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return [_translate_values(one, names) for one in value]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _translate_values(value.tolist(), names)
    return value


def _translate_entry(key: str, value: Any, names: dict[str, str]) -> Any:
    """The value of a key: of templates and expressions, only the words."""
    if key in HIDDEN_KEYS:
        return value
    if key == "hovertemplate" and isinstance(value, str):
        return "".join(_translate_words(part) for part in HOVER_MARKUP.split(value))
    if key == "labelExpr":
        return QUOTED_TEXT.sub(lambda found: f'"{_translate_values(found[1], names)}"', value)
    return _translate_values(value, names)


def _translate_words(text: str) -> str:
    words = text.strip()
    return text.replace(words, translate_library_text(words)) if words else text


def _title_field(encoding: dict) -> dict:
    """An encoding of Vega with the title that would be the English name of its column."""
    name = encoding.get("field")
    if not isinstance(name, str) or "title" in encoding:
        return encoding
    return encoding | {"title": translate_library_text(name)}


def _abbreviate_traits() -> dict[str, str]:
    """What stands for the letter of each trait."""
    return {trait.letter: translate(trait.label)[:ABBREVIATED_LETTERS] for trait in TRAITS}
