"""The Live page, and what it accepts from a camera."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from pages.components import live_session
from pages.components.live_camera import MAX_PIECE_BYTES
from personality.assets import demo
from personality.constants import PUBLIC_UPLOAD_LIMITS
from personality.inference.live_prediction import LIVE_LIMITS, LiveAnswer
from personality.inference.predict import NO_PERSON_MESSAGE, Impression, Unavailable
from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.snapshots import SNAPSHOT_LIMITS
from personality.traits import TRAIT_NAMES
from server.limits import PUBLIC_SERVER_LIMITS
from tests.pages.visits import visit, words


class StandIn:
    """A live prediction that only keeps what it receives."""

    def __init__(self) -> None:
        self.is_running = self.is_recording = True
        self.recording, self.queue_position = b"", 0
        self.answers: list[LiveAnswer] = []
        self.error: Exception | None = None
        self.is_finished = self.is_cancelled = False

    def add(self, piece: bytes) -> None:
        self.recording += piece

    def finish(self) -> None:
        self.is_finished, self.is_recording = True, False

    def cancel(self) -> None:
        self.is_cancelled, self.is_recording, self.is_running = True, False, False


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The session state, with consent, and stand-ins for predictions: at most one at a time."""
    found: dict[str, Any] = {live_session.CONSENT_STATE_KEY: True}
    started: list[StandIn] = []

    def start(model: str, turns: object, user: str) -> StandIn | None:
        if any(one.is_running for one in started):
            return None
        started.append(StandIn())
        return started[-1]

    monkeypatch.setattr(live_session, "st", SimpleNamespace(session_state=found))
    monkeypatch.setattr(live_session, "start_live_prediction", start)
    yield found


def send(state: dict[str, Any], **message: Any) -> None:
    """Receive a message of the camera."""
    state[live_session.CAMERA_KEY] = SimpleNamespace(message=message)
    live_session.receive_message("model")


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def portrait() -> str:
    """The first frame of the practice sample as JPEG in base64."""
    out = io.BytesIO()
    with open_media(demo.DEMO_CLIP_FILE) as video:
        Image.fromarray(next(video.frames()).picture()).save(out, "JPEG")
    return coded(out.getvalue())


def test_the_page_needs_consent_and_tells_what_the_model_was_trained_on() -> None:
    app = visit("live")
    assert not app.checkbox(key=live_session.CONSENT_STATE_KEY).value
    assert "5,998 clips" in words(app)
    assert app.selectbox(key="live_model").options == ["voice", "words", "voice + words"]
    assert app.selectbox(key="live_model").value == "voice"


def test_the_page_without_models_shows_a_warning() -> None:
    app = visit("models")
    app.multiselect(key="models_picked").set_value([]).run()
    app.switch_page("pages/live.py").run()
    assert not app.exception
    assert len(app.warning) == 1


def test_the_sample_of_predict_does_not_change_the_models() -> None:
    app = visit("predict")
    app.button(key="practice_sample").click().run()
    app.switch_page("pages/live.py").run()
    assert app.selectbox(key="live_model").options == ["voice", "words", "voice + words"]


def test_pieces_become_a_recording_and_faces_become_boxes(state: dict[str, Any]) -> None:
    send(state, number=7, first=True, last=False, piece=coded(b"abc"), pictures=[portrait()])
    assert state[live_session.ANSWERED_STATE_KEY] == 7
    (box,) = state[live_session.BOXES_STATE_KEY]
    assert (box["picture"], box["box"]) == (0, pytest.approx([52, 63, 208, 218], abs=3))
    assert live_session.camera_state() == "running"
    send(state, number=8, first=False, last=True, piece=coded(b"de"), pictures=[])
    prediction = live_session.current_prediction()
    assert prediction is not None
    assert (prediction.recording, prediction.is_recording) == (b"abcde", False)
    send(state, number=9, first=False, last=False, piece=coded(b"f"), pictures=[portrait()])
    assert (prediction.recording, state[live_session.BOXES_STATE_KEY]) == (b"abcde", [])


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"number": "x", "piece": 3, "pictures": "none"},
        {"number": None, "piece": "%", "pictures": [1, None]},
        {"pictures": ["AAAA"] * (SNAPSHOT_LIMITS.pictures + 1)},
        {"pictures": [coded(b"no picture")]},
        {"pictures": [coded(bytes(SNAPSHOT_LIMITS.picture_bytes + 1))]},
    ],
)
def test_invalid_messages_have_no_effect(state: dict[str, Any], message: dict[str, Any]) -> None:
    send(state, first=True, number=1)
    send(state, **message)
    prediction = live_session.current_prediction()
    assert prediction is not None
    assert (prediction.recording, state[live_session.BOXES_STATE_KEY]) == (b"", [])


