"""Gaps: figures by hand and by fairlearn, tests that keep their level, planted gaps that are found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from scipy import stats
from sklearn.metrics import mean_absolute_error

from personality.analysis.gaps import OTHERS, compare_groups
from personality.analysis.permutation import Means, benjamini_hochberg, by_size, holm, p_values, permuted_codes
from personality.analysis.scores import PredictionsError
from personality.demo import PREDICTIONS
from personality.evaluate import read_predictions
from personality.traits import TRAIT_NAMES


def predictions(
    errors: np.ndarray, group: np.ndarray, source: np.ndarray, *, traits: tuple[str, ...] = TRAIT_NAMES
) -> pd.DataFrame:
    """A model that misses 0.5 by errors (N,), the same on all traits."""
    clips = pd.DataFrame({"clip": [f"c{i}" for i in range(len(errors))], "source": source.astype(str)})
    clips = clips.assign(split="test", model="m", predicted=0.5 + errors, actual=0.5, group=group)
    return clips.merge(pd.DataFrame({"trait": traits}), how="cross")


def test_a_gap_by_hand_against_a_named_group_and_against_all_others() -> None:
    errors = np.array([0.1, 0.1, 0.1, 0.2, 0.2, 0.3])
    table = predictions(errors, np.array(list("aaabbc")), np.arange(6))
    gaps = compare_groups(table, ["group"], reference="a").gaps.query("trait == 'openness'").set_index("group")
    assert gaps["gap"].to_dict() == pytest.approx({"b": -0.1, "c": -0.2})
    assert gaps["n_reference"].tolist() == [3, 3]
    gaps = compare_groups(table, ["group"]).gaps.query("trait == 'openness'").set_index("group")
    assert gaps["gap"].to_dict() == pytest.approx({"a": 0.4 / 3, "b": -0.05, "c": -0.16})
    assert (gaps["reference"] == OTHERS).all()
    assert gaps.loc["c", "verdict"] == "one source says nothing about others"
    assert np.isnan(gaps.loc["c", "low"])
    assert gaps.loc["a", "verdict"] == "nothing varies within the groups, so chance cannot be judged"
    assert gaps.loc["a", "low"] <= gaps.loc["a", "gap"] <= gaps.loc["a", "high"]
    alone = compare_groups(table, ["group"], reference="c").gaps
    assert (alone["verdict"] == "one source says nothing about others").all()
    signed = compare_groups(table, ["group"], measure="signed_error", reference="a").gaps
    assert signed.query("trait == 'mean' and group == 'b'")["gap"].item() == pytest.approx(0.1)


def test_a_gap_in_gain_by_hand() -> None:
    """Both groups are predicted equally well; the mean does better on `a`, so the model gains less there."""
    table = predictions(np.full(8, 0.1), np.repeat(["a", "b"], 4), np.arange(8))
    table["constant"] = np.where(table["group"] == "a", 0.65, 0.8)  # misses by .15 and .3
    table.loc[table["clip"].eq("c0"), "constant"] = 0.75  # .25, so the group's mean is .175
    gaps = compare_groups(table, ["group"], measure="gain").gaps.set_index("trait")
    assert gaps["gap"].to_dict() == pytest.approx(dict.fromkeys([*TRAIT_NAMES, "mean"], (0.175 - 0.1) - (0.3 - 0.1)))
    assert compare_groups(table, ["group"]).gaps["gap"].abs().max() == pytest.approx(0)


def test_a_gap_in_gain_is_fairlearns_difference_of_gains() -> None:
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
    # As p of a t-test of the clips' gains, because here every clip is a source of its own.
    gains = (one["constant"] - one["actual"]).abs() - (one["predicted"] - one["actual"]).abs()
    two = [gains[one["group"] == name] for name in "ab"]
    assert row["p"] == pytest.approx(stats.ttest_ind(*two, equal_var=False).pvalue, abs=0.05)


def test_a_gain_needs_the_training_mean() -> None:
    table = predictions(np.full(8, 0.1), np.repeat(["a", "b"], 4), np.arange(8))
    with pytest.raises(PredictionsError, match="no column constant"):
        compare_groups(table, ["group"], measure="gain")


def test_two_groups_are_held_against_each_other() -> None:
    random = np.random.default_rng(0)
    table = predictions(random.uniform(0, 0.3, 80), np.repeat(["a", "b"], 40), np.arange(80))
    gaps = compare_groups(table, ["group"]).gaps
    assert gaps["group"].unique().tolist() == ["a"]
    assert gaps["reference"].unique().tolist() == ["b"]


def test_difference_and_ratio_equal_fairlearns() -> None:
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


def test_means_and_their_variance_are_those_of_a_loop_over_sources() -> None:
    random = np.random.default_rng(2)
    source = np.concatenate([random.integers(0, 25, 70), np.full(20, 25), np.full(30, 26)])
    values = random.normal(size=(120, 3))
    values[random.random((120, 3)) < 0.1] = np.nan
    inside = random.random((4, 120)) < 0.5
    mean, variance = Means.of(values, source)(inside)
    for row in range(4):
        for column in range(3):
            some = inside[row] & ~np.isnan(values[:, column])
            wanted = values[some, column].mean()
            parts = [(values[some & (source == one), column] - wanted).sum() for one in np.unique(source)]
            assert mean[row, column] == pytest.approx(wanted, abs=1e-5)
            assert variance[row, column] == pytest.approx(np.square(parts).sum() / some.sum() ** 2, rel=1e-3)


def test_permuted_groups_move_with_whole_sources() -> None:
    random = np.random.default_rng(3)
    source = np.repeat(np.arange(30), random.integers(1, 4, 30))
    code = np.where(random.random(len(source)) < 0.8, source % 3, -1)

    def profiles(codes: np.ndarray) -> list:
        return sorted(tuple(codes[clips]) for stratum in by_size(source) for clips in stratum)

    first, *moved = np.concatenate(list(permuted_codes(code, source, count=50, seed=0)))
    np.testing.assert_array_equal(first, code)
    assert len(moved) == 50
    assert all(profiles(codes) == profiles(code) for codes in moved)
    assert len({codes.tobytes() for codes in moved}) == 50


def draw(random: np.random.Generator, group: np.ndarray, spread: np.ndarray) -> pd.DataFrame:
    """Errors of 60 sources of two clips that are alike, groups without a meaning."""
    level = random.normal(0, 1, 60) * spread
    errors = np.repeat(level, 2) + random.normal(0, 0.5, 120) * np.repeat(spread, 2)
    return predictions(errors / 20, np.repeat(group, 2), np.repeat(np.arange(60), 2), traits=("openness",))


def found_p(table: pd.DataFrame) -> float:
    gaps = compare_groups(table, ["group"], measure="signed_error", draws=20, permutations=99).gaps
    return gaps.query("trait == 'openness'")["p"].iloc[0]


def test_p_values_are_uniform_where_groups_mean_nothing() -> None:
    random = np.random.default_rng(4)
    p = [found_p(draw(random, random.permutation(np.arange(60) % 2), np.ones(60))) for _ in range(300)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert stats.binomtest(int(np.sum(np.array(p) <= 0.05)), 300, 0.05).pvalue > 0.01


def test_a_small_group_that_varies_more_is_no_false_alarm() -> None:
    """Twelve of sixty sources with three times the spread, and the same mean: without standard errors 26 % of these
    tests would find a difference."""
    random = np.random.default_rng(5)
    group = (np.arange(60) < 12).astype(int)
    p = np.array([found_p(draw(random, group, np.where(group, 3.0, 1.0))) for _ in range(300)])
    assert (p <= 0.05).mean() < 0.09


def test_gaps_planted_in_synthetic_people_are_found_with_their_sign_and_no_others() -> None:
    table = read_predictions(PREDICTIONS)
    table = table[table["model"] == "practice_visual"].copy()
    random = np.random.default_rng(6)
    clips = table[["clip", "source", "gender"]].drop_duplicates("clip")
    by_source = pd.Series(random.normal(0, 0.02, clips["source"].nunique()), clips["source"].unique())
    noise = table["source"].map(by_source) + random.normal(0, 0.05, len(table))
    men = table["gender"].eq("male")
    for trait, shift in (("openness", 0.08), ("extraversion", -0.08)):
        noise = noise + np.where(men & table["trait"].eq(trait), shift, 0)
    planted = table.assign(predicted=table["actual"] + noise)
    rows = compare_groups(planted, ["gender"], measure="signed_error").gaps.set_index("trait")
    assert rows.loc["openness", "verdict"].startswith("overrates men compared with women, by 0.")
    assert rows.loc["extraversion", "verdict"].startswith("underrates men compared with women, by 0.")
    quiet = rows.loc[["conscientiousness", "agreeableness", "emotional_stability"]]
    assert quiet["verdict"].str.startswith("no significant difference; minimum detectable at 80 % power: 0.").all()
    rows = compare_groups(planted, ["gender"]).gaps.set_index("trait")
    assert rows.loc["openness", "verdict"].startswith("less accurate for men than for women, by 0.")


def test_what_could_have_been_seen_is_seen_four_times_in_five() -> None:
    random = np.random.default_rng(7)
    group = np.arange(60) % 2
    size = np.mean(
        [
            compare_groups(draw(random, group, np.ones(60)), ["group"], measure="signed_error")
            .gaps["detectable"]
            .iloc[0]
            for _ in range(20)
        ]
    )
    seen = []
    for _ in range(150):
        table = draw(random, group, np.ones(60))
        seen.append(found_p(table.assign(predicted=table["predicted"] + size * table["group"])) <= 0.05)
    assert 0.7 < np.mean(seen) < 0.9


def test_corrections_by_hand_and_by_scipy() -> None:
    assert holm(np.array([0.01, 0.04, np.nan, 0.03])) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    p = np.random.default_rng(8).random(30) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    assert p_values(np.array([[2.0, np.nan], [1.0, 1.0], [3.0, 1.0], [2.0, 1.0]])) == pytest.approx(
        [0.75, np.nan], nan_ok=True
    )


def test_many_groups_can_still_pass_the_correction() -> None:
    """Twenty groups x five traits: with a thousand permutations Holm's least p would be .1."""
    group = np.repeat(np.arange(20), 20).astype(str)
    random = np.random.default_rng(9)
    errors = random.normal(0, 0.02, 400) + np.where(group == "7", 0.2, 0.0)
    gaps = compare_groups(predictions(errors, group, np.arange(400)), ["group"], draws=50, measure="signed_error").gaps
    assert set(gaps.loc[gaps["p_holm"] < 0.05, "group"]) == {"7"}


