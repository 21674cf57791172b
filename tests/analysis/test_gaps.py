"""Gaps: values checked by hand and against fairlearn, the level and the power of the tests, simulated gaps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from scipy import stats
from sklearn.metrics import mean_absolute_error

from benchmarks.calibration import power_at_minimum_detectable
from personality.analysis.corrections import benjamini_hochberg, holm
from personality.analysis.gaps import MAX_COMPARED_GROUPS, OTHER_GROUPS, compare_groups, compare_measures
from personality.analysis.jackknife import MIN_SOURCES
from personality.assets.demo import DEMO_PREDICTIONS_FILE
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import PredictionsError
from personality.traits import TRAIT_NAMES


def predictions(
    errors: np.ndarray, group: np.ndarray, source: np.ndarray, *, traits: tuple[str, ...] = TRAIT_NAMES
) -> pd.DataFrame:
    """Predictions of labels of 0.5 with the given errors, (N,), for every trait."""
    clips = pd.DataFrame({"clip": [f"c{i}" for i in range(len(errors))], "source": source.astype(str)})
    clips = clips.assign(split="test", model="m", predicted=0.5 + errors, actual=0.5, group=group)
    return clips.merge(pd.DataFrame({"trait": traits}), how="cross")


def test_gap_from_a_named_group_and_from_all_other_groups() -> None:
    errors = np.array([0.1, 0.1, 0.1, 0.2, 0.2, 0.3])
    table = predictions(errors, np.array(list("aaabbc")), np.arange(6))
    gaps = compare_groups(table, ["group"], reference="a").gaps.query("trait == 'openness'").set_index("group")
    assert gaps["gap"].to_dict() == pytest.approx({"b": -0.1, "c": -0.2})
    assert gaps["n_reference"].tolist() == [3, 3]
    gaps = compare_groups(table, ["group"]).gaps.query("trait == 'openness'").set_index("group")
    assert gaps["gap"].to_dict() == pytest.approx({"a": 0.4 / 3, "b": -0.05, "c": -0.16})
    assert (gaps["reference"] == OTHER_GROUPS).all()
    assert gaps["verdict"].str.contains(str(MIN_SOURCES)).all()  # three sources, two and one
    assert gaps[["low", "high", "p", "p_holm", "detectable"]].isna().all(axis=None)
    signed = compare_groups(table, ["group"], measure="signed_error", reference="a").gaps
    assert signed.query("trait == 'mean' and group == 'b'")["gap"].item() == pytest.approx(0.1)


def test_an_exception_of_the_check_ends_a_comparison() -> None:
    table = predictions(np.random.default_rng(0).random(60) / 2, np.repeat(list("abc"), 20), np.arange(60))
    calls: list[int] = []
    compare_groups(table, ["group"], check=lambda: calls.append(1))
    assert len(calls) > 3

    def leave() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        compare_groups(table, ["group"], check=leave)
    assert len(calls) == 1


def test_gap_in_gain() -> None:
    """The errors are equal in both groups, but the mean baseline is better in `a`, so the gain is smaller there."""
    table = predictions(np.full(8, 0.1), np.repeat(["a", "b"], 4), np.arange(8))
    table["constant"] = np.where(table["group"] == "a", 0.65, 0.8)  # misses by .15 and .3
    table.loc[table["clip"].eq("c0"), "constant"] = 0.75  # .25, so the group's mean is .175
    gaps = compare_groups(table, ["group"], measure="gain").gaps.set_index("trait")
    assert gaps["gap"].to_dict() == pytest.approx(dict.fromkeys([*TRAIT_NAMES, "mean"], (0.175 - 0.1) - (0.3 - 0.1)))
    assert compare_groups(table, ["group"]).gaps["gap"].abs().max() == pytest.approx(0)


def test_gap_in_gain_equals_fairlearn() -> None:
    random = np.random.default_rng(11)
    group = random.choice(list("ab"), 90)
    table = predictions(random.uniform(-0.3, 0.3, 90), group, np.arange(90))
    table["actual"] = table["clip"].map(dict(zip(table["clip"].unique(), random.random(90), strict=True)))
    table["constant"] = 0.55
    one = table[table["trait"] == "openness"]

    def gain(actual: pd.Series, predicted: pd.Series) -> float:
        return mean_absolute_error(actual, np.full(len(actual), 0.55)) - mean_absolute_error(actual, predicted)

    frame = MetricFrame(metrics=gain, y_true=one["actual"], y_pred=one["predicted"], sensitive_features=one["group"])
    found = compare_groups(table, ["group"], measure="gain")
    row = found.gaps.set_index("trait").loc["openness"]
    assert row["gap"] == pytest.approx(frame.by_group["a"] - frame.by_group["b"], abs=1e-12)
    assert row["low"] < row["gap"] < row["high"]
    assert found.spreads.set_index("trait").loc["openness", "difference"] == pytest.approx(frame.difference())
    # Every clip is a separate source, so p is close to that of a t-test of the gains of the clips.
    gains = (one["constant"] - one["actual"]).abs() - (one["predicted"] - one["actual"]).abs()
    gains_by_group = [gains[one["group"] == name] for name in "ab"]
    assert row["p"] == pytest.approx(stats.ttest_ind(*gains_by_group, equal_var=False).pvalue, abs=0.05)


def test_gain_requires_the_training_mean() -> None:
    table = predictions(np.full(8, 0.1), np.repeat(["a", "b"], 4), np.arange(8))
    with pytest.raises(PredictionsError, match="constant"):
        compare_groups(table, ["group"], measure="gain")


def test_default_reference_of_two_groups_is_the_other_group() -> None:
    random = np.random.default_rng(0)
    table = predictions(random.uniform(0, 0.3, 80), np.repeat(["a", "b"], 40), np.arange(80))
    gaps = compare_groups(table, ["group"]).gaps
    assert gaps["group"].unique().tolist() == ["a"]
    assert gaps["reference"].unique().tolist() == ["b"]


def test_difference_and_ratio_equal_fairlearn() -> None:
    random = np.random.default_rng(1)
    table = predictions(random.uniform(-0.3, 0.3, 90), random.choice(list("abcd"), 90), np.arange(90))
    one = table[table["trait"] == "openness"]
    frame = MetricFrame(
        metrics=mean_absolute_error, y_true=one["actual"], y_pred=one["predicted"], sensitive_features=one["group"]
    )
    spread = compare_groups(table, ["group"]).spreads.set_index("trait").loc["openness"]
    assert spread["difference"] == pytest.approx(frame.difference(), abs=1e-12)
    assert spread["error_ratio"] == pytest.approx(frame.ratio(), abs=1e-12)
    assert (spread["lowest"], spread["highest"]) == (frame.by_group.idxmax(), frame.by_group.idxmin())


def test_only_the_gaps_of_the_synthetic_labels_are_significant() -> None:
    table = read_predictions(DEMO_PREDICTIONS_FILE)
    table = table[table["model"] == "practice_visual"].copy()
    random = np.random.default_rng(6)
    clips = table[["clip", "source", "gender"]].drop_duplicates("clip")
    by_source = pd.Series(random.normal(0, 0.02, clips["source"].nunique()), clips["source"].unique())
    noise = table["source"].map(by_source) + random.normal(0, 0.05, len(table))
    men = table["gender"].eq("male")
    for trait, shift in (("openness", 0.08), ("extraversion", -0.08)):
        noise = noise + np.where(men & table["trait"].eq(trait), shift, 0)
    shifted = table.assign(predicted=table["actual"] + noise)
    rows = compare_groups(shifted, ["gender"], measure="signed_error").gaps.set_index("trait")
    assert rows.loc["openness", "verdict"].startswith("overrates men compared with women, by 0.")
    assert rows.loc["extraversion", "verdict"].startswith("underrates men compared with women, by 0.")
    unshifted = rows.loc[["conscientiousness", "agreeableness", "emotional_stability"]]
    assert unshifted["verdict"].str.startswith("no significant difference; minimum detectable at 80 % power: 0.").all()
    rows = compare_groups(shifted, ["gender"]).gaps.set_index("trait")
    assert rows.loc["openness", "verdict"].startswith("less accurate for men than for women, by 0.")


@pytest.mark.parametrize("groups", [2, pytest.param(5, marks=pytest.mark.trial)])
def test_detectable_difference_has_80_percent_power(groups: int) -> None:
    """After Holm's correction, for one trait."""
    assert 0.7 < power_at_minimum_detectable(groups, "openness", repetitions=60) < 0.93


