import numpy as np
import pytest

from personality.analysis.consistency_checks import (
    check_group_averages,
    count_attribute_origins,
    find_misprinted_models,
    infer_first_group_share,
)
from personality.analysis.groups import accuracy_by
from tests.analysis.test_analysis import predictions


def test_groups_average_to_the_whole_and_unknown_clips_are_counted() -> None:
    table = predictions(models=("a", "b"))
    table["gender"] = table["gender"].where(~table["clip"].isin(["c1", "c2"]))
    rows = accuracy_by(table, ["gender"])
    unknown, off = check_group_averages(table, rows, ["gender"])
    assert (unknown, off) == (2, pytest.approx(0, abs=1e-12))
    wrong = rows.assign(accuracy=rows["accuracy"] + np.where(rows["group"].eq("male"), 0.01, 0.0))
    assert check_group_averages(table, wrong, ["gender"])[1] > 1e-3


def test_check_passes_without_any_known_group() -> None:
    table = predictions(models=("a", "b")).assign(gender=None)
    rows = accuracy_by(table, ["gender"])
    assert check_group_averages(table, rows, ["gender"]) == (table["clip"].nunique(), 0.0)


def test_attribute_origins_are_counted_by_clip() -> None:
    table = predictions(models=("a", "b"))
    assert count_attribute_origins(table, "gender") == {}
    table["gender_from"] = np.where(table["clip"].isin(["c1", "c2"]), "estimated", "annotated")
    assert count_attribute_origins(table, "gender") == {"annotated": table["clip"].nunique() - 2, "estimated": 2}


def test_first_group_share_by_hand() -> None:
    share = infer_first_group_share((0.9, 0.8), (0.8, 0.9), (0.84, 0.86), digits=3)
    assert share is not None
    low, high = share
    assert low <= 0.4 <= high
    assert high - low < 0.03
    assert infer_first_group_share((0.9, 0.8), (0.8, 0.9), (0.84, 0.84), digits=3) is None
    assert infer_first_group_share((0.9,), (0.8,), (0.95,), digits=3) is None
    assert infer_first_group_share((0.9,), (0.9,), (0.9,), digits=3) == (0.0, 1.0)
    assert infer_first_group_share((0.9,), (0.9,), (0.91,), digits=3) is None


def test_two_rows_of_the_thesis_are_inconsistent() -> None:
    assert find_misprinted_models() == ["thesis audio", "thesis audio+visual+handcrafted"]
