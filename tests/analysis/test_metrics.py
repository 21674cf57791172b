import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from personality.analysis.group_assignment import assign_groups
from personality.analysis.groups import accuracy_by
from personality.predictions.predictions_table import PredictionsError, to_prediction_arrays
from personality.traits import TRAIT_NAMES
from tests.analysis.test_analysis import predictions


def test_correlations_and_means_equal_scipy() -> None:
    table = predictions(models=("a", "b"))
    rows = accuracy_by(table, ["gender"]).set_index(["model", "trait", "group"])
    for (model, trait, gender), part in table.groupby(["model", "trait", "gender"]):
        row, p, a = rows.loc[(model, trait, gender)], part["predicted"], part["actual"]
        assert row["pearson"] == pytest.approx(stats.pearsonr(p, a).statistic)
        both = np.cov(p, a, bias=True)
        wanted = 2 * both[0, 1] / (both[0, 0] + both[1, 1] + (p.mean() - a.mean()) ** 2)
        assert row["concordance"] == pytest.approx(wanted)
        assert (row["actual_mean"], row["predicted_mean"]) == pytest.approx((a.mean(), p.mean()))
        assert row["actual_deviation"] == pytest.approx(a.std(ddof=0))
        assert row["spread_ratio"] == pytest.approx(p.std() / a.std())
        assert row["gain"] == pytest.approx(row["accuracy"] - row["baseline"])
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    mean = rows.xs("mean", level="trait")
    five = rows.drop("mean", level="trait").groupby(["model", "group"]).mean()
    for name in ("pearson", "concordance", "signed_error", "actual_mean"):
        np.testing.assert_allclose(mean[name].sort_index(), five[name].sort_index())


@pytest.mark.parametrize("figure", ["pearson", "concordance", "signed_error"])
def test_intervals_agree_with_scipy_bootstrap_for_one_clip_per_source(figure: str) -> None:
    table = predictions(clips=150).assign(source=lambda t: t["clip"])
    row = accuracy_by(table).set_index("trait").loc["openness"]
    part = table[table["trait"] == "openness"]

    def statistic(p: np.ndarray, a: np.ndarray) -> float:
        if figure == "signed_error":
            return (p - a).mean()
        both = np.cov(p, a, bias=True)
        if figure == "pearson":
            return both[0, 1] / np.sqrt(both[0, 0] * both[1, 1])
        return 2 * both[0, 1] / (both[0, 0] + both[1, 1] + (p.mean() - a.mean()) ** 2)

    wanted = stats.bootstrap(
        (part["predicted"].to_numpy(), part["actual"].to_numpy()),
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=5_000,
        method="percentile",
        rng=1,
    ).confidence_interval
    assert (row[f"{figure}_low"], row[f"{figure}_high"]) == pytest.approx(tuple(wanted), abs=0.015)


def test_r2_and_calibration_slope_equal_sklearn_and_numpy() -> None:
    table = predictions(models=("a",))
    rows = accuracy_by(table, ["gender"]).set_index(["trait", "group"])
    for (trait, gender), part in table.groupby(["trait", "gender"]):
        row, p, a = rows.loc[(trait, gender)], part["predicted"], part["actual"]
        assert row["r2"] == pytest.approx(r2_score(a, p))
        assert row["calibration_slope"] == pytest.approx(np.polyfit(p, a, 1)[0])
        assert row["r2_low"] < row["r2"] < row["r2_high"]


def test_effective_sources_follow_kishs_formula() -> None:
    table = predictions(clips=12)
    table["source"] = np.where(table["clip"].isin(["c0", "c1", "c2", "c3", "c4", "c5", "c6"]), "big", table["clip"])
    row = accuracy_by(table).iloc[0]
    assert (row["sources"], row["effective_sources"]) == (6, pytest.approx(12**2 / (7**2 + 5)))


def test_numbers_are_cut_into_ranges() -> None:
    clips = pd.DataFrame({"age": [10.0, 25.0, 39.9, 40.0, np.nan], "gender": list("mmfff")})
    ages = assign_groups(clips, ["age:40,25"])
    assert ages.groups == [("under 25",), ("25 to 40",), ("40 and over",)]
    assert ages.codes.tolist() == [0, 1, 1, 2, -1]
    assert assign_groups(clips[3:], ["age:25,40"]).groups == ages.groups  # empty groups are kept
    crossed = assign_groups(clips, ["gender", "age:25"])
    assert crossed.groups == [("f", "25 and over"), ("m", "under 25"), ("m", "25 and over")]
    assert crossed.names[1] == "m x under 25"
    assert crossed.codes.tolist() == [1, 2, 0, 0, -1]
    many = ",".join(map(str, range(51)))
    for words in ("age:young", "gender:3", "age:nan", "age:3,inf", "age:3,,4", f"age:{many}"):
        with pytest.raises(PredictionsError, match="expected NAME:EDGE,EDGE"):
            assign_groups(clips, [words])


def test_clips_without_a_prediction_are_left_out() -> None:
    table = predictions(models=("a", "b"))
    quiet = table[~(table["model"].eq("b") & table["clip"].isin(["c0", "c1"]))]
    rows = accuracy_by(quiet).set_index(["model", "trait"])
    assert rows.loc[("b", "openness"), "n"] == 58
    assert rows.loc[("a", "openness"), "n"] == 60
    some = table[table["model"].eq("b") & table["trait"].eq("openness") & ~table["clip"].isin(["c0", "c1"])]
    assert rows.loc[("b", "openness"), "accuracy"] == pytest.approx(
        1 - (some["predicted"] - some["actual"]).abs().mean()
    )


def test_row_order_does_not_matter() -> None:
    table = predictions(models=("a", "b"))
    one, other = (
        to_prediction_arrays(table),
        to_prediction_arrays(table.sample(frac=1, random_state=1).sort_values("model", kind="stable")),
    )
    order = [other.clips["clip"].tolist().index(clip) for clip in one.clips["clip"]]
    np.testing.assert_array_equal(one.predicted, other.predicted[order])
    np.testing.assert_array_equal(one.actual, other.actual[order])
    assert one.clips["source"].tolist() == other.clips["source"].iloc[order].tolist()
    assert one.predicted.shape == (60, 2, len(TRAIT_NAMES))
