"""Recalibration by group: fitted on other sources only, removes bias, does not remove disagreement of raters."""

import numpy as np
import pandas as pd
import pytest

from personality.analysis.gaps import compare_groups
from personality.analysis.recalibration import RECALIBRATED, RECALIBRATED_BY_GROUP, recalibrate, recalibration_effects
from personality.predictions.predictions_table import PredictionsError
from personality.traits import TRAIT_NAMES


def planted(*, bias: float = 0.0, noise: float = 0.02, sources: int = 80) -> pd.DataFrame:
    """Sources of three clips. Every second source is in group `a`, whose people the model overrates by `bias` and whose
    ratings have the standard deviation `noise`."""
    random = np.random.default_rng(0)
    source = np.repeat(np.arange(sources), 3)
    first = source % 2 == 0
    parts = []
    for trait in TRAIT_NAMES:
        truth = 0.5 + 0.1 * random.normal(size=len(source))
        actual = truth + np.where(first, noise, 0.02) * random.normal(size=len(source))
        clips = {"clip": np.arange(len(source)).astype(str), "source": source.astype(str), "split": "test"}
        part = pd.DataFrame({**clips, "model": "m", "trait": trait, "actual": actual.clip(0, 1)})
        part["predicted"] = (truth + bias * first).clip(0, 1)
        parts.append(part.assign(group=np.where(first, "a", "b"), constant=0.5))
    return pd.concat(parts, ignore_index=True)


def gap(table: pd.DataFrame, model: str, measure: str) -> float:
    rows = compare_groups(table, ["group"], measure=measure).gaps
    return rows[rows["model"].eq(model) & rows["trait"].eq("mean")]["gap"].item()


def test_bias_of_a_group_is_removed_only_by_group() -> None:
    table = recalibrate(planted(bias=0.1), ["group"])
    assert gap(table, "m", "signed_error") == pytest.approx(0.1, abs=0.01)
    assert gap(table, f"m ({RECALIBRATED})", "signed_error") == pytest.approx(0.1, abs=0.03)
    assert abs(gap(table, f"m ({RECALIBRATED_BY_GROUP})", "signed_error")) < 0.02
    rows = recalibration_effects(table, ["group"])
    better = rows[rows["model"].eq(f"m ({RECALIBRATED_BY_GROUP})") & rows["trait"].eq("mean")].set_index("group")
    assert better.loc["a", "low"] > 0.04
    assert better.loc["b", "low"] > -0.005


def test_disagreement_of_raters_remains() -> None:
    table = recalibrate(planted(noise=0.12), ["group"])
    before, after = (gap(table, model, "accuracy") for model in ("m", f"m ({RECALIBRATED_BY_GROUP})"))
    assert before < -0.05
    assert after == pytest.approx(before, abs=0.01)


def test_correction_uses_only_other_sources() -> None:
    table = planted(bias=0.1, sources=20)
    mine = table["source"].eq("0")
    one = recalibrate(table, ["group"])
    other = recalibrate(table.assign(actual=np.where(mine, 1.0, table["actual"])), ["group"])
    corrected = one["model"].ne("m") & one["source"].eq("0")
    np.testing.assert_array_equal(one.loc[corrected, "predicted"], other.loc[corrected, "predicted"])
    assert not one["predicted"].equals(other["predicted"])


def test_correction_of_a_small_group_is_small() -> None:
    table = planted(bias=0.1, sources=40)
    rare = table["source"].isin(["0", "2"])
    table["group"] = np.where(rare, "rare", "b")
    found = recalibrate(table, ["group"])
    changed = found[found["model"].eq(f"m ({RECALIBRATED_BY_GROUP})")]["predicted"].to_numpy() - (
        found[found["model"].eq(f"m ({RECALIBRATED})")]["predicted"].to_numpy()
    )
    assert np.abs(changed[rare.to_numpy()]).max() < 0.03


def test_clips_of_unknown_group_get_a_correction() -> None:
    table = planted(bias=0.1)
    table.loc[table["source"].eq("3"), "group"] = None
    found = recalibrate(table, ["group"]).query("source == '3'")
    both = [
        found[found["model"].eq(f"m ({name})")]["predicted"].to_numpy()
        for name in (RECALIBRATED, RECALIBRATED_BY_GROUP)
    ]
    assert np.isfinite(both).all()


def test_too_few_sources_are_refused() -> None:
    with pytest.raises(PredictionsError, match=r"3 sources.*4"):
        recalibrate(planted(sources=3), ["group"])
