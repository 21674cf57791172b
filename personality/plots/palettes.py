"""Colours and marks: one palette for models, one for groups, one for emotions, so that a colour has one meaning.

Each colour has a contrast of at least 3:1 (WCAG 1.4.11) on the light and on the dark page. Models and groups also have
marks, because people who do not distinguish red and green cannot tell seven colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from personality.assets.shipped_models import model_label
from personality.traits import EMOTIONS

MODALITY_COLOURS = {"audio": "#B67D00", "visual": "#0072B2", "audiovisual": "#009E73", "handcrafted": "#C4619B"}
# Models with a fixed colour. Runs are often named after their modality.
MODEL_COLOURS = {
    **MODALITY_COLOURS,
    **{model_label(f"practice_{name}"): colour for name, colour in MODALITY_COLOURS.items()},
    **dict(zip(map(model_label, ("voice", "words", "voice_words")), ("#D55E00", "#2E8FCB", "#7B5EA7"), strict=True)),
    "BU-NKU 2017 face": "#0072B2",
    "BU-NKU 2017 audio + scene": "#B67D00",
    "BU-NKU 2017 mean": "#009E73",
    "frozen encoders 2026": "#C4619B",
}
OTHER_MODEL_COLOURS = ("#D55E00", "#2E8FCB", "#7B5EA7", "#7D8590")
GROUP_COLOURS = ("#35798A", "#B0703A", "#7C8A1F", "#9A5F8F", "#4E9A6B", "#8A6A5C", "#6A7FC1", "#7D8590")
EMOTION_COLOURS = dict(
    zip(EMOTIONS, ("#D0433B", "#6F8F1E", "#8B5CC7", "#BE8A00", "#3F78D1", "#D1589E", "#7F8794"), strict=True)
)
# Plotly's names of marks. The diamond is that of the same-source baseline, the cross that of published results.
MARKS = ("circle", "square", "triangle-up", "star", "pentagon", "triangle-down", "hexagon2", "hourglass")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """A colour per model: those in MODEL_COLOURS have fixed colours, others get colours that are not used by these."""
    taken = {MODEL_COLOURS.get(model) for model in models}
    free = [colour for colour in OTHER_MODEL_COLOURS if colour not in taken]
    others = [model for model in models if model not in MODEL_COLOURS]
    return MODEL_COLOURS | {model: free[i % len(free)] for i, model in enumerate(others)}


def group_colours(groups: Sequence[str]) -> dict[str, str]:
    """A colour per group, in their order."""
    return {group: GROUP_COLOURS[number % len(GROUP_COLOURS)] for number, group in enumerate(groups)}


def marks(names: Sequence[str]) -> dict[str, str]:
    """A mark per model or group of a chart, in their order."""
    return {name: MARKS[number % len(MARKS)] for number, name in enumerate(names)}


def dashes(names: Sequence[str]) -> dict[str, str]:
    """A dash per model or run of a chart of lines, in their order."""
    return {name: DASHES[number % len(DASHES)] for number, name in enumerate(names)}
