"""Attempts to fill a cache exclude the workers of earlier attempts."""

import threading
import time
from pathlib import Path

import pytest

from personality.preprocessing import build_attempt as attempt_module
from personality.preprocessing.build_attempt import SupersededError, begin_attempt, join_build_attempt


def test_workers_of_one_attempt_run_concurrently(tmp_path: Path) -> None:
    attempt = begin_attempt(tmp_path)
    with join_build_attempt(tmp_path, attempt), join_build_attempt(tmp_path, attempt):
        pass


def test_a_later_attempt_waits_for_workers_of_an_earlier_one_and_ends_them(tmp_path: Path) -> None:
    first = begin_attempt(tmp_path)
    reading, finished = threading.Event(), []

    def work() -> None:
        with join_build_attempt(tmp_path, first):
            reading.set()
            time.sleep(0.2)
            finished.append("clip")

    worker = threading.Thread(target=work)
    worker.start()
    assert reading.wait(10)
    second = begin_attempt(tmp_path)
    assert finished == ["clip"]
    worker.join()
    with pytest.raises(SupersededError), join_build_attempt(tmp_path, first):
        finished.append("another clip")
    with join_build_attempt(tmp_path, second):
        finished.append("clip of the second attempt")
    assert finished == ["clip", "clip of the second attempt"]


def test_worker_that_does_not_end_raises_after_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_module, "WORKER_EXIT_TIMEOUT_SECONDS", 0.05)
    with (
        join_build_attempt(tmp_path, begin_attempt(tmp_path)),
        pytest.raises(ValueError, match="earlier run still write"),
    ):
        begin_attempt(tmp_path)
    begin_attempt(tmp_path)
