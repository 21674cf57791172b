"""The search for the worst groups: attributes searched, groups found, rate of false positives."""

import numpy as np
import pytest

from benchmarks.calibration import make_null_table, worst_group_false_positives
from personality.analysis.gaps import compare_groups
from personality.analysis.worst_groups import find_worst_groups, searchable_attributes
from personality.predictions.predictions_table import PredictionsError


def test_simulated_worst_group_is_listed_first() -> None:
    table = make_null_table(np.random.default_rng(0))
    worse = table["a"].eq("a1") & table["b"].eq("b1")
    table["predicted"] = (table["predicted"] + np.where(worse, 0.15, 0.0)).clip(0, 1)
    rows = find_worst_groups(table, ["a", "b", "c"])
    first = rows.iloc[0]
    assert (first["attributes"], first["group"]) == ("a x b", "a1 x b1")
    assert first["p_holm"] < 1e-6
    assert first["low"] < first["gap"] < first["high"] < 0


def test_gaps_equal_compare_groups_with_wider_intervals() -> None:
    table = make_null_table(np.random.default_rng(1))
    rows = find_worst_groups(table, ["a", "b"]).set_index("group")
    gaps = compare_groups(table, ["b"]).gaps.query("trait == 'mean'").set_index("group")
    for group in ("b0", "b1", "b2"):
        assert rows.loc[group, "gap"] == pytest.approx(gaps.loc[group, "gap"])
        assert rows.loc[group, "p"] == pytest.approx(gaps.loc[group, "p"])
        assert rows.loc[group, "low"] < gaps.loc[group, "low"]
    assert set(rows["searched"]) == {len(rows)}


def test_small_groups_are_not_searched() -> None:
    table = make_null_table(np.random.default_rng(2))
    rare = table["source"].isin(table["source"].unique()[:4])
    rows = find_worst_groups(table.assign(rare=np.where(rare, "few", "many")), ["rare", "a"])
    assert not rows["group"].str.contains("few").any()


def test_attributes_with_few_values_are_searched_by_default() -> None:
    table = make_null_table(np.random.default_rng(3), sources=240).assign(one="same")
    table["number"] = np.arange(len(table)) // 5
    assert searchable_attributes(table) == ["a", "b", "c"]
    assert set(find_worst_groups(table)["attributes"]) == {"a", "b", "c", "a x b", "a x c", "b x c", "a x b x c"}
    with pytest.raises(PredictionsError, match="no attribute of 2 to"):
        find_worst_groups(table.drop(columns=["a", "b", "c", "number"]))


@pytest.mark.trial
def test_false_positive_rate_is_low() -> None:
    """In 1,000 searches the rate is 3 % (docs/analysis.md); in 40, more than 6 would indicate an error (p < .02)."""
    assert worst_group_false_positives(40) <= 6 / 40