def test_a_message_that_is_no_object_is_ignored(state: dict[str, Any]) -> None:
    state[live_session.CAMERA_KEY] = SimpleNamespace(message="x")
    live_session.receive_message("model")
    assert live_session.ANSWERED_STATE_KEY not in state


def test_without_consent_nothing_is_kept(state: dict[str, Any]) -> None:
    send(state, number=1, first=True, piece=coded(b"abc"))
    prediction = live_session.current_prediction()
    state[live_session.CONSENT_STATE_KEY] = False
    send(state, number=2, piece=coded(b"de"))
    assert isinstance(prediction, StandIn)
    assert prediction.is_cancelled
    assert live_session.current_prediction() is None
    assert (live_session.camera_state(), live_session.camera_note()) == ("refused", live_session.NO_CONSENT_MESSAGE)


def test_a_message_that_starts_nothing_is_refused_by_a_full_server(
    state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_session, "start_live_prediction", lambda model, turns, user: None)
    send(state, number=1, first=True, piece=coded(b"abc"))
    assert (live_session.camera_state(), live_session.camera_note()) == ("refused", live_session.TOO_MANY_MESSAGE)


def test_a_new_recording_replaces_the_previous_one(state: dict[str, Any]) -> None:
    send(state, number=1, first=True, piece=coded(b"abc"))
    earlier = live_session.current_prediction()
    send(state, number=1, first=True, piece=coded(b"de"))
    later = live_session.current_prediction()
    assert isinstance(earlier, StandIn) and later is not None
    assert (earlier.is_cancelled, later.recording) == (True, b"de")


def test_notes_name_the_reason(state: dict[str, Any]) -> None:
    prediction = StandIn()
    state[live_session.PREDICTION_STATE_KEY] = prediction
    traits = dict.fromkeys(TRAIT_NAMES, 0.5)
    assert live_session.camera_note() == ""
    prediction.queue_position = 3
    assert "3" in live_session.camera_note()
    prediction.queue_position = 0
    prediction.answers = [LiveAnswer(2.0, Unavailable("voice", NO_PERSON_MESSAGE))]
    assert live_session.camera_note() == live_session.NO_SPEECH_MESSAGE
    prediction.answers = [LiveAnswer(2.0, Unavailable("voice", "the sound is too short"))]
    assert "the sound is too short" in live_session.camera_note()
    prediction.answers = [LiveAnswer(2.0, Impression("voice", traits, "no speech"))]
    assert "no speech" in live_session.camera_note()
    prediction.error = MediaError("The reader died.")
    assert live_session.camera_note() == "The reader died."
    prediction.error = OSError("/home/operator")
    assert live_session.camera_note() == live_session.READ_ERROR_MESSAGE
    prediction.error, prediction.is_running = None, False
    assert live_session.camera_note() == live_session.LEFT_MESSAGE
    prediction.recording, prediction.answers = b"abc", [LiveAnswer(2.0, Impression("voice", traits))]
    assert (live_session.camera_state(), live_session.camera_note()) == ("done", live_session.DONE_MESSAGE)


def test_messages_are_within_the_limits_of_a_public_server(go_public: Callable[[], None]) -> None:
    assert live_session.message_interval() == live_session.LOCAL_INTERVAL_SECONDS
    go_public()
    assert live_session.message_interval() >= PUBLIC_SERVER_LIMITS.message_interval_seconds
    largest = (MAX_PIECE_BYTES + SNAPSHOT_LIMITS.pictures * SNAPSHOT_LIMITS.picture_bytes) * 4 / 3
    assert largest < 0.95 * PUBLIC_SERVER_LIMITS.max_message_megabytes * 1_000_000
    assert LIVE_LIMITS.seconds == 15  # as the texts of the page say
    assert LIVE_LIMITS.recording_bytes < PUBLIC_UPLOAD_LIMITS.file_bytes
