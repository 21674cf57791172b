"""Guess first: the visitor rates before the machine, and nothing is kept beyond the session."""

import json

import pytest

from personality.assets import demo
from personality.predictions.prediction_files import read_predictions
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from tests.pages.visits import numbers, visit, words


def test_clips_are_test_clips_with_planted_ratings() -> None:
    table = read_predictions(demo.DEMO_PREDICTIONS_FILE)
    known = set(table.loc[table["split"].eq("test"), "clip"])
    clips = {path.name for path in demo.GUESS_CLIPS_FOLDER.glob("*.mp4")}
    assert len(clips) == 6
    assert clips <= known


def test_the_machine_is_shown_after_the_guess() -> None:
    app = visit("guess")
    assert not app.get("plotly_chart")
    app.slider[0].set_value(0.9)
    app.button(key="reveal").click().run()
    assert not app.exception
    assert not app.slider
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert [trace["name"] for trace in chart] == ["planted", "machine", "you"]
    assert numbers(chart[2]["x"]) == [0.9, 0.5, 0.5, 0.5, 0.5]
    table = read_predictions(demo.DEMO_PREDICTIONS_FILE)
    clip = sorted(path.name for path in demo.GUESS_CLIPS_FOLDER.glob("*.mp4"))[0]
    rows = table[table["clip"].eq(clip) & table["model"].eq("practice_audiovisual")].set_index("trait")
    assert numbers(chart[0]["x"]) == pytest.approx(rows.loc[list(TRAIT_NAMES), "actual"].tolist())
    assert numbers(chart[1]["x"]) == pytest.approx(rows.loc[list(TRAIT_NAMES), "predicted"].tolist())
    assert chart[0]["y"] == [TRAIT_LABELS[name] for name in TRAIT_NAMES]


def test_five_people_give_an_interval_and_guesses_can_be_deleted() -> None:
    app = visit("guess")
    for number in range(5):
        app.button(key="reveal").click().run()
        assert (len(app.metric) == 2) and ("95 % interval" in words(app)) is (number == 4)
        app.button(key="next_person").click().run()
        assert not app.exception
    assert "People rated so far: 5" in words(app)
    app.button(key="forget").click().run()
    assert not app.metric
    assert app.slider
