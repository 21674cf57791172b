"""Import of the predictions of external models, in the formats of their authors."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.analysis.groups import accuracy_by
from personality.dataset import load_dataset
from personality.dataset.index import Dataset, parse_source
from personality.inference.import_predictions import import_predictions
from personality.predictions.assemble import mark_sources_in_training
from personality.predictions.predictions_table import PredictionsError
from personality.traits import TRAIT_NAMES

TRAITS = list(TRAIT_NAMES)


@pytest.fixture
def dataset() -> Dataset:
    """Twenty test clips, five training clips and five validation clips; splits share sources."""
    values = np.random.default_rng(0).uniform(0.2, 0.8, (30, 5))
    splits = ["test"] * 20 + ["training"] * 5 + ["validation"] * 5
    sources = [*range(20), *range(5), *range(3, 8)]
    table = pd.DataFrame({"clip": [f"v{number}.000.mp4" for number in range(30)], "split": splits, "location": ""})
    return Dataset(
        "d", Path(), table.assign(source=[f"s{name}" for name in sources], **dict(zip(TRAITS, values.T, strict=True)))
    )


def rows(dataset: Dataset) -> pd.DataFrame:
    """Predictions of a perfect model."""
    return dataset.table.loc[dataset.table["split"] == "test", ["clip", *TRAITS]]


def read(given: pd.DataFrame | str, dataset: Dataset, **options: object) -> tuple[pd.DataFrame, str]:
    text = given if isinstance(given, str) else given.to_csv(index=False)
    options = {"split": "test", "model": "m", "name": "p.csv"} | options
    table, preview = import_predictions(io.BytesIO(text.encode()), dataset, **options)  # type: ignore[arg-type]
    return table, "\n".join(preview)


def is_perfect(table: pd.DataFrame, clips: int = 20) -> bool:
    assert table["clip"].nunique() == clips
    return bool(np.allclose(table["predicted"], table["actual"]))


def test_column_order_does_not_matter(dataset: Dataset) -> None:
    given = rows(dataset).rename(columns={"clip": "VideoName", "openness": "Openness"})[::-1]
    table, preview = read(given[given.columns[::-1]].assign(interview=0.5), dataset)
    assert is_perfect(table)
    assert set(table["trait"]) == set(TRAITS)
    assert accuracy_by(table)["accuracy"].to_numpy() == pytest.approx(1)
    assert "clip = VideoName; openness = Openness" in preview
    assert "20 of 20 rows" in preview


def test_semicolons_decimal_commas_and_neuroticism_are_read(dataset: Dataset) -> None:
    given = rows(dataset).rename(columns={"emotional_stability": "Neuroticism"})
    table, preview = read("sep=;\n" + given.to_csv(index=False, sep=";", decimal=","), dataset)
    assert is_perfect(table)
    assert "Neuroticism is read as emotional stability" in preview


@pytest.mark.parametrize("form", ["/data/test/{}", "C:\\x\\{}", "./{}"])
def test_paths_match_by_name(dataset: Dataset, form: str) -> None:
    given = rows(dataset)
    table, preview = read(given.assign(clip=given["clip"].map(form.format)), dataset)
    assert is_perfect(table)
    assert f"{form.format('v0.000.mp4')!r} = 'v0.000.mp4'" in preview


def test_names_match_without_extension_and_mismatches_are_listed(dataset: Dataset) -> None:
    given = rows(dataset)
    given["clip"] = [name.removesuffix(".mp4") if place < 15 else name for place, name in enumerate(given["clip"])]
    given.iloc[3, 0] = "nobody"
    table, preview = read(given, dataset)
    assert is_perfect(table, 19)
    assert all(text in preview for text in ("1 rows", "'nobody'", "'v0.000.mp4'"))
    assert "1 clips of test have no prediction, such as 'v3.000.mp4'" in preview


def test_values_outside_0_to_1_require_a_scale(dataset: Dataset) -> None:
    given = rows(dataset)
    given[TRAITS] = given[TRAITS] * 6 + 1
    with pytest.raises(PredictionsError, match=r"range from .*--scale 1 7"):
        read(given, dataset)
    table, preview = read(given, dataset, scale=(1, 7))
    assert is_perfect(table)
    assert "on a scale from 1 to 7, rescaled" in preview


def test_reversed_fifth_trait_is_detected_and_inverted(dataset: Dataset) -> None:
    given = rows(dataset).rename(columns={"emotional_stability": "neuroticism"})
    given["neuroticism"] = 1 - given["neuroticism"]
    table, preview = read(given, dataset)
    assert "r = -1.00" in preview and "--reversed" in preview
    assert not is_perfect(table)
    table, preview = read(given, dataset, is_reversed=True)
    assert is_perfect(table)
    assert "warning" not in preview and "was reversed" in preview
    assert "leave --reversed out" in read(rows(dataset), dataset, is_reversed=True)[1]


def test_several_raters_are_averaged(dataset: Dataset) -> None:
    given = rows(dataset)
    low, high = given.assign(rater="a"), given.assign(rater="b")
    low[TRAITS], high[TRAITS] = low[TRAITS] - 0.1, high[TRAITS] + 0.1
    table, preview = read(pd.concat([low, high]), dataset)
    assert is_perfect(table)
    assert "2 ratings" in preview and "ICC(1,k)" in preview


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(openness="high"), "openness .*'high'"),
        (lambda t: t.assign(openness=""), "20 rows .* v0"),
        (lambda t: t.assign(openness=np.inf), "infinite"),
        (lambda t: pd.concat([t, t]), r"v0\.000\.mp4 .*rater"),
        (lambda t: pd.concat([t, t]).assign(rater="a"), r"v0\.000\.mp4"),
        (lambda t: pd.concat([t, t.assign(clip="x/" + t["clip"])]), r"v0\.000\.mp4"),
        (lambda t: t.drop(columns="openness"), "column for openness"),
        (lambda t: t.assign(clip="nobody"), "'nobody'.*'v0"),
        (lambda t: t.assign(clip=[f"v{number}.000.mp4" for number in range(20, 30)] * 2), "training and validation"),
        (lambda t: t.assign(clip=""), "the column clip is empty"),
        (lambda t: t.head(0), "no rows"),
    ],
)
def test_errors_name_the_file(dataset: Dataset, change: object, words: str) -> None:
    with pytest.raises(PredictionsError, match=words) as caught:
        read(change(rows(dataset)), dataset)  # type: ignore[operator]
    assert "p.csv" in str(caught.value)


def test_seen_sources_depend_on_training_splits(dataset: Dataset) -> None:
    def unseen(**options: object) -> int:
        table, _ = read(rows(dataset), dataset, **options)
        return int(table.drop_duplicates("clip")["source_in_training"].eq("no").sum())

    assert unseen() == 15
    assert unseen(trained_on=("training", "validation")) == 12
    assert unseen(trained_on=("none",)) == 20


def test_published_predictions_of_real_people(real_data: Path) -> None:
    folder = real_data / "first-impressions"
    dataset = load_dataset(folder)
    file = folder / "published_predictions/validation_face.csv"
    table, preview = import_predictions(file, dataset, split="validation", model="BU-NKU face")
    assert not [line for line in preview if "match no clip" in line or "warning" in line]
    rows = accuracy_by(table, ["gender"])
    means = rows[rows["trait"] == "mean"].set_index("group")
    assert means["n"].sum() == 2000
    assert (means["accuracy"] > means["baseline"]).all()


def test_unseen_sources_of_real_test_split(real_data: Path) -> None:
    folder = real_data / "first-impressions"
    clips = load_dataset(folder).table
    test = pd.read_csv(folder / "eth_gender_annotations_test.csv", sep=";")["VideoName"].map(parse_source)
    marked = [
        mark_sources_in_training(pd.DataFrame({"source": test}), clips, trained_on)["source_in_training"]
        for trained_on in (("training",), ("training", "validation"))
    ]
    assert [int(seen.eq("no").sum()) for seen in marked] == [320, 219]


def test_long_table_is_imported(dataset: Dataset) -> None:
    long = rows(dataset).melt("clip", var_name="Trait", value_name="Predicted")
    assert is_perfect(read(long, dataset)[0])
