"""Ratings become labels on the scale of the synthetic people."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.preprocessing.cache import Cache
from personality.synthetic.people import FACE_TO_TRAIT, sum_weighted_columns
from personality.traits import TRAIT_NAMES
from training.recipes.rated_portraits import (
    RATING_BY_TRAIT,
    compute_portrait_labels,
    measure_rating_agreement,
    write_portrait_dataset,
)

RATINGS = ("memorable", "alert", "typical", "well-groomed", "smart", "outgoing", "trustworthy", "happy", "smug")
TRUTH = {"options": {"spread": 0.13, "face_share": 0.75}, "face_scale": {trait: [-0.5, 2.0] for trait in TRAIT_NAMES}}


def test_a_label_is_the_planted_mix_of_ratings() -> None:
    """Ratings 40, 50, 60 are -1, 0, 1 standard deviations; outgoing alone makes extraversion."""
    ratings = pd.DataFrame({name: [40.0, 50.0, 60.0] for name in RATINGS})
    made = compute_portrait_labels(ratings, TRUTH)
    share = 0.13 * 0.75
    assert made["extraversion"].tolist() == pytest.approx([0.5 + share * (z + 0.5) / 2 for z in (-1, 0, 1)], abs=1e-6)
    # happy .6 and smug -.4: .2 of a standard deviation.
    stability = [0.5 + share * (0.2 * z + 0.5) / 2 for z in (-1, 0, 1)]
    assert made["emotional_stability"].tolist() == pytest.approx(stability, abs=1e-6)


def test_the_scale_is_that_of_the_synthetic_people(people: Path) -> None:
    """A portrait rated as the face model rates a clip's face gets the face's part of the clip's label."""
    truth = json.loads((people / "truth.json").read_text())
    centre, scale = truth["face_scale"]["extraversion"]
    ratings = pd.DataFrame({name: np.random.default_rng(0).normal(50, 10, 200) for name in RATINGS})
    standard = sum_weighted_columns((ratings - ratings.mean()) / ratings.std(), FACE_TO_TRAIT["extraversion"])
    face = (standard - centre) / scale
    expected = 0.5 + truth["options"]["spread"] * truth["options"]["face_share"] * face
    np.testing.assert_allclose(compute_portrait_labels(ratings, truth)["extraversion"], expected.clip(0, 1), atol=1e-6)
    faces = pd.Series([row["face_extraversion"] for row in truth["clips"]])
    assert (faces.mean(), faces.std()) == pytest.approx((0, 1), abs=1e-3)


def test_the_dataset_holds_out_a_fifth(portraits_cache: Cache) -> None:
    clips = portraits_cache.clips
    assert clips["split"].value_counts().to_dict() == {"training": 8, "test": 2}
    assert clips["error"].eq("").all()
    assert portraits_cache.card["synthetic"] is True


def test_people_of_an_older_version_are_refused(portraits: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(ValueError, match="has no face_scale"):
        write_portrait_dataset(portraits, tmp_path, tmp_path / "out")


def test_agreement_is_with_the_held_out_portraits(
    portraits: Path, portraits_cache: Cache, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that repeats the ratings agrees perfectly, also after the controls; its own model is not perfect."""
    from training.recipes import rated_portraits

    found = measure_rating_agreement(runs / "visual", portraits_cache, portraits)
    assert found.n == 2
    ratings = pd.read_csv(portraits / "attribute_means.csv", dtype={"stimulus": str}).set_index("stimulus")
    same = pd.DataFrame({trait: ratings[rating] for trait, rating in RATING_BY_TRAIT.items()})
    monkeypatch.setattr(rated_portraits, "_predict_held_out_portraits", lambda model, cache: same)
    found = measure_rating_agreement(runs / "visual", portraits_cache, portraits)
    assert found.n == 10
    assert list(found.r.values()) == pytest.approx([1, 1, 1])
    assert list(found.partial.values()) == pytest.approx([1, 1, 1])
