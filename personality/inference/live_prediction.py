"""Predict from a recording while it grows: each prediction takes its turn and reads all that has arrived until then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
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
    interval_seconds: float = 1.0  # between the starts of two predictions
    late_seconds: float = 15.0  # over `seconds` in which the pieces of a recording may arrive on a slow connection
    idle_seconds: float = 10.0  # without a piece, after which the visitor has left and the recording is discarded
    recording_bytes: int = 6 * 2**20
    at_once: int = 4  # recordings on the server
    at_once_public: int = 2  # on a public server, whose other visitors wait for the same turns


LIVE_LIMITS = LiveLimits()
POLL_SECONDS = 0.2  # between checks of whether the visitor has left
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
    user : hashable
        Whose prediction it is in that queue.
    """

    def __init__(self, model: Model, turns: FairQueue, user: Hashable) -> None:
        self.queue_position = 0  # 0 if it does not wait
        self.error: Exception | None = None  # of the last attempt to predict
        self._model, self._turns, self._user = model, turns, user
        self._answers: list[LiveAnswer] = []
        self._recording = b""
        self._finished = self._cancelled = False
        self._predicted_bytes, self._is_whole_predicted = 0, False
        self._start = self._last_arrival = time.monotonic()
        self._due = self._start + LIVE_LIMITS.first_seconds  # of the next prediction
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
        try:
            while self._wait_for_more():
                with self._turns.wait_for_slot(self._keep_position, self._user):
                    self._keep_position(0)
                    self._predict_newest()
        except LiveCancelledError:
            pass
        except Exception as error:
            _log.exception("live prediction failed")
            self.error = error

    def _wait_for_more(self) -> bool:
        """Wait until there is more than was predicted; False if nothing more will come."""
        with self._changed:
            while not self._has_ended():
                is_due = time.monotonic() >= self._due or self._finished
                if is_due and (self._finished or len(self._recording) > self._predicted_bytes):
                    return True
                self._changed.wait(POLL_SECONDS)
                self._discard_if_idle()
        return False

    def _has_ended(self) -> bool:
        """Whether nothing is left to predict."""
        return self._cancelled or (self._finished and (self._is_whole_predicted or not self._recording))

    def _discard_if_idle(self) -> None:
        """Discard the recording if the visitor has left."""
        if not self._finished and time.monotonic() - self._last_arrival > LIVE_LIMITS.idle_seconds:
            self.cancel()

    def _predict_newest(self) -> None:
        """Predict from all that has arrived, also while it waited for its turn."""
        with self._changed:
            recording, is_whole = self._recording, self._finished
        self._due = time.monotonic() + LIVE_LIMITS.interval_seconds
        self._predict(recording, faces=is_whole or self._reads_faces())
        self._predicted_bytes, self._is_whole_predicted = len(recording), is_whole

    def _keep_position(self, place: int) -> None:
        self.queue_position = place
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        if self._cancelled:
            raise LiveCancelledError

    def _reads_faces(self) -> bool:
        """Whether faces are searched before the end, too; only for models that need them, because it takes a second."""
        from personality.models.clip_features import reads_faces

        return reads_faces(self._model.network.needs)

    def _predict(self, recording: bytes, *, faces: bool) -> None:
        """Predict from the recording so far. The end of an unfinished recording may not be readable yet, so an error
        does not end the thread: the next attempt has more to read."""
        try:
            with log_duration("live prediction"):
                *_, sample = self._pieces_until_cancelled(recording, faces)
                assert isinstance(sample, Sample)
                seconds = max(sample.duration, sample.audio_seconds + len(sample.rest) / PREPROCESSING.sample_rate)
                for outcome in predict_impressions(sample, [self._model]):
                    self._answers.append(LiveAnswer(seconds, outcome))
            self.error = None
        except (ValueError, OSError) as error:  # a MediaError is a ValueError
            self.error = error

    def _pieces_until_cancelled(self, recording: bytes, faces: bool) -> Iterator[ClipUpdate]:
        for piece in read_clip_in_sandbox(recording, faces=faces):
            self._check_cancelled()
            yield piece


def start_live_prediction(model: Model, turns: FairQueue, user: Hashable = None) -> LivePrediction | None:
    """Start a LivePrediction, unless as many are running as LIVE_LIMITS allows: then return None."""
    with _running_lock:
        running = sum(one.is_running for one in _running)
        if running >= (LIVE_LIMITS.at_once_public if is_public() else LIVE_LIMITS.at_once):
            return None
        prediction = LivePrediction(model, turns, user)
        _running.add(prediction)
        prediction.start()
        return prediction
