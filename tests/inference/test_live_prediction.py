"""Predictions from a recording that grows: turns, limits, errors, and the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.inference import live_prediction
from personality.inference.live_prediction import LiveLimits, LivePrediction, start_live_prediction
from personality.inference.predict import Impression, load_models, predict
from personality.models.network import Needs
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample
from personality.utils.fair_queue import FairQueue
from personality.utils.public_mode import PUBLIC_MODE_VARIABLE
from tests.waiting import wait_for

NO_WAIT = LiveLimits(first_seconds=0.0, interval_seconds=0.0, idle_seconds=60.0)
FACE_MODEL, VOICE_MODEL = (
    SimpleNamespace(name=name, network=SimpleNamespace(needs=Needs(frozenset({name})))) for name in ("faces", "audio")
)


class Reader:
    """Reads a recording as a Sample whose duration is its number of bytes."""

    def __init__(self) -> None:
        self.read: list[tuple[bytes, bool]] = []  # each recording, and whether faces were searched
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.error: Exception | None = None

    def __call__(self, data: bytes, *, faces: bool) -> Iterator[Sample]:
        self.read.append((data, faces))
        assert self.goes_on.wait(60)
        if self.error is not None:
            raise self.error
        yield replace(EMPTY_SAMPLE, duration=float(len(data)))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    found = Reader()
    monkeypatch.setattr(live_prediction, "LIVE_LIMITS", NO_WAIT)
    monkeypatch.setattr(live_prediction, "read_clip_in_sandbox", found)
    monkeypatch.setattr(
        live_prediction,
        "predict_impressions",
        lambda sample, models: [Impression(models[0].name, {"openness": sample.duration / 100})],
    )
    return found


@pytest.fixture
def start() -> Iterator[Callable[..., LivePrediction]]:
    """A function that starts a live prediction; all of them are cancelled after the test."""
    started = []

    def begin(model: Any = VOICE_MODEL, turns: FairQueue | None = None) -> LivePrediction:
        prediction = start_live_prediction(model, turns or FairQueue(1))
        assert prediction is not None
        started.append(prediction)
        return prediction

    yield begin
    for one in started:
        one.cancel()
        wait_for(lambda one=one: not one.is_running)  # type: ignore[misc]


def test_each_prediction_reads_all_that_has_arrived(reader: Reader, start: Callable[..., LivePrediction]) -> None:
    live = start()
    live.add(b"abc")
    wait_for(lambda: len(live.answers) == 1)
    live.add(b"de")
    wait_for(lambda: len(live.answers) == 2)
    live.finish()
    wait_for(lambda: not live.is_running)
    assert [one.seconds for one in live.answers] == [3.0, 5.0, 5.0]
    assert live.answers[1].outcome == Impression("audio", {"openness": 0.05})
    assert reader.read == [(b"abc", False), (b"abcde", False), (b"abcde", True)]
    assert live.recording == b"abcde"
    assert not live.is_recording


def test_a_model_of_faces_reads_faces_from_the_start(reader: Reader, start: Callable[..., LivePrediction]) -> None:
    live = start(FACE_MODEL)
    live.add(b"abc")
    wait_for(lambda: len(live.answers) == 1)
    assert reader.read == [(b"abc", True)]


def test_a_slow_server_makes_fewer_predictions(reader: Reader, start: Callable[..., LivePrediction]) -> None:
    reader.goes_on.clear()
    live = start()
    live.add(b"a")
    wait_for(lambda: len(reader.read) == 1)
    for _ in range(8):
        live.add(b"b")
    live.finish()
    reader.goes_on.set()
    wait_for(lambda: not live.is_running)
    assert [len(data) for data, _ in reader.read] == [1, 9]


def test_a_prediction_waits_for_its_turn(reader: Reader, start: Callable[..., LivePrediction]) -> None:
    turns = FairQueue(1)
    with turns.wait_for_slot(lambda place: None):
        live = start(turns=turns)
        live.add(b"a")
        wait_for(lambda: live.queue_position == 1)
        live.add(b"b")
        assert not live.answers
    wait_for(lambda: len(live.answers) == 1)
    assert live.queue_position == 0
    assert [one.seconds for one in live.answers] == [2.0]


def test_cancelling_leaves_the_queue_and_deletes_the_recording(
    reader: Reader, start: Callable[..., LivePrediction]
) -> None:
    turns = FairQueue(1)
    with turns.wait_for_slot(lambda place: None):
        live = start(turns=turns)
        live.add(b"a")
        wait_for(lambda: live.queue_position == 1)
        live.cancel()
        wait_for(lambda: not live.is_running)
    live.add(b"b")
    assert (live.recording, [*live.answers], reader.read) == (b"", [], [])


def test_the_recording_of_a_visitor_who_left_is_deleted(
    reader: Reader, start: Callable[..., LivePrediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_prediction, "LIVE_LIMITS", replace(NO_WAIT, idle_seconds=0.5))
    live = start()
    live.add(b"a")
    wait_for(lambda: not live.is_running)
    assert live.recording == b""
    assert not any(faces for _, faces in reader.read)  # no last prediction


@pytest.mark.parametrize("limits", [replace(NO_WAIT, recording_bytes=3), replace(NO_WAIT, seconds=0, late_seconds=-1)])
def test_a_limit_ends_the_recording(
    reader: Reader, start: Callable[..., LivePrediction], monkeypatch: pytest.MonkeyPatch, limits: LiveLimits
) -> None:
    live = start()
    live.add(b"abc")
    wait_for(lambda: len(live.answers) == 1)
    monkeypatch.setattr(live_prediction, "LIVE_LIMITS", limits)
    live.add(b"d")
    wait_for(lambda: not live.is_running)
    assert live.recording == b"abc"


def test_an_error_is_kept_until_the_next_prediction(reader: Reader, start: Callable[..., LivePrediction]) -> None:
    reader.error = MediaError("It died.")
    live = start()
    live.add(b"a")
    wait_for(lambda: live.error is not None)
    assert (str(live.error), [*live.answers]) == ("It died.", [])
    reader.error = None
    live.add(b"b")
    wait_for(lambda: len(live.answers) == 1)
    wait_for(lambda: live.error is None)


def test_an_unexpected_error_ends_the_prediction(
    reader: Reader, start: Callable[..., LivePrediction], caplog: pytest.LogCaptureFixture
) -> None:
    reader.error = RuntimeError("unexpected")
    live = start()
    live.add(b"a")
    wait_for(lambda: not live.is_running)
    assert live.error is reader.error


def test_the_number_of_recordings_is_limited(
    reader: Reader, start: Callable[..., LivePrediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [start() for _ in range(NO_WAIT.at_once_public)]
    monkeypatch.setenv(PUBLIC_MODE_VARIABLE, "1")
    assert start_live_prediction(VOICE_MODEL, FairQueue(1)) is None  # type: ignore[arg-type]
    running[0].cancel()
    wait_for(lambda: not running[0].is_running)
    assert start().is_running


def test_the_last_prediction_is_that_of_the_whole_clip(start: Callable[..., LivePrediction]) -> None:
    (voice,) = load_models(REAL_MODEL_FOLDERS[:1])
    live, data = start(voice), demo.DEMO_SPEECH_CLIP_FILE.read_bytes()
    for place in range(0, len(data), 50_000):
        live.add(data[place : place + 50_000])
    live.finish()
    wait_for(lambda: not live.is_running)
    (expected,) = predict(demo.DEMO_SPEECH_CLIP_FILE, [voice])
    assert live.answers[-1].outcome == expected
    assert live.answers[-1].seconds == pytest.approx(12.4, abs=0.1)
