"""Differences between two clips, compared with the change caused by a new recording of one clip."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from personality.inference.predict import Impression
from personality.inference.two_takes import RECORDING_CHANGE_SPREADS, compare_takes
from personality.traits import TRAIT_NAMES


def impression(model: str, value: float) -> Impression:
    return Impression(model, dict.fromkeys(TRAIT_NAMES, 0.5) | {"openness": value})


def test_a_difference_is_real_if_it_is_larger_than_that_of_a_recording() -> None:
    models: Any = [Mock(card={"spread": dict.fromkeys(TRAIT_NAMES, 0.05)}), Mock(card={})]
    models[0].name, models[1].name = "voice", "mine"
    margin = RECORDING_CHANGE_SPREADS["voice"] * 0.05
    near, far = impression("voice", 0.5 + 0.9 * margin), impression("voice", 0.5 - 1.1 * margin)
    first = [impression("voice", 0.5), impression("mine", 0.5), impression("only_first", 0.5)]
    table = compare_takes(first, [near, impression("mine", 0.9)], models)
    assert table["model"].unique().tolist() == ["voice", "mine"]
    assert not table["is_real"].any()
    assert table.loc[table["model"].eq("mine"), "margin"].isna().all()
    assert table["difference"].iloc[0] == pytest.approx(0.9 * margin)
    table = compare_takes(first, [far], models)
    assert table["is_real"].tolist() == [True, False, False, False, False]
    np.testing.assert_allclose(table["margin"], margin)
