"""The report of a prediction: one file, escaped, with every value."""

import re

import pytest

from personality.assets import demo
from personality.constants import MISUSE_WARNING
from personality.report.prediction import render_prediction
from personality.traits import TRAITS

STAMP = {"program": "personality 0", "date": "2026-01-01", "not_for": MISUSE_WARNING}


@pytest.fixture
def document() -> dict:
    return {**demo.read_sample_prediction(), **STAMP}


def test_report_has_every_value_and_the_misuse_warning(document: dict) -> None:
    html = render_prediction(document)
    assert MISUSE_WARNING in html
    assert document["transcript"] in html
    assert not re.search(r"<(script|link|img|iframe)\b|https?://|url\(|@import", html)
    for model, traits in document["traits"].items():
        assert document["models"][model]["trained_on"] in html
        for trait in TRAITS:
            low, high = document["intervals"][model][trait.name]
            assert f"{traits[trait.name]:.2f}" in html
            assert f"{low:.2f} to {high:.2f}" in html
    assert html.count("<circle") == 5 * len(document["traits"])


def test_dots_are_at_their_values(document: dict) -> None:
    document["traits"] = {"voice": dict.fromkeys((trait.name for trait in TRAITS), 0.5)}
    assert render_prediction(document).count('<circle cx="80.0"') == 5


def test_text_of_the_clip_is_escaped_and_missing_inputs_are_named(document: dict) -> None:
    html = render_prediction({**document, "transcript": "<b>hello</b>", "faces": [], "warnings": ["<i>"]})
    assert "<b>" not in html and "&lt;b&gt;hello" in html
    assert "<i>" not in html
    assert "no face in a video of 12.4 s" in html
    silent = render_prediction({**document, "transcript": None, "audio": {"seconds": 0.0}, "intervals": {}})
    assert "no words" in silent and "no sound" in silent and "no interval" in silent
