"""Two people of one clip side by side."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import model_store, people_comparison
from personality.assets import demo
from personality.inference.face_impressions import FACE_RATING_NAMES, FaceImpressions
from personality.inference.predict import Impression
from personality.preprocessing.sample import Sample
from tests.pages.visits import upload, visit, words
from tests.preprocessing.clips import two_people

NAMES = ["Person 1", "Person 2"]


@pytest.fixture
def app(tmp_path: Path) -> AppTest:
    """Predict, with a clip of two different people; the second is analysed."""
    return upload(visit("predict"), two_people(tmp_path / "two.mp4", smaller=demo.DEMO_SPEECH_CLIP_FILE))


def compare(app: AppTest, number: int = 1) -> AppTest:
    """Choose a person to compare with."""
    app.segmented_control(key="compare_person").set_value(number).run()
    assert not app.exception
    return app


def other(app: AppTest, kind: type) -> list:
    """The pieces of a kind that the session keeps for the second person of a comparison."""
    kept = [*app.session_state["other_read_pieces"][1], *app.session_state["other_predictions"][1]]
    return [piece for piece in kept if isinstance(piece, kind)]


def analysed_ratings(app: AppTest) -> dict[str, float]:
    (rated,) = (one for one, _ in app.session_state["predictions"][1] if isinstance(one, FaceImpressions))
    return rated.ratings


def test_only_what_comes_from_the_face_is_predicted_for_the_other_person(app: AppTest) -> None:
    assert app.segmented_control(key="compare_person").options == ["Person 1"]
    assert "other_read_pieces" not in app.session_state  # nothing is read before it is asked for
    compare(app)
    (sample,) = other(app, Sample)
    assert sample.boxes[:, 0].max() < 150  # the smaller one on the left
    (rated,) = other(app, FaceImpressions)
    assert set(rated.ratings) == set(FACE_RATING_NAMES)
    assert rated.ratings != analysed_ratings(app)
    assert other(app, Impression) == []
    assert "the same for both people: voice, words, voice + words." in words(app)
    assert "None of the models in use predicts the five traits from the face" in words(app)


def test_models_that_read_faces_are_compared_without_reading_the_clip_again(app: AppTest) -> None:
    (read,) = other(compare(app), Sample)
    app.multiselect(key="more_models").select("practice: visual").run()
    assert not app.exception
    assert other(app, Sample)[0] is read
    (frame,) = (one.value for one in app.dataframe if "Difference" in one.value)
    assert frame["Model"].unique().tolist() == ["practice: visual"]
    assert "Repeatability" not in frame  # was not measured for this model
    (impression,) = other(app, Impression)
    assert frame[NAMES[0]].tolist() == list(impression.traits.values())  # 1 is on the left, 2 is analysed
    assert frame["Difference"].tolist() == pytest.approx((frame[NAMES[1]] - frame[NAMES[0]]).tolist())
    assert frame["Difference"].abs().min() > 0


def test_a_comparison_is_computed_once_and_ends_with_the_choice(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Mock(wraps=people_comparison.read_clip_in_sandbox)
    monkeypatch.setattr(people_comparison, "read_clip_in_sandbox", reading)
    compare(app).run()
    assert reading.call_count == 1
    app.button(key="person_1").click().run()  # a person is not compared with itself
    assert not app.exception
    assert app.segmented_control(key="compare_person").value is None
    assert app.segmented_control(key="compare_person").options == ["Person 2"]
    app.button(key="delete_clip").click().run()
    assert not any(name in app.session_state for name in ("compare_person", "other_read_pieces", "other_predictions"))


@pytest.mark.parametrize("shown", [True, False])
def test_visitors_see_no_estimates_unless_the_operator_shows_them(
    app: AppTest, go_public: Callable[[], None], monkeypatch: pytest.MonkeyPatch, shown: bool
) -> None:
    go_public()
    if shown:
        monkeypatch.setenv("PERSONALITY_PUBLIC_ESTIMATES", "1")
    assert ("years old" in words(compare(app))) is shown
    assert "Two people side by side" in words(app)


def test_a_comparison_waits_for_its_turn(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Mock(wraps=model_store.wait_for_prediction_turn)
    monkeypatch.setattr(model_store, "wait_for_prediction_turn", waiting)
    compare(app).run()
    assert waiting.call_count == 1