def test_small_groups_say_so() -> None:
    random = np.random.default_rng(10)
    table = predictions(random.uniform(0, 0.3, 60), np.where(np.arange(60) < 10, "few", "many"), np.arange(60))
    (words,) = compare_groups(table, ["group"]).gaps.query("trait == 'mean'")["verdict"]
    assert words.startswith("no significant difference; minimum detectable at 80 % power: 0.")
    assert words.endswith("(only 10 clips)")


def test_what_cannot_be_compared_is_a_sentence() -> None:
    table = predictions(np.ones(4) / 9, np.array(list("aabb")), np.arange(4))
    moods = np.repeat(["sadness", "happy"], len(table) // 2)
    for changes, words in (
        ({"by": ["split_"]}, "split_ has one group in this table; a gap wants two"),
        ({"by": ["group"], "reference": "z"}, "no group 'z'; wanted one of a, b"),
        ({"by": ["emotion"], "reference": "fear"}, "no group 'fear'; wanted one of happy, sadness"),
        ({"by": ["group"], "measure": "beauty"}, "no measure 'beauty'; wanted accuracy"),
    ):
        with pytest.raises(PredictionsError, match=words):
            compare_groups(table.assign(split_="x", emotion=moods), **changes)


def test_real_people_and_somebody_elses_system(real_data: Path) -> None:
    """The winners of 2017 on the official validation split: whether "female more accurate than male" cannot be said."""
    from personality.dataset import load_dataset
    from personality.evaluate import join_predictions
    from personality.inference.import_predictions import import_predictions

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
