"""The Predict page: clips that come and go, people in them, sessions apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from personality import demo
from personality.constants import LIMITS
from personality.preprocessing.sample import Sample
from personality.traits import TRAITS
from tests.pages.visits import visit, words
from tests.preprocessing.clips import two_people


def test_predict_takes_the_sample_and_shows_five_traits_of_four_models() -> None:
    app = visit("predict")
    app.button(key="sample").click().run()
    assert not app.exception
    table = app.dataframe[-1].value
    assert list(table["model"]) == ["audio", "visual", "audiovisual", "handcrafted"]
    assert list(table.columns) == ["model", *(trait.label for trait in TRAITS)]
    assert "16 found" in words(app)
    assert app.metric[0].label == "Looks about"


def test_predict_needs_consent_and_refuses_what_is_no_video() -> None:
    app = visit("predict")
    assert app.file_uploader(key="video_0").disabled
    app.checkbox(key="consent").check().run()
    assert not app.file_uploader(key="video_0").disabled
    app.file_uploader(key="video_0").upload("a.mp4", b"no video", "video/mp4").run()
    assert not app.exception
    assert "cannot be read as a video" in app.error[0].value


def test_predict_without_models_says_where_they_are() -> None:
    app = visit("models")
    app.multiselect(key="models_picked").set_value([]).run()
    app.switch_page("pages/predict.py").run()
    assert "No model is loaded" in words(app)


def test_an_upload_that_the_browser_should_have_refused_is_refused_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages import intake

    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.checkbox(key="consent").uncheck()  # in the same moment
    app.file_uploader(key="video_0").upload("a.mp4", demo.CLIP.read_bytes(), "video/mp4").run()
    assert "clip" not in app.session_state
    monkeypatch.setattr(intake, "LIMITS", replace(LIMITS, upload_bytes=2**20))
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.file_uploader(key="video_0").upload("a.mp4", bytes(2**20 + 1), "video/mp4").run()
    assert "clip" not in app.session_state


def test_of_several_people_one_is_chosen(tmp_path: Path) -> None:
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.file_uploader(key="video_0").upload("two.mp4", two_people(tmp_path / "two.mp4"), "video/mp4").run()
    assert "2 people are in the picture" in words(app)
    assert "The largest is followed" in words(app)
    assert lefts(app).min() > 150
    app.button(key="person_1").click().run()
    assert not app.exception
    assert "The marked one is followed" in words(app)
    assert lefts(app).max() < 150
    assert app.dataframe[0].value["model"].tolist() == ["visual", "audiovisual", "handcrafted"]  # it is silent


def lefts(app: AppTest) -> np.ndarray:
    """The left edges of the boxes of the faces that were found."""
    (sample,) = (piece for piece, _ in app.session_state["pieces"][1] if isinstance(piece, Sample))
    return sample.boxes[:, 0]
