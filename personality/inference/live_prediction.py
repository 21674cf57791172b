"""Predict from a recording while it grows: each prediction takes its turn and reads all that has arrived until then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakSet

from personality.constants import PREPROCESSING
from personality.inference.predict import Impression, Unavailable, predict_impressions
from personality.preprocessing.sample import ClipUpdate, Sample
from personality.preprocessing.sandbox.client import read_clip_in_sandbox
from personality.utils.app_log import log_duration
from personality.utils.fair_queue import FairQueue
from personality.utils.public_mode import is_public

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

_log = logging.getLogger("personality")


@dataclass(frozen=True)
class LiveLimits:
    """Limits of a recording that is predicted while it grows."""

    seconds: float = 15.0  # the length of the training clips
    first_seconds: float = 2.0  # after the start, before the first prediction; a shorter clip has hardly any speech
    late_seconds: float = 15.0  # over `seconds` in which the pieces of a recording may arrive on a slow connection
    idle_seconds: float = 10.0  # without a piece, after which the visitor has left and the recording is discarded
    recording_bytes: int = 6 * 2**20
    at_once: int = 4  # recordings on the server
    at_once_public: int = 2  # on a public server, whose other visitors wait for the same turns


LIVE_LIMITS = LiveLimits()
_running: WeakSet[LivePrediction] = WeakSet()
_running_lock = threading.Lock()


@dataclass(frozen=True)
class LiveAnswer:
    """A prediction from the first `seconds` of a recording."""

    seconds: float
    outcome: Impression | Unavailable


class LiveCancelledError(Exception):
    """The visitor has stopped the prediction; raised only within its thread."""


class LivePrediction:
    """Predictions of one model from a recording that grows.

    A thread predicts as often as the queue allows, each time from all that has arrived: a slow server makes fewer
    predictions, and never has a backlog. The last prediction is from the whole recording.

    Parameters
    ----------
    model : Model
        As `load_models` returns it.
    turns : FairQueue
        In which every prediction waits for its turn.
    """

    def __init__(self, model: Model, turns: FairQueue) -> None:
        self.queue_position = 0  # 0 if it does not wait
        self.error: Exception | None = None  # of the last attempt to predict
        self._model, self._turns = model, turns
        self._answers: list[LiveAnswer] = []
        self._recording = b""
        self._finished = self._cancelled = False
        self._start = self._last_arrival = time.monotonic()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="live prediction", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether further predictions may come."""
        return self._thread.is_alive()

    @property
    def is_recording(self) -> bool:
        """Whether pieces are accepted."""
        return self.is_running and not self._finished and not self._cancelled

    @property
    def answers(self) -> Sequence[LiveAnswer]:
        """The predictions so far, by time."""
        return tuple(self._answers)

    @property
    def recording(self) -> bytes:
        """All pieces so far; empty after `cancel`, or if the visitor left before the end."""
        return self._recording

    def add(self, piece: bytes) -> None:
        """Append a piece of the recording; one that exceeds a limit ends the recording and is left out."""
        with self._changed:
            self._last_arrival = time.monotonic()
            is_late = self._last_arrival - self._start > LIVE_LIMITS.seconds + LIVE_LIMITS.late_seconds
            if is_late or len(self._recording) + len(piece) > LIVE_LIMITS.recording_bytes:
                self._finished = True
            elif not self._finished and not self._cancelled:
                self._recording += piece
            self._changed.notify_all()

    def finish(self) -> None:
        """Predict once more, from the whole recording, then stop."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """Stop without a further prediction, and discard the recording."""
        with self._changed:
            self._cancelled, self._recording = True, b""
            self._changed.notify_all()

    def _run(self) -> None:
        predicted = 0  # bytes
        try:
            while self._wait_for_more(predicted):
                with self._turns.wait_for_slot(self._keep_position):
                    self._keep_position(0)
                    recording = self._recording  # all that arrived while it waited, too
                    predicted = len(recording)
                    self._predict(recording)
        except LiveCancelledError:
            pass
        except Exception as error:
            _log.exception("live prediction failed")
            self.error = error

    def _wait_for_more(self, predicted: int) -> bool:
        """Wait until there is more than was predicted; False if nothing more will come."""
        while True:
            with self._changed:
                now = time.monotonic()
                if self._cancelled or (self._finished and len(self._recording) <= predicted):
                    return False
                is_early = now - self._start < LIVE_LIMITS.first_seconds and not self._finished
                if len(self._recording) > predicted and not is_early:
                    return True
                if not self._finished and now - self._last_arrival > LIVE_LIMITS.idle_seconds:
                    self._cancelled, self._recording = True, b""
                    return False
                self._changed.wait(0.25)

    def _keep_position(self, place: int) -> None:
        self.queue_position = place
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        if self._cancelled:
            raise LiveCancelledError

    def _predict(self, recording: bytes) -> None:
        """Predict from the recording so far. The end of an unfinished recording may not be readable yet, so an error
        does not end the thread: the next attempt has more to read."""
        try:
            with log_duration("live prediction"):
                *_, sample = self._pieces_until_cancelled(recording)
                assert isinstance(sample, Sample)
                seconds = max(sample.duration, sample.audio_seconds + len(sample.rest) / PREPROCESSING.sample_rate)
                for outcome in predict_impressions(sample, [self._model]):
                    self._answers.append(LiveAnswer(seconds, outcome))
            self.error = None
        except (ValueError, OSError) as error:  # a MediaError is a ValueError
            self.error = error

    def _pieces_until_cancelled(self, recording: bytes) -> Iterator[ClipUpdate]:
        for piece in read_clip_in_sandbox(recording):
            self._check_cancelled()
            yield piece


def start_live_prediction(model: Model, turns: FairQueue) -> LivePrediction | None:
    """Start a LivePrediction, unless as many are running as LIVE_LIMITS allows: then return None."""
    with _running_lock:
        running = sum(one.is_running for one in _running)
        if running >= (LIVE_LIMITS.at_once_public if is_public() else LIVE_LIMITS.at_once):
            return None
        prediction = LivePrediction(model, turns)
        _running.add(prediction)
        prediction.start()
        return prediction
