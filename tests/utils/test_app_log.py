import logging

import pytest

from personality.utils.app_log import log_duration, log_to_stderr


def test_the_log_tells_what_happened_and_how_long_it_took_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "personality"):
        with log_duration("prediction"):
            pass
        with pytest.raises(ValueError), log_duration("prediction"):
            raise ValueError("in secret.mp4")
    first, second = caplog.messages
    assert first == "prediction: 0.00 s"
    assert second == "prediction: 0.00 s, ended by ValueError"


def test_the_log_has_one_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("personality")
    monkeypatch.setattr(log, "handlers", [])
    log_to_stderr()
    log_to_stderr()
    assert len(log.handlers) == 1
