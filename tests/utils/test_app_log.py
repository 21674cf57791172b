import logging

import pytest

from personality.utils.app_log import log_duration, log_to_stderr


def test_log_has_operation_and_duration_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "personality"):
        with log_duration("prediction"):
            pass
        with pytest.raises(ValueError), log_duration("prediction"):
            raise ValueError("in secret.mp4")
    first, second = caplog.messages
    assert first == "prediction: 0.00 s"
    assert second == "prediction: 0.00 s, ended by ValueError"


def test_log_has_a_single_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("personality")
    monkeypatch.setattr(log, "handlers", [])
    log_to_stderr()
    log_to_stderr()
    assert len(log.handlers) == 1
