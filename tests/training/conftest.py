"""Rated portraits of faces that the face model draws, and the cache of their dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from personality.dataset import load_dataset
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from personality.synthetic.face_model import load_face_model
from training.recipes.rated_portraits import write_portrait_dataset


@pytest.fixture(scope="session")
def portraits(create_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Ten portraits and their ratings, in the layout of One Million Impressions."""

    def make(folder: Path) -> None:
        model, random = load_face_model(), np.random.default_rng(0)
        (folder / "images").mkdir(parents=True)
        rows = []
        for number in range(10):
            coefficients = model.sample({}, random)
            picture = cv2.resize(model.render(coefficients), (256, 256), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / "images" / f"{number}.jpg"), picture[..., ::-1])
            ratings = {name: 50 + 10 * value for name, value in model.predict_ratings(coefficients).items()}
            rows.append({"stimulus": number, **ratings})
        pd.DataFrame(rows).to_csv(folder / "attribute_means.csv", index=False)

    return create_once("portraits", make)


@pytest.fixture(scope="session")
def portraits_cache(portraits: Path, people: Path, create_once: Callable[[str, Callable[[Path], None]], Path]) -> Cache:
    """The cache of their dataset of stills."""

    def make(folder: Path) -> None:
        write_portrait_dataset(portraits, people, folder / "dataset")
        preprocess(load_dataset(folder / "dataset"), folder / "cache")

    return Cache(create_once("rated_portraits", make) / "cache")
