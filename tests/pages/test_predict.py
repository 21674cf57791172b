"""The Predict page: upload and deletion of clips, several people, separate sessions."""

import shutil
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from personality.assets import demo
from personality.constants import LIMITS, UploadLimits
from personality.explain.clip_changes import CLIP_CHANGES
from personality.inference.face_impressions import FACE_RATING_NAMES, FaceImpressions
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech_to_text import Transcript
from personality.traits import TRAITS
from personality.utils.fair_queue import FairQueue
from tests.pages.visits import models_in_table, models_in_tables, read, upload, visit, words
from tests.preprocessing.clips import two_people, video_of, write_clip

MODALITIES = ("audio", "visual", "audiovisual", "handcrafted")


def test_the_practice_sample_uses_the_practice_models() -> None:
    app = visit("predict")
    app.button(key="practice_sample").click().run()
    assert not app.exception
    tables = [frame.value for frame in app.dataframe if "Openness" in frame.value]
    for table in tables:
        assert list(table.columns) == ["model", *(trait.label for trait in TRAITS)]
        assert list(table["model"]) == [f"practice: {name}" for name in MODALITIES]
    assert "16 found" in words(app)
    assert demo.PRACTICE_NOTICE in words(app)


def test_the_english_sample_uses_models_of_real_people_too() -> None:
    app = visit("predict")
    app.button(key="sample").click().run()
    assert not app.exception
    tables = models_in_tables(app)
    assert tables[0] == ["voice", "words", "voice + words"]
    assert tables[-1] == [f"practice: {name}" for name in MODALITIES]
    pieces = [piece for piece, _ in app.session_state["predictions"][1]]
    (transcript,) = (piece for piece in pieces if isinstance(piece, Transcript))
    assert "gardener" in transcript.text
    (rated,) = (piece for piece in pieces if isinstance(piece, FaceImpressions))
    assert set(rated.ratings) == set(FACE_RATING_NAMES)
    assert "photograph ratings" in words(app)


def test_an_upload_uses_models_of_real_people_and_practice_models_can_be_added() -> None:
    app = upload(visit("predict"), demo.DEMO_SPEECH_CLIP_FILE.read_bytes())
    assert not app.exception
    assert models_in_table(app) == ["voice", "words", "voice + words"]
    assert demo.PRACTICE_NOTICE not in words(app)
    before = app.session_state["read_pieces"]
    app.multiselect(key="more_models").select("practice: visual").run()
    assert app.session_state["read_pieces"] is before  # the clip is not read again
    tables = models_in_tables(app)
    assert tables[-1] == ["practice: visual"]


def test_predict_needs_consent_and_refuses_invalid_videos() -> None:
    app = visit("predict")
    assert app.file_uploader(key="video_0").disabled
    app.checkbox(key="consent").check().run()
    assert not app.file_uploader(key="video_0").disabled
    app.file_uploader(key="video_0").upload("a.mp4", b"no video", "video/mp4").run()
    assert not app.exception
    assert len(app.error) == 1


def test_predict_without_models_shows_a_warning() -> None:
    app = visit("models")
    app.multiselect(key="models_picked").set_value([]).run()
    app.switch_page("pages/predict.py").run()
    assert "No model is selected" in words(app)


def test_an_upload_that_bypasses_the_browser_checks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.components import clip_input

    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.checkbox(key="consent").uncheck()  # in the same message
    app.file_uploader(key="video_0").upload("a.mp4", demo.DEMO_CLIP_FILE.read_bytes(), "video/mp4").run()
    assert "clip" not in app.session_state
    monkeypatch.setattr(clip_input, "upload_limits", lambda: UploadLimits(file_bytes=2**20))
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.file_uploader(key="video_0").upload("a.mp4", bytes(2**20 + 1), "video/mp4").run()
    assert "clip" not in app.session_state


def test_one_of_several_people_can_be_chosen(tmp_path: Path) -> None:
    app = upload(visit("predict"), two_people(tmp_path / "two.mp4"))
    assert "2 people were found" in words(app)
    assert "the largest face that moves, is analysed" in words(app)
    assert lefts(app).min() > 150
    app.button(key="person_1").click().run()
    assert not app.exception
    assert "The highlighted person is analysed" in words(app)
    assert lefts(app).max() < 150
    assert "Prediction unavailable" in words(app)  # the clip has no sound


def test_several_files_become_a_table_that_fills() -> None:
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    files = [
        ("a.mp4", demo.DEMO_SPEECH_CLIP_FILE.read_bytes(), "video/mp4"),
        ("b.mp4", b"no video", "video/mp4"),
        ("a.mp4", demo.DEMO_SPEECH_CLIP_FILE.read_bytes(), "video/mp4"),
    ]
    app.file_uploader(key="video_0").set_value(files).run()
    assert not app.exception
    table = app.dataframe[-1].value
    assert table["Clip"].tolist() == ["a.mp4", "b.mp4", "3-a.mp4"]
    assert [bool(error) for error in table["Error"]] == [False, True, False]
    clips = app.session_state["clips"]
    assert clips["a.mp4"].row["voice_openness"] == clips["3-a.mp4"].row["voice_openness"]
    app.button(key="delete_clips").click().run()
    assert "clips" not in app.session_state


