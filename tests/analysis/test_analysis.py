from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import mean_absolute_error

from personality.analysis.emotions import best_and_worst_traits, confidence_histogram
from personality.analysis.group_assignment import MAX_TABLE_GROUPS, assign_groups, groups_by_name
from personality.analysis.groups import accuracy_by
from personality.analysis.published import (
    PUBLISHED_BY_GENDER,
    PUBLISHED_OVERALL,
    published_emotion,
    published_gender,
    published_table,
)
from personality.predictions.predictions_table import PredictionsError
from personality.traits import AGE_GROUPS, EMOTIONS, TRAIT_NAMES


def predictions(clips: int = 60, models: tuple[str, ...] = ("m",), seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"clip": [f"c{number}" for number in range(clips)]})
    rows["source"] = [f"s{number // 3}" for number in range(clips)]
    rows["gender"] = np.where(random.random(clips) < 0.4, "male", "female")
    rows["emotion"] = random.choice(["happy", "fear"], clips)
    rows["emotion_confidence"] = random.random(clips)
    table = rows.assign(split="test").merge(pd.DataFrame({"model": models}), how="cross")
    table = table.merge(pd.DataFrame({"trait": TRAIT_NAMES}), how="cross").assign(constant=0.5)
    labels = {key: random.random() for key in zip(table["clip"], table["trait"], strict=True)}
    said = [labels[key] for key in zip(table["clip"], table["trait"], strict=True)]
    return table.assign(actual=said, predicted=random.random(len(table)))


def test_accuracy_by_group_equals_fairlearn() -> None:
    table = predictions(models=("a", "b"))
    rows = accuracy_by(table, ["gender"]).set_index(["model", "trait", "group"])
    for (model, trait), part in table.groupby(["model", "trait"]):
        frame = MetricFrame(
            metrics=mean_absolute_error,
            y_true=part["actual"],
            y_pred=part["predicted"],
            sensitive_features=part["gender"],
        )
        for group, value in frame.by_group.items():
            row = rows.loc[(model, trait, group)]
            inside = part[part["gender"] == group]
            assert row["accuracy"] == pytest.approx(1 - value, abs=1e-12)
            assert (row["n"], row["sources"]) == (len(inside), inside["source"].nunique())
            assert row["signed_error"] == pytest.approx((inside["predicted"] - inside["actual"]).mean())
            assert row["baseline"] == pytest.approx(1 - (inside["constant"] - inside["actual"]).abs().mean())


def test_mean_is_the_average_of_five_traits_and_groups_sum_to_all() -> None:
    table = predictions()
    whole = accuracy_by(table).set_index("trait")["accuracy"]
    assert whole["mean"] == pytest.approx(whole[list(TRAIT_NAMES)].mean())
    groups = accuracy_by(table, ["gender"])
    means = groups[groups["trait"] == "mean"]
    assert np.average(means["accuracy"], weights=means["n"]) == pytest.approx(whole["mean"])


def test_intersections_and_empty_groups() -> None:
    table = predictions().assign(age_group="19-24")
    both = accuracy_by(table, ["gender", "emotion"])
    assert set(both["group"]) == {"male x happy", "male x fear", "female x happy", "female x fear"}
    ages = accuracy_by(table, ["age_group"])
    assert list(dict.fromkeys(ages["group"])) == list(AGE_GROUPS)
    empty = ages[ages["group"] == "61+"]
    assert (empty["n"] == 0).all()
    assert empty["accuracy"].isna().all()


def test_few_sources_have_no_interval() -> None:
    table = predictions()
    for least, sources in ((4, ["s0", "s1", "s2", "s3"]), (5, ["s0", "s1", "s2", "s3", "s4"])):
        table["group_"] = np.where(table["source"].isin(sources), "few", "rest")
        rows = accuracy_by(table, ["group_"]).set_index("group")
        assert (rows.loc["few", "sources"] == least).all()
        bounds = rows.loc["few", ["low", "high", "gain_low", "r2_high"]]
        assert bounds.notna().all(axis=None) == (least == 5)
        assert rows.loc["rest", ["low", "high"]].notna().all(axis=None)