def test_corrections_equal_scipy() -> None:
    assert holm(np.array([0.01, 0.04, np.nan, 0.03])) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    p = np.random.default_rng(8).random(30) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_large_gap_is_significant_among_twenty_groups() -> None:
    """Twenty groups x five traits."""
    group = np.repeat(np.arange(20), 20).astype(str)
    random = np.random.default_rng(9)
    errors = random.normal(0, 0.02, 400) + np.where(group == "7", 0.2, 0.0)
    gaps = compare_groups(predictions(errors, group, np.arange(400)), ["group"], measure="signed_error").gaps
    assert (gaps.loc[gaps["group"].eq("7"), "p_holm"] < 0.05).all()
    assert gaps.loc[gaps["p_holm"].idxmin(), "group"] == "7"
    assert gaps["p_holm"].ge(0.05).mean() > 0.9


def test_verdict_of_a_small_group_states_its_size() -> None:
    random = np.random.default_rng(10)
    table = predictions(random.uniform(0, 0.3, 60), np.where(np.arange(60) < 10, "few", "many"), np.arange(60))
    (verdict,) = compare_groups(table, ["group"]).gaps.query("trait == 'mean'")["verdict"]
    assert "10 clips" in verdict


def test_invalid_comparisons_raise() -> None:
    table = predictions(np.ones(4) / 9, np.array(list("aabb")), np.arange(4))
    emotions = np.repeat(["sadness", "happy"], len(table) // 2)
    for arguments, message in (
        ({"by": ["split_"]}, "split_"),
        ({"by": ["group"], "reference": "z"}, "'z'.* a, b"),
        ({"by": ["emotion"], "reference": "fear"}, "'fear'.*happy, sadness"),
        ({"by": ["group"], "measure": "beauty"}, "'beauty'.*gain"),
    ):
        with pytest.raises(PredictionsError, match=message):
            compare_groups(table.assign(split_="x", emotion=emotions), **arguments)


def test_gender_gap_of_an_external_system_on_real_people(real_data: Path) -> None:
    """The winners of the 2017 challenge on the official validation split: the gender gap is not significant."""
    from personality.dataset import load_dataset
    from personality.inference.import_predictions import import_predictions
    from personality.predictions.assemble import join_predictions

    folder = real_data / "first-impressions"
    dataset = load_dataset(folder)
    tables = [
        import_predictions(path, dataset, split="validation", model=path.stem.removeprefix("validation_"))[0]
        for path in sorted((folder / "published_predictions").glob("*.csv"))
    ]
    table = join_predictions(tables, mean="mean of both")
    assert table["clip"].nunique() == 2_000
    rows = compare_groups(table, ["gender"]).gaps.query("trait == 'mean'")
    assert rows["model"].tolist() == ["audio_scene", "face", "mean of both"]
    assert (rows["gap"] > 0).all()  # male minus female
    assert rows["verdict"].str.startswith("no significant difference").all()


def clustered(random: np.random.Generator, sources: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the clips of sources of equal size, with an intraclass correlation of 0.5, and the source of each."""
    source = np.repeat(np.arange(sources), size)
    return 0.05 * (random.normal(size=sources)[source] + random.normal(size=len(source))), source


def test_gap_within_sources_is_significant() -> None:
    """Each source has one clip of each group, .5 apart; a test that permutes whole sources would not detect this."""
    errors, source = clustered(np.random.default_rng(12), 40, 2)
    group = np.tile(["silent", "speaking"], 40)
    table = predictions(errors * 0.4 + np.where(group == "speaking", 0.25, -0.25), group, source)
    row = compare_groups(table, ["group"], measure="signed_error").gaps.set_index("trait").loc["mean"]
    assert row["test"] == "within sources"
    assert row["p"] < 1e-20
    assert row["gap"] == pytest.approx(-0.5, abs=0.05)
    paired = errors[::2] * 0.4 - errors[1::2] * 0.4 - 0.5
    assert row["p"] == pytest.approx(stats.ttest_1samp(paired, 0).pvalue, rel=1e-6)


def test_gap_between_sources_of_different_sizes_is_significant() -> None:
    source = np.repeat(np.arange(20), np.arange(1, 21))
    group = np.where(source % 2, "b", "a")
    errors = 0.05 * np.random.default_rng(13).normal(size=len(source)) + np.where(group == "b", 0.3, 0.0)
    row = compare_groups(predictions(errors, group, source), ["group"], measure="signed_error").gaps.iloc[-1]
    assert (row["test"], row["p_holm"] < 1e-6) == ("between sources", True)


def test_interval_and_p_value_agree_for_sources_of_equal_size() -> None:
    """If each source has one group, p is below .05 exactly if the interval excludes 0."""
    random = np.random.default_rng(14)
    for _ in range(40):
        errors, source = clustered(random, 20, 3)
        group = np.where(source % 2, "b", "a")
        row = compare_groups(predictions(errors, group, source), ["group"], measure="signed_error").gaps.iloc[-1]
        assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
        assert row["tested_gap"] == pytest.approx(row["gap"])


@pytest.mark.trial
def test_gaps_in_concordance_and_r2_have_the_nominal_level() -> None:
    random, p = np.random.default_rng(15), []
    for _ in range(150):
        errors, source = clustered(random, 30, 4)
        table = predictions(errors, np.where(source % 2, "b", "a"), source)
        actual = pd.Series(random.normal(0.5, 0.1, 120), table["clip"].unique())
        table["actual"] = table["clip"].map(actual)
        table["predicted"] = table["actual"] + table["predicted"] - 0.5
        found = compare_measures(table, ["group"], ["concordance", "r2"])
        p.append([found[measure].gaps["p"].iloc[-1] for measure in ("concordance", "r2")])
    assert (np.mean(np.array(p) < 0.05, axis=0) < 0.11).all()


def test_compare_measures_equals_compare_groups_for_each_measure() -> None:
    table = read_predictions(DEMO_PREDICTIONS_FILE)
    found = compare_measures(table, ["emotion"])
    assert next(iter(found)) == "gain"
    for measure in ("accuracy", "r2"):
        single = compare_groups(table, ["emotion"], measure=measure)
        pd.testing.assert_frame_equal(found[measure].gaps, single.gaps)
        pd.testing.assert_frame_equal(found[measure].spreads, single.spreads)


def test_largest_difference_is_corrected_for_all_pairs() -> None:
    errors, source = clustered(np.random.default_rng(16), 40, 3)
    table = predictions(errors, np.array(list("abcd"))[source % 4], source)
    spread = compare_groups(table, ["group"], measure="signed_error").spreads.set_index("trait").loc["mean"]
    two = table[table["group"].isin([spread["lowest"], spread["highest"]])]
    gap = compare_groups(two, ["group"], measure="signed_error").gaps.set_index("trait").loc["mean"]
    assert spread["difference"] == pytest.approx(abs(gap["gap"]))
    assert spread["p"] > gap["p"]
    assert spread["high"] - spread["low"] > gap["high"] - gap["low"]


def test_too_many_groups_raise() -> None:
    count = MAX_COMPARED_GROUPS + 1
    table = predictions(np.full(count, 0.1), np.arange(count).astype(str), np.arange(count))
    with pytest.raises(PredictionsError, match=r"51 groups.*50"):
        compare_groups(table, ["group"])
