from __future__ import annotations

import pytest

from training.config.run_config import Stage, preset
from training.runs.eta import estimate_eta

CONFIG = preset("visual", stages=(Stage(10, "head", 1e-3), Stage(4, "all", 1e-5)))


def rows(stage: int, *seconds: float) -> list[dict]:
    return [{"stage": stage, "seconds": one} for one in seconds]


def test_before_the_first_epoch_the_time_is_unknown() -> None:
    found = estimate_eta(CONFIG, {}, [])
    assert (found.epoch, found.epochs, found.stage_seconds_left, found.later_stage_epochs) == (1, 14, None, 4)


def test_the_median_of_the_latest_epochs_times_those_left() -> None:
    found = estimate_eta(CONFIG, {"done": 0.5}, rows(1, 100, 2, 2, 2, 2, 3))
    assert found.stage_seconds_left == pytest.approx((10 - 6 - 0.5) * 2)
    assert found.share_done == pytest.approx(6.5 / 14)
    assert found.epoch == 7


def test_another_stage_takes_another_time() -> None:
    first = rows(1, *[2.0] * 10)
    assert estimate_eta(CONFIG, {}, first).stage_seconds_left is None
    found = estimate_eta(CONFIG, {}, first + rows(2, 60, 60))
    assert found.stage_seconds_left == pytest.approx(120)
    assert found.later_stage_epochs == 0


def test_a_stage_that_ended_early_is_behind() -> None:
    found = estimate_eta(CONFIG, {}, rows(1, 2, 2) + rows(2, 60))
    assert found.stage_seconds_left == pytest.approx(180)
