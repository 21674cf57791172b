"""Ratings of stills: sampled faces of people who do not exist, rated by how light they are."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from personality.synthetic.face_model import load_face_model
from training import portraits as portraits_module
from training.__main__ import main
from training.portraits import cross_validate, fit_ridge, read_portraits


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of faces, and one of none."""
    folder = tmp_path_factory.mktemp("portraits")
    (folder / "images").mkdir()
    ratings = []
    random = np.random.default_rng(0)
    model = load_face_model()
    for number in range(10):
        drawn = model.render(model.sample({"age": (number - 5) / 5}, random))
        picture = cv2.resize(drawn, (384, 384))
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), picture[:, :, ::-1])
        ratings.append({"stimulus": number, "light": picture.mean() / 2.55, "red": picture[:, :, 0].mean() / 2.55})
    cv2.imwrite(str(folder / "images" / "10.jpg"), np.full((200, 200, 3), 90, np.uint8))
    ratings.append({"stimulus": 10, "light": 50.0, "red": 50.0})
    pd.DataFrame(ratings).to_csv(folder / "attribute_means.csv", index=False)
    return folder


def test_faces_are_found_and_pictures_without_one_are_named(portraits: Path) -> None:
    found = read_portraits(portraits / "images")
    assert found.without == ["10"]
    assert found.crops.shape == (10, 224, 224, 3)
    assert sorted(found.names, key=int) == [str(n) for n in range(10)]


def test_each_portrait_is_rated_by_models_that_have_not_seen_it(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[bytes]] = []
    train, rate = portraits_module.train_rater, portraits_module.Rater.rate

    def spy(crops: np.ndarray, *arguments: Any, **options: Any) -> portraits_module.Rater:
        seen.append({crop.tobytes() for crop in crops})
        return train(crops, *arguments, **options)

    def check(self: portraits_module.Rater, crops: np.ndarray) -> np.ndarray:
        assert len(crops) == 5
        assert not seen[-1] & {crop.tobytes() for crop in crops}
        return rate(self, crops)

    monkeypatch.setattr(portraits_module, "train_rater", spy)
    monkeypatch.setattr(portraits_module.Rater, "rate", check)
    report = cross_validate(portraits, tmp_path, epochs=1, folds=2)
    assert [len(one) for one in seen] == [5, 5]
    assert list(report.index) == ["light", "red"]
    assert list(report.columns) == ["network", "ridge"]
    monkeypatch.setattr(portraits_module, "train_rater", lambda *_, **__: pytest.fail("the folds are there already"))
    pd.testing.assert_frame_equal(cross_validate(portraits, tmp_path, epochs=1, folds=2), report)


def test_a_picture_without_ratings_is_named(portraits: Path, tmp_path: Path) -> None:
    shutil.copytree(portraits, tmp_path / "p")
    table = pd.read_csv(tmp_path / "p" / "attribute_means.csv")
    table[table["stimulus"] != 4].to_csv(tmp_path / "p" / "attribute_means.csv", index=False)
    with pytest.raises(ValueError, match="has no ratings of 4; add a row"):
        cross_validate(tmp_path / "p", tmp_path / "out")
    table.rename(columns={"stimulus": "x"}).to_csv(tmp_path / "p" / "attribute_means.csv", index=False)
    with pytest.raises(ValueError, match="has no column stimulus"):
        cross_validate(tmp_path / "p", tmp_path / "out")


def test_ridge_is_found_from_what_is_linear() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 5))
    wanted = features @ np.array([[1.0, 0], [0, 2], [0, 0], [0, 0], [0, 0]])
    predicted = fit_ridge(features[:100], wanted[:100]).predict(features[100:])
    assert 1 - ((predicted - wanted[100:]) ** 2).mean() / wanted[100:].var() > 0.95


def test_pictures_without_ratings_are_rated_by_the_documented_command(portraits: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "-7.jpg").write_bytes((portraits / "images" / "3.jpg").read_bytes())
    csv = tmp_path / "ratings.csv"
    assert main(["portraits", str(portraits), "--rate", str(others), "--csv", str(csv), "--epochs", "1"]) == 0
    table = pd.read_csv(csv, dtype={"stimulus": str})
    assert list(table.columns) == ["stimulus", "light", "red"]
    assert table["stimulus"].tolist() == ["-7"]
    assert table[["light", "red"]].to_numpy().clip(0, 100) == pytest.approx(table[["light", "red"]].to_numpy())
