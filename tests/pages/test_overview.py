"""Overview: the poster, whose figures are computed and not typed."""

import json
from urllib.parse import parse_qs

import pytest

from pages.components.poster import FINDINGS, POSTER_MODEL
from pages.components.real_figures import load_shipped_figures
from pages.components.tour import TOUR_STEPS
from personality.analysis.findings import describe_largest_gap
from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_FOLDERS, model_label
from personality.inference.predict import load_models, predict_updates
from personality.inference.prediction_document import prediction_to_json
from personality.preprocessing.sample import read_clip_updates
from tests.pages.visits import numbers, read, visit, words


def test_the_stored_prediction_of_the_sample_is_that_of_the_included_models() -> None:
    models = load_models(REAL_MODEL_FOLDERS)
    pieces = list(predict_updates(read_clip_updates(demo.DEMO_SPEECH_CLIP_FILE), models))
    computed = prediction_to_json(demo.DEMO_SPEECH_CLIP_FILE.name, pieces, models)
    stored = demo.read_sample_prediction()
    assert stored["transcript"] == computed["transcript"]
    assert [face["box"] for face in stored["faces"]] == [list(face["box"]) for face in computed["faces"]]
    for model, traits in computed["traits"].items():
        assert stored["traits"][model] == pytest.approx(traits, abs=0.002)
        for name, interval in computed["intervals"][model].items():
            assert stored["intervals"][model][name] == pytest.approx(interval, abs=0.002)
    assert stored["models"] == computed["models"]


def test_the_poster_shows_the_sample_and_a_finding_per_question() -> None:
    app = visit("overview")
    shown = words(app)
    prediction = demo.read_sample_prediction()
    assert prediction["transcript"] in shown
    assert prediction["models"][POSTER_MODEL]["trained_on"] in shown
    figures = load_shipped_figures().select_models([model_label(POSTER_MODEL)])
    for finding in FINDINGS:
        gaps = figures.compare_groups((finding.attribute,), finding.measure).gaps
        assert read(describe_largest_gap(gaps)) in shown
    traits = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert numbers(traits["x"]) == list(prediction["traits"][POSTER_MODEL].values())


@pytest.mark.parametrize("number", range(len(FINDINGS)))
def test_the_link_of_a_finding_opens_its_measure_model_and_groups(number: int) -> None:
    finding = FINDINGS[number]
    link = visit("overview", lang="es").get("page_link")[number].proto
    choices = {name: value for name, (value,) in parse_qs(link.query_string).items()}
    assert choices.pop("lang") == "es"
    opened = visit(finding.page.removeprefix("pages/").removesuffix(".py"), **choices)
    assert opened.segmented_control(key="measure").value == finding.measure
    assert opened.multiselect(key="models").value == [model_label(POSTER_MODEL)]
    if finding.page == "pages/gender.py":
        assert opened.segmented_control(key="groups").value == finding.attribute


def test_the_button_of_the_poster_leads_to_predict() -> None:
    app = visit("overview")
    app.button(key="try").click().run()
    assert not app.exception
    assert app.title[0].value == "Predict"


def test_the_tour_has_four_steps_and_can_be_skipped() -> None:
    app = visit("overview")
    app.button(key="tour_start").click().run()
    for number, step in enumerate(TOUR_STEPS, 1):
        assert f"{number} of 4: {step.question}" in words(app)
        app.button(key="tour_next").click().run()
        assert not app.exception
    assert "4 of 4" not in words(app)
    app.button(key="tour_start").click().run()
    app.button(key="tour_skip").click().run()
    assert "of 4:" not in words(app)
