"""The card of a model: its licence comes from the cards of its caches, its R2 is scikit-learn's."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from personality.dataset.dataset_card import SYNTHETIC_LICENCE, UNKNOWN_LICENCE
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import write_json
from training.data.joined_cache import open_cache
from training.engine.model_card import compute_r2, join_licences


def write_card(folder: Path, **card: object) -> Path:
    folder.mkdir()
    write_json(folder / "card.json", card)
    return folder


def test_a_cache_of_an_earlier_version_has_the_licence_of_its_kind(tmp_path: Path) -> None:
    assert join_licences(Cache(write_card(tmp_path / "a", synthetic=True))) == SYNTHETIC_LICENCE
    assert join_licences(Cache(write_card(tmp_path / "b", synthetic=False))) == UNKNOWN_LICENCE


def test_the_licences_of_two_caches_are_joined(tmp_path: Path) -> None:
    first = write_card(tmp_path / "first", synthetic=False, licence="CC BY 4.0")
    second = write_card(tmp_path / "second", synthetic=True, licence=SYNTHETIC_LICENCE)
    assert join_licences(open_cache(first, second)) == f"CC BY 4.0 and {SYNTHETIC_LICENCE}"
    assert join_licences(open_cache(first, first)) == "CC BY 4.0"


def test_r2_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    labels, predicted = random.random((20, 5)), random.random((20, 5))
    assert compute_r2(predicted, labels) == pytest.approx(r2_score(labels, predicted, multioutput="raw_values"))
    labels[:, 2] = 0.5
    assert np.isnan(compute_r2(predicted, labels)).tolist() == [False, False, True, False, False]
