import numpy as np
import pandas as pd
import pytest
from scipy import stats

from personality.analysis.model_comparison import compare_models
from personality.predictions.predictions_table import PredictionsError
from personality.traits import TRAIT_NAMES


def predictions(errors: dict[str, np.ndarray], clips_per_source: int = 1) -> pd.DataFrame:
    """Predictions of labels of 0.5 with the given errors by model, (N,), for every trait."""
    parts = []
    for model, missed in errors.items():
        for trait in TRAIT_NAMES:
            names = [f"c{i}" for i in range(len(missed))]
            sources = [f"s{i // clips_per_source}" for i in range(len(missed))]
            rows = {"clip": names, "source": sources, "split": "test", "model": model, "trait": trait}
            parts.append(pd.DataFrame({**rows, "predicted": 0.5 + missed, "actual": 0.5}))
    return pd.concat(parts, ignore_index=True)


def test_constant_difference_has_zero_width_interval() -> None:
    missed = np.random.default_rng(0).uniform(0.05, 0.3, 40)
    rows = compare_models(predictions({"a": missed, "b": missed - 0.02}), "a")
    assert rows["model"].unique().tolist() == ["b"]
    assert rows["trait"].tolist() == [*TRAIT_NAMES, "mean"]
    for column in ("difference", "low", "high"):
        np.testing.assert_allclose(rows[column], 0.02, atol=1e-6)
    assert set(rows["n"]) == {40}


def test_interval_equals_paired_t_test_for_one_clip_per_source() -> None:
    random = np.random.default_rng(1)
    a, b = random.uniform(0, 0.3, (2, 200))
    row = compare_models(predictions({"a": a, "b": b}), "a").iloc[-1]
    found = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert row["difference"] == pytest.approx((a - b).mean())
    assert (row["low"], row["high"]) == pytest.approx(tuple(found))


def test_clips_of_one_source_widen_the_interval() -> None:
    random = np.random.default_rng(2)
    shared = np.repeat(random.normal(0, 0.02, 20), 5)
    errors = {"a": np.full(100, 0.2), "b": 0.2 + shared}
    together = compare_models(predictions(errors, clips_per_source=5), "a").iloc[-1]
    apart = compare_models(predictions(errors), "a").iloc[-1]
    assert together["high"] - together["low"] > 1.7 * (apart["high"] - apart["low"])
    assert (together["n"], together["sources"]) == (100, 20)


def test_only_clips_predicted_by_both_models_are_compared() -> None:
    table = predictions({"a": np.full(10, 0.1), "b": np.full(10, 0.2)})
    table = table[~((table["model"] == "b") & table["clip"].isin(["c0", "c1"]))]
    assert set(compare_models(table, "a")["n"]) == {8}


def test_unknown_reference_model_raises() -> None:
    with pytest.raises(PredictionsError, match=r"'z'.*a, b"):
        compare_models(predictions({"a": np.ones(3) / 9, "b": np.ones(3) / 8}), "z")


def test_models_without_common_clips_have_no_difference() -> None:
    table = predictions({"a": np.full(8, 0.1), "b": np.full(8, 0.2)})
    first = table["clip"].isin([f"c{i}" for i in range(4)])
    rows = compare_models(table[first == table["model"].eq("a")], "a")
    assert set(rows["n"]) == {0}
    assert rows["difference"].isna().all()