def test_ambiguous_group_names_are_quoted() -> None:
    table = predictions(clips=80)
    clip = table["clip"].str.removeprefix("c").astype(int)
    one = np.array(["a", "a x b"])[clip % 2]
    other = np.array(["c", 'b x "c"', '"', "a, b: c"])[clip // 2 % 4]
    table = table.assign(one=one, other=other)
    rows = accuracy_by(table, ["one", "other"])
    assert rows["group"].nunique() == 8
    groups = groups_by_name(table, ["one", "other"])
    assert {groups[name] for name in rows["group"]} == set(zip(one, other, strict=True))
    assert set(accuracy_by(table, ["one"])["group"]) == {"a", "a x b"}


def test_a_column_named_like_ranges_is_a_column() -> None:
    table = predictions().assign(**{"age:25,40": "some"})
    assert set(accuracy_by(table, ["age:25,40"])["group"]) == {"some"}


def test_too_many_groups_of_figures_raise() -> None:
    table = predictions(clips=MAX_TABLE_GROUPS + 1)
    with pytest.raises(PredictionsError, match=r"1,001 groups.*1,000"):
        accuracy_by(table.assign(name=table["clip"]), ["name"])


def test_the_same_table_gives_the_same_rows() -> None:
    pd.testing.assert_frame_equal(accuracy_by(predictions(), ["gender"]), accuracy_by(predictions(), ["gender"]))


def test_invalid_tables_raise() -> None:
    table = predictions()
    with pytest.raises(PredictionsError, match="column source"):
        accuracy_by(table.drop(columns="source"))
    with pytest.raises(PredictionsError, match="source"):
        accuracy_by(table.assign(source=table["source"].where(table["clip"] != "c0")))
    with pytest.raises(PredictionsError, match="trait 'interview'"):
        accuracy_by(table.assign(trait=table["trait"].replace("openness", "interview")))
    with pytest.raises(PredictionsError, match="column actual"):
        accuracy_by(table.assign(actual="high"))
    with pytest.raises(PredictionsError, match="twice"):
        accuracy_by(pd.concat([table, table]))
    other = table.assign(model="n", actual=1 - table["actual"])
    with pytest.raises(PredictionsError, match="actual"):
        accuracy_by(pd.concat([table, other]))
    with pytest.raises(PredictionsError, match=r"height.*gender"):
        assign_groups(table, ["height"])


def test_without_the_training_mean_there_is_no_baseline() -> None:
    rows = accuracy_by(predictions().drop(columns="constant"))
    assert rows["baseline"].isna().all()
    assert rows["accuracy"].notna().all()


def test_groups_have_the_standard_order() -> None:
    clips = pd.DataFrame({"age_group": ["7-13", "25-32", "7-13"], "gender": ["female", "male", "male"]})
    assert assign_groups(clips, ["age_group"]).names == list(AGE_GROUPS)
    assert assign_groups(clips, ["gender", "age_group"]).names == [
        "male x 7-13",
        "male x 25-32",
        "female x 7-13",
    ]


def test_best_and_worst_trait_per_emotion_with_and_without_a_model() -> None:
    rows = accuracy_by(predictions(models=("audio", "visual")), ["emotion"])
    for without in ((), ("audio",)):
        result = best_and_worst_traits(rows, without=without).set_index("emotion")
        assert list(result.index) == ["fear", "happy"]
        cell = rows[rows["group"].eq("fear") & rows["trait"].ne("mean") & ~rows["model"].isin(without)]
        assert result.loc["fear", "best_accuracy"] == cell["accuracy"].max()
        assert result.loc["fear", "worst"] == cell.loc[cell["accuracy"].idxmin(), "trait"]


def test_confidence_histogram_counts_each_clip_once() -> None:
    clips = pd.DataFrame({"emotion": ["happy", "happy", "fear"], "emotion_confidence": [0.0, 0.2, 1.0]})
    counts = confidence_histogram(clips).set_index(["emotion", "range"])["n"]
    assert len(counts) == len(EMOTIONS) * 5
    assert counts.sum() == 3
    assert counts["happy", "0.0-0.2"] == 2
    assert counts["fear", "0.8-1.0"] == 1


def test_published_tables_are_complete_and_consistent() -> None:
    assert len(published_table()) == len(PUBLISHED_OVERALL)
    assert len(published_gender()) == len(PUBLISHED_BY_GENDER) * 12
    assert len(published_emotion()) == len(EMOTIONS) * 3
    for name, row in PUBLISHED_OVERALL.items():
        assert np.mean(row[:5]) == pytest.approx(row[5], abs=2e-4), name


def test_published_baseline_of_real_labels(real_data: Path) -> None:
    """The accuracy of the mean baseline on the validation split equals the published .8834."""
    from personality.dataset import load_dataset

    clips = load_dataset(real_data / "first-impressions").table
    training, validation = (clips[clips["split"] == split][list(TRAIT_NAMES)] for split in ("training", "validation"))
    assert (1 - (validation - training.mean()).abs()).mean().mean() == pytest.approx(0.8834, abs=5e-5)