def lefts(app: AppTest) -> np.ndarray:
    """The left edges of the boxes of the detected faces."""
    (sample,) = (piece for piece, _ in app.session_state["read_pieces"][1] if isinstance(piece, Sample))
    return sample.boxes[:, 0]


def test_a_damaged_model_gives_a_message(runs: Path, workspace: Path) -> None:
    shutil.copytree(runs, workspace / "runs")
    weights = workspace / "runs" / "audio" / "model.safetensors"
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["audio"]).run()
    weights.write_bytes(weights.read_bytes()[:100])
    app.switch_page("pages/predict.py").run()
    assert "cannot be used" in read(app.error[0].value)
    weights.unlink()
    app.run()
    assert "cannot be used" in app.error[0].value


def test_a_clip_without_face_and_speech_gives_one_message(tmp_path: Path) -> None:
    app = upload(visit("predict"), video_of(tmp_path / "nobody.mp4", np.full((128, 128, 3), 90, np.uint8)))
    assert not app.exception
    assert "Neither a face nor speech was found" in words(app)
    assert not app.dataframe
    assert "Explanations" not in words(app)


def test_a_waiting_visitor_sees_the_position_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.components import model_store

    app, caption = visit("predict"), DeltaGenerator.caption
    captions: list[str] = []

    def record_caption(self: DeltaGenerator, body: str) -> DeltaGenerator:
        captions.append(body)
        if "queue" in body:  # the others leave once the position was shown
            others.pop_all().close()
        return caption(self, body)

    monkeypatch.setattr(DeltaGenerator, "caption", record_caption)
    with ExitStack() as others:
        for _ in range(LIMITS.readers):
            others.enter_context(model_store.PREDICTION_QUEUE.wait_for_slot(lambda place: None))
        st.cache_resource.clear()  # as any visitor's message may
        app.button(key="practice_sample").click().run()
    assert any("you are number 1 in the queue" in text for text in captions)
    assert "16 found" in words(app)


def test_a_clip_takes_the_turn_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.components import model_store

    users, wait = [], FairQueue.wait_for_slot

    def note(self: FairQueue, on_wait: Callable[[int], None], user: Hashable = None) -> AbstractContextManager[None]:
        users.append(user)
        return wait(self, on_wait, user)

    monkeypatch.setattr(FairQueue, "wait_for_slot", note)
    monkeypatch.setattr(model_store, "visitor_address", lambda: "203.0.113.5")
    upload(visit("predict"), b"no video")
    assert users == ["203.0.113.5"]


def test_avi_shows_a_note_in_place_of_the_player(tmp_path: Path) -> None:
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    path = write_clip(tmp_path / "a.avi", times=[0, 0.1], codec="mpeg4")
    app.file_uploader(key="video_0").upload("a.avi", path.read_bytes(), "video/avi").run()
    assert not app.exception
    assert "cannot play this kind of file" in words(app)


def test_discarding_explanations_keeps_the_dry_run_report() -> None:
    def page() -> None:
        import pandas as pd
        import streamlit as st

        from pages.components.explanations import compute_once_per_clip, discard_explanations
        from pages.components.training_form import DRY_RUN_STATE_KEY

        st.session_state[DRY_RUN_STATE_KEY] = "report"
        for view in ("face_occlusion", "timeline"):
            compute_once_per_clip(view, "clip", lambda: pd.DataFrame({"model": ["voice"]}))
        discard_explanations()

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.session_state["dry_run_report"] == "report"
    assert "explanation_timeline" not in app.session_state
    assert "explanation_face_occlusion" not in app.session_state


@pytest.mark.trial
def test_every_change_of_the_video_moves_a_prediction_of_the_sample() -> None:
    app = visit("predict")
    app.session_state["open_explanation"] = "Change the video"
    app.button(key="practice_sample").click().run()
    for name in CLIP_CHANGES:
        app.segmented_control(key="clip_change").set_value(name).run()
        assert not app.exception
        assert "The person is the same" in words(app) or "can no longer predict" in words(app), name


def test_the_sound_of_an_upload_can_be_changed() -> None:
    app = visit("predict")
    app.session_state["open_explanation"] = "Change the video"
    upload(app, demo.DEMO_SPEECH_CLIP_FILE.read_bytes())
    changes = app.segmented_control(key="clip_change")
    assert CLIP_CHANGES[str(changes.value)].sound is not None  # the models read no faces
    assert len(changes.options) == len(CLIP_CHANGES)
    changes.set_value("Noise").run()
    assert not app.exception
    assert "The person is the same" in words(app)
