"""Ratings of stills: synthetic faces, rated by their brightness."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import r2_score

from personality.inference.face_impressions import FACE_RATING_NAMES, load_face_rater, rate_faces, read_face_rater_card
from personality.synthetic.face_model import load_face_model
from training.__main__ import main
from training.recipes import portrait_ratings
from training.recipes.portrait_ratings import (
    PortraitViews,
    cross_validate_portraits,
    fit_face_rater,
    make_portrait_views,
    measure_rating_r2,
    train_face_impressions,
)
from training.recipes.portraits import RATING_COLUMNS, read_rated_portraits


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One view and one seed in place of several."""
    monkeypatch.setattr(portrait_ratings, "VIEWS_PER_PORTRAIT", 1)
    monkeypatch.setattr(portrait_ratings, "PORTRAIT_SEEDS", (0,))


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of faces, and one of none; a column that must never be used."""
    folder = tmp_path_factory.mktemp("portraits")
    (folder / "images").mkdir()
    ratings = []
    random = np.random.default_rng(0)
    model = load_face_model()
    for number in range(10):
        drawn = model.render(model.sample({"age": (number - 5) / 5}, random))
        picture = cv2.resize(drawn, (384, 384))
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), picture[:, :, ::-1])
        light = picture.mean() / 2.55
        ratings.append(
            {"stimulus": number, "attractive": 50.0, **{name: light + i for i, name in enumerate(RATING_COLUMNS)}}
        )
    cv2.imwrite(str(folder / "images" / "10.jpg"), np.full((200, 200, 3), 90, np.uint8))
    ratings.append({"stimulus": 10, "attractive": 50.0, **dict.fromkeys(RATING_COLUMNS, 50.0)})
    pd.DataFrame(ratings).to_csv(folder / "attribute_means.csv", index=False)
    return folder


def test_faces_are_found_and_pictures_without_one_are_named(portraits: Path) -> None:
    found, ratings = read_rated_portraits(portraits)
    assert found.names_without_face == ["10"]
    assert found.crops.shape == (10, 224, 224, 3)
    assert sorted(found.names, key=int) == [str(n) for n in range(10)]
    assert list(ratings.index) == found.names
    assert list(ratings.columns) == RATING_COLUMNS


def test_each_portrait_is_rated_by_models_that_have_not_seen_it(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[bytes]] = []
    fit, rate = portrait_ratings.fit_face_rater, portrait_ratings.FaceRater.rate
    found, ratings = read_rated_portraits(portraits)
    crops = {row.tobytes(): crop.tobytes() for row, crop in zip(ratings.to_numpy(), found.crops, strict=True)}

    def spy(views: PortraitViews, ratings: np.ndarray, **options: Any) -> portrait_ratings.FaceRater:
        seen.append({crops[row.tobytes()] for row in ratings})
        return fit(views, ratings, **options)

    def check(self: portrait_ratings.FaceRater, crops: np.ndarray) -> np.ndarray:
        assert len(crops) == 5
        assert not seen[-1] & {crop.tobytes() for crop in crops}
        return rate(self, crops)

    monkeypatch.setattr(portrait_ratings, "fit_face_rater", spy)
    monkeypatch.setattr(portrait_ratings.FaceRater, "rate", check)
    report = cross_validate_portraits(portraits, tmp_path, epochs=1, folds=2)
    assert [len(one) for one in seen] == [5, 5]
    assert tuple(report.index) == FACE_RATING_NAMES
    assert list(report.columns) == ["r2", "low", "high", "ridge"]
    monkeypatch.setattr(portrait_ratings, "fit_face_rater", lambda *_, **__: pytest.fail("the folds exist already"))
    pd.testing.assert_frame_equal(cross_validate_portraits(portraits, tmp_path, epochs=1, folds=2), report)


def test_a_picture_without_ratings_or_a_table_without_a_column_is_named(portraits: Path, tmp_path: Path) -> None:
    shutil.copytree(portraits, tmp_path / "p")
    path = tmp_path / "p" / "attribute_means.csv"
    table = pd.read_csv(path)
    for changed, message in (
        (table[table["stimulus"] != 4], "has no ratings of 4; add a row"),
        (table.drop(columns="smart"), "has no column smart"),
        (table.rename(columns={"stimulus": "x"}), "has no column stimulus"),
    ):
        changed.to_csv(path, index=False)
        with pytest.raises(ValueError, match=message):
            read_rated_portraits(tmp_path / "p")


def test_seeds_are_averaged_and_ratings_come_on_their_own_scale(portraits: Path) -> None:
    """The last layer's bias is linear in the seeds, so that of an average lies between."""
    found, ratings = read_rated_portraits(portraits)
    views, truth = make_portrait_views(found.crops, 1), ratings.to_numpy()
    one, other, both = (fit_face_rater(views, truth, seeds=seeds, epochs=1) for seeds in ((0,), (1,), (0, 1)))
    mean = (one.output.bias + other.output.bias) / 2
    assert both.output.bias.detach().numpy() == pytest.approx(mean.detach().numpy(), abs=1e-6)
    assert both.rate(found.crops).mean(0) * 100 == pytest.approx(truth.mean(0), abs=15)


def test_r2_and_its_interval_agree_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(50, 10, (500, 8))
    rated = truth + random.normal(0, 5, (500, 8))
    figures = measure_rating_r2(truth, rated)
    assert figures["r2"].to_numpy() == pytest.approx(r2_score(truth, rated, multioutput="raw_values"))
    assert (figures["low"] < 0.75).all()
    assert (figures["high"] > 0.74).all()
    assert (figures["high"] - figures["low"]).between(0.03, 0.15).all()


def test_pictures_without_ratings_are_rated_by_the_documented_command(portraits: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "-7.jpg").write_bytes((portraits / "images" / "3.jpg").read_bytes())
    csv = tmp_path / "ratings.csv"
    assert main(["portraits", str(portraits), "--rate", str(others), "--csv", str(csv), "--epochs", "1"]) == 0
    table = pd.read_csv(csv, dtype={"stimulus": str})
    assert list(table.columns) == ["stimulus", *RATING_COLUMNS]
    assert table["stimulus"].tolist() == ["-7"]
    assert ((table[RATING_COLUMNS] >= 0) & (table[RATING_COLUMNS] <= 100)).all(axis=None)


def test_what_ships_is_read_back_and_rates_as_what_was_trained(portraits: Path, tmp_path: Path) -> None:
    card = train_face_impressions(portraits, tmp_path / "work", tmp_path / "out", epochs=1, folds=2)
    assert card == json.loads((tmp_path / "out" / "card.json").read_text()) == read_face_rater_card(tmp_path / "out")
    assert card["portraits"] == card["held_out"]["n"] == 10
    assert card["without_face"] == ["10"]
    found, ratings = read_rated_portraits(portraits)
    views = make_portrait_views(found.crops, 1)
    trained = fit_face_rater(views, ratings.to_numpy(), seeds=(0,), epochs=1)
    assert load_face_rater(tmp_path / "out").rate(found.crops) == pytest.approx(trained.rate(found.crops), abs=5e-3)
    rated = rate_faces(found.crops[:1], tmp_path / "out")
    assert rated is not None
    assert tuple(rated.ratings) == FACE_RATING_NAMES
    assert load_file(tmp_path / "out" / "model.safetensors")["output.weight"].shape == (8, 1280)
