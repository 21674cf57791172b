"""Convert rated portraits to a dataset of stills, to train the practice visual model on with synthetic people.

The labels of a portrait follow the formula for synthetic faces (`personality.synthetic.people`), with human ratings
instead of those of the face model, on the same scale:

    label = 0.5 + spread * face share * (weighted ratings - centre) / scale

where centre and scale are those of the synthetic clips, so that one network can learn from both. A portrait has no
voice: its label is the contribution of the face.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from personality.dataset.dataset_card import SYNTHETIC_DATASET_CARD
from personality.models.checkpoint import Model, load_model
from personality.preprocessing.cache import Cache
from personality.synthetic.people import FACE_TO_TRAIT, sum_weighted_columns
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import atomic_path, write_json
from training.recipes.portraits import read_ratings

HELD_OUT_SHARE = 0.2  # share of the portraits that is held out from training
PORTRAIT_SPLIT_SEED = 0
IMAGES_FOLDER = "images"
# The rating with which a trait of a model is compared: the one with the largest weight in the trait.
RATING_BY_TRAIT = {"extraversion": "outgoing", "agreeableness": "trustworthy", "emotional_stability": "happy"}
CONTROL_RATINGS = ("happy", "age", "gender")


def write_portrait_dataset(portraits: Path, people: Path, out: Path) -> pd.DataFrame:
    """Write the rated portraits as a dataset of stills (`clips.csv`) and return its table.

    Parameters
    ----------
    portraits
        Folder of `images/` and `attribute_means.csv`.
    people
        Folder of the synthetic people; its `truth.json` has the scale of the labels.
    out
        A new folder; four fifths of the portraits are its split `training`, the others `test`.

    Raises
    ------
    FileExistsError
        If `out` is not empty.
    ValueError
        If `truth.json` has no scale, or the ratings cannot be read.
    """
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; choose a new folder.")
    ratings, truth = read_ratings(portraits), _read_truth(people)
    names = [f"{IMAGES_FOLDER}/{name}.jpg" for name in ratings.index]
    table = pd.DataFrame({"clip": names, "source": ratings.index, "split": _draw_portrait_splits(len(names))})
    table = table.assign(
        **{trait: column.to_numpy() for trait, column in compute_portrait_labels(ratings, truth).items()}
    )
    (out / IMAGES_FOLDER).mkdir(parents=True)
    for name in names:
        shutil.copyfile(portraits / name, out / name)
    SYNTHETIC_DATASET_CARD.write(out)
    write_json(out / "truth.json", {"portraits": len(table), "seed": PORTRAIT_SPLIT_SEED, "weights": FACE_TO_TRAIT})
    with atomic_path(out / "clips.csv") as path:
        table.to_csv(path, index=False)
    return table


def compute_portrait_labels(ratings: pd.DataFrame, truth: dict) -> dict[str, pd.Series]:
    """Compute the five labels in [0, 1] of each rated portrait.

    Parameters
    ----------
    ratings
        Mean ratings from 0 to 100, one row per portrait.
    truth
        The contents of `truth.json` of the synthetic people.
    """
    standard = (ratings - ratings.mean()) / ratings.std()
    options = truth.get("options") or truth["knobs"]  # the key of versions before 0.2
    share = options["spread"] * options["face_share"]
    made = {}
    for trait in TRAIT_NAMES:
        centre, scale = truth["face_scale"][trait]
        face = (sum_weighted_columns(standard, FACE_TO_TRAIT[trait]) - centre) / scale
        made[trait] = (0.5 + share * face).clip(0, 1).round(6)
    return made


def _read_truth(people: Path) -> dict:
    truth = json.loads((people / "truth.json").read_text())
    if "face_scale" not in truth:
        raise ValueError(f"{people / 'truth.json'} has no face_scale; recreate the dataset with `synthesize`.")
    return truth


def _draw_portrait_splits(count: int) -> np.ndarray:
    """Assign `training` or `test` to each of `count` portraits, sampled with PORTRAIT_SPLIT_SEED."""
    order = np.random.default_rng(PORTRAIT_SPLIT_SEED).permutation(count)
    return np.where(order < round(HELD_OUT_SHARE * count), "test", "training")


@dataclass(frozen=True)
class RatingAgreement:
    """The agreement of a model's traits with ratings of portraits that were not in training.

    n: portraits; r: Pearson correlation by trait with the rating of RATING_BY_TRAIT; partial: the same after a linear
    regression of both on those of CONTROL_RATINGS that are not the rating itself.
    """

    n: int
    r: dict[str, float]
    partial: dict[str, float]


def measure_rating_agreement(run: Path, cache: Cache, portraits: Path) -> RatingAgreement:
    """Measure the agreement of a visual model with the ratings of the held-out portraits in `cache`.

    Parameters
    ----------
    run
        Folder of the model.
    cache
        The preprocessed dataset of `write_portrait_dataset`.
    portraits
        Folder of `attribute_means.csv`.
    """
    predicted = _predict_held_out_portraits(load_model(run), cache)
    ratings = read_ratings(portraits).loc[predicted.index]
    pairs = {trait: (predicted[trait], ratings[rating]) for trait, rating in RATING_BY_TRAIT.items()}
    partial = {}
    for trait, (trait_values, rating_values) in pairs.items():
        controls = ratings[[name for name in CONTROL_RATINGS if name != RATING_BY_TRAIT[trait]]]
        partial[trait] = _regress_out_controls(trait_values, controls).corr(
            _regress_out_controls(rating_values, controls)
        )
    return RatingAgreement(
        len(predicted),
        {trait: trait_values.corr(rating_values) for trait, (trait_values, rating_values) in pairs.items()},
        partial,
    )


def _predict_held_out_portraits(model: Model, cache: Cache) -> pd.DataFrame:
    """Predict five traits of each held-out portrait with a face, indexed by the portraits' names."""
    import torch

    from personality.models.batching import read_batch

    rows = cache.labelled_clips("test")
    rows = rows[rows["faces"] > 0]
    with torch.inference_mode():
        parts = [
            model.network(read_batch(cache, rows.iloc[start : start + 16], model.network.needs, 1)).numpy()
            for start in range(0, len(rows), 16)
        ]
    return pd.DataFrame(np.concatenate(parts), rows["source"].astype(str), list(TRAIT_NAMES))


def _regress_out_controls(values: pd.Series, controls: pd.DataFrame) -> pd.Series:
    return values - LinearRegression().fit(controls, values).predict(controls)
