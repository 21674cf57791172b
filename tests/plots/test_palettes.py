"""Palettes: a colour has one meaning, and is visible on both themes."""

import tomllib
from itertools import combinations

import pytest

from personality.analysis.real_figures import read_real_figures
from personality.assets.shipped_models import model_label
from personality.plots.palettes import (
    EMOTION_COLOURS,
    GROUP_COLOURS,
    MARKS,
    MODALITY_COLOURS,
    MODEL_COLOURS,
    OTHER_MODEL_COLOURS,
    marks,
    model_colours,
)
from personality.traits import EMOTIONS
from personality.utils.locations import APP_FOLDER

NEUTRAL = {"#7D8590"}  # the grey of the last model or group, and of baselines
PALETTES = {
    "models": {*MODEL_COLOURS.values(), *OTHER_MODEL_COLOURS} - NEUTRAL,
    "groups": set(GROUP_COLOURS) - NEUTRAL,
    "emotions": set(EMOTION_COLOURS.values()),
}


@pytest.mark.parametrize(("one", "other"), list(combinations(PALETTES, 2)))
def test_no_colour_has_two_meanings(one: str, other: str) -> None:
    assert not PALETTES[one] & PALETTES[other]


@pytest.mark.parametrize("name", PALETTES)
def test_colours_have_sufficient_contrast_on_both_themes(name: str) -> None:
    theme = tomllib.loads((APP_FOLDER / ".streamlit" / "config.toml").read_text())["theme"]
    for page in ("light", "dark"):
        assert min(contrast(colour, theme[page]["backgroundColor"]) for colour in PALETTES[name]) >= 3


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # as published by WebAIM


def test_every_emotion_has_a_colour() -> None:
    assert tuple(EMOTION_COLOURS) == EMOTIONS


def test_marks_of_models_are_distinct_and_differ_from_baselines() -> None:
    found = marks([str(number) for number in range(len(MARKS))])
    assert len(set(found.values())) == len(MARKS)
    assert not any(mark.startswith(("diamond", "x", "line")) for mark in found.values())


def test_shipped_models_have_fixed_colours_and_others_different_ones() -> None:
    colours = model_colours(["audio", "audio-2"])
    assert colours["audio"] == MODEL_COLOURS["audio"] == MODEL_COLOURS[model_label("practice_audio")]
    assert colours["audio-2"] not in MODALITY_COLOURS.values()


def test_published_systems_and_other_models_have_distinct_colours() -> None:
    models = [*read_real_figures().rename_models(model_label).models, "mine"]
    colours = model_colours(models)
    assert len({colours[model] for model in models}) == len(models)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2 of #RRGGBB."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
