"""Train the included face ratings: `python -m training portrait-ratings PORTRAITS`.

The first blocks of EfficientNet-Lite0 keep their ImageNet weights. Therefore, their feature maps are computed once for
each augmented view of a portrait, and all folds and seeds train the rest of the network on them. Weights of several
seeds, which start from the same point, are averaged (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from personality.constants import MISUSE_WARNING
from personality.inference.calibration import describe_labels
from personality.inference.face_impressions import (
    FACE_RATER_CARD_FILE,
    FACE_RATER_FOLDER,
    FACE_RATER_WEIGHTS_FILE,
    FACE_RATING_NAMES,
)
from personality.models.face_rater import FACE_RATER_BATCH_FACES, FaceRater, faces_to_tensor
from personality.models.pretrained_weights import load_backbone_from_package
from personality.utils.atomic_files import atomic_path, write_bytes, write_json
from training.data.augment import augment_faces
from training.data.dataloader import MicroBatch
from training.engine.trainer import FitOptions, MicroBatchInputs, Trainer
from training.recipes.portraits import RATING_COLUMNS, Portraits, read_portraits, read_rated_portraits

PORTRAIT_FOLDS, PORTRAIT_SEEDS = 5, (0,)
PORTRAIT_EPOCHS = VIEWS_PER_PORTRAIT = 4  # each epoch trains on another view of each portrait
PORTRAIT_FIT_OPTIONS = FitOptions(
    epochs=PORTRAIT_EPOCHS, batch=FACE_RATER_BATCH_FACES, rate=3e-4, weight_decay=0.02, averaging=0.98
)
RIDGE_ALPHAS = np.logspace(1, 5, 13)  # candidate penalties of the ridge regression, selected on each training fold
PORTRAIT_BOOTSTRAP_DRAWS = 2000


@dataclass(frozen=True)
class PortraitViews:
    """Fixed feature maps, float16 (V, N, 40, 28, 28), of V views of N faces, and frozen features, (N, 1280)."""

    maps: Tensor
    features: np.ndarray

    def select_faces(self, rows: np.ndarray) -> PortraitViews:
        """Return the views of some faces."""
        return PortraitViews(self.maps[:, torch.from_numpy(rows)], self.features[rows])


@torch.inference_mode()
def make_portrait_views(crops: np.ndarray, count: int = VIEWS_PER_PORTRAIT) -> PortraitViews:
    """Augment crops, uint8 (N, 224, 224, 3), `count` times and compute the fixed feature maps."""
    rater, random = _load_pretrained_rater(), np.random.default_rng(0)
    maps = []
    for _ in tqdm(range(count), desc="views", disable=None):
        varied = np.stack([augment_faces(crop[None], random)[0] for crop in crops])
        maps.append(
            torch.cat([rater.compute_fixed_maps(faces_to_tensor(part)).half() for part in _split_into_batches(varied)])
        )
    both = [
        [rater.features(rater.compute_fixed_maps(faces_to_tensor(p))) for p in _split_into_batches(c)]
        for c in (crops, crops[:, :, ::-1])
    ]
    return PortraitViews(torch.stack(maps), ((torch.cat(both[0]) + torch.cat(both[1])) / 2).numpy())


def _split_into_batches(faces: np.ndarray) -> list[np.ndarray]:
    return [faces[start : start + FACE_RATER_BATCH_FACES] for start in range(0, len(faces), FACE_RATER_BATCH_FACES)]


def _load_pretrained_rater() -> FaceRater:
    rater = FaceRater(len(FACE_RATING_NAMES)).eval()
    load_backbone_from_package(rater.visual)
    return rater


def fit_face_rater(
    views: PortraitViews, ratings: np.ndarray, *, seeds: Sequence[int] = PORTRAIT_SEEDS, epochs: int = PORTRAIT_EPOCHS
) -> FaceRater:
    """Train a network that rates faces from 0 to 1.

    Parameters
    ----------
    views
        Views of N faces.
    ratings
        Mean ratings, (N, 8), from 0 to 100.
    seeds
        Seeds; a network is trained with each, and their weights are averaged.
    """
    centre, spread = ratings.mean(0), ratings.std(0)
    standard = (ratings - centre) / spread
    ridge = RidgeCV(RIDGE_ALPHAS).fit(views.features, standard)
    trained = [_train_face_rater(views.maps, standard, ridge, seed, epochs) for seed in seeds]
    rater = FaceRater(len(FACE_RATING_NAMES))
    rater.load_state_dict(_average_weights([one.state_dict() for one in trained]))
    _rescale_output_layer(rater, centre / 100, spread / 100)
    return rater.eval()


def _train_face_rater(maps: Tensor, standard: np.ndarray, ridge: RidgeCV, seed: int, epochs: int) -> FaceRater:
    """Train all but the first blocks on standardized ratings; the output layer starts from the ridge regression."""
    torch.manual_seed(seed)
    rater, targets = _load_pretrained_rater(), torch.from_numpy(standard.astype(np.float32))
    with torch.no_grad():
        rater.output.weight.copy_(torch.from_numpy(ridge.coef_))
        rater.output.bias.copy_(torch.from_numpy(ridge.intercept_))
    options = replace(PORTRAIT_FIT_OPTIONS, epochs=epochs, seed=seed)

    def load(pieces: Iterator[MicroBatch], epoch: int) -> MicroBatchInputs:
        return ((piece, maps[(epoch + seed) % len(maps), piece.rows].float()) for piece in pieces)

    def loss(rated: Tensor, rows: Tensor) -> Tensor:
        return functional.mse_loss(rated, targets[rows])

    trainer = Trainer(_FixedMapsRater(rater), loss, len(standard), options, tensors=rater.state_dict())
    for _ in trainer.train_epochs(load):
        pass
    with trainer.averaged_weights:
        return copy.deepcopy(rater)


class _FixedMapsRater(nn.Module):
    """A face rater as a step calls it."""

    def __init__(self, rater: FaceRater) -> None:
        super().__init__()
        self.rater = rater

    def forward(self, maps: Tensor) -> Tensor:
        """Ratings (B, 8) from fixed feature maps."""
        return self.rater.rate_fixed_maps(maps)


def _average_weights(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in states[0].items()
    }


@torch.no_grad()
def _rescale_output_layer(rater: FaceRater, centre: np.ndarray, spread: np.ndarray) -> None:
    """Rescale the last layer from standard deviations around the mean to [0, 1]."""
    rater.output.weight.mul_(torch.from_numpy(spread).float()[:, None])
    rater.output.bias.mul_(torch.from_numpy(spread).float()).add_(torch.from_numpy(centre).float())


def cross_validate_portraits(
    folder: Path, out: Path, *, epochs: int = PORTRAIT_EPOCHS, folds: int = PORTRAIT_FOLDS
) -> pd.DataFrame:
    """Rate each portrait with models that were trained on the other folds, and measure R2.

    Parameters
    ----------
    folder
        Folder of `images/` and `attribute_means.csv`.
    out
        Folder for report.json and the results of the folds, which are reused if they exist.

    Returns
    -------
    pandas.DataFrame
        One row per attribute: R2 of the network with its interval (r2, low, high) and of ridge regression on ImageNet
        features (ridge).
    """
    portraits, ratings = read_rated_portraits(folder)
    rated = _rate_out_of_fold(portraits, ratings.to_numpy(), out, epochs=epochs, folds=folds)
    report = measure_rating_r2(ratings.to_numpy(), rated["network"])
    report["ridge"] = r2_score(ratings, rated["ridge"], multioutput="raw_values")
    write_json(out / "report.json", {"portraits": len(ratings), "folds": folds, "r2": report.round(4).to_dict("index")})
    return report


def _rate_out_of_fold(
    portraits: Portraits, ratings: np.ndarray, out: Path, *, epochs: int, folds: int, views: PortraitViews | None = None
) -> dict[str, np.ndarray]:
    """Return ratings, (N, 8) from 0 to 100, by `network` and by `ridge`. views: by default computed if required."""
    out.mkdir(parents=True, exist_ok=True)
    rated = {"network": np.zeros_like(ratings), "ridge": np.zeros_like(ratings)}
    digest = hashlib.sha256(
        f"{portraits.names} {epochs} {VIEWS_PER_PORTRAIT} {PORTRAIT_SEEDS}".encode() + ratings.tobytes()
    ).hexdigest()[:12]
    for number, (training, left_out) in enumerate(KFold(folds, shuffle=True, random_state=0).split(ratings)):
        path = out / f"fold-{number}-of-{folds}-{digest}.npz"
        if not path.exists():
            views = views or make_portrait_views(portraits.crops)
            rater = fit_face_rater(views.select_faces(training), ratings[training], epochs=epochs)
            ridge = RidgeCV(RIDGE_ALPHAS).fit(views.features[training], ratings[training])
            network = rater.rate(portraits.crops[left_out]) * 100
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, network=network, ridge=ridge.predict(views.features[left_out]))
        with np.load(path) as stored:
            for name, values in rated.items():
                values[left_out] = stored[name]
    return rated


def measure_rating_r2(ratings: np.ndarray, rated: np.ndarray) -> pd.DataFrame:
    """Compute R2 per attribute with a 95 % bootstrap interval over portraits, from ratings and predictions, (N, 8)."""
    rows = np.random.default_rng(0).integers(len(ratings), size=(PORTRAIT_BOOTSTRAP_DRAWS, len(ratings)))
    residual = ((ratings - rated) ** 2)[rows].mean(1)
    low, high = np.percentile(1 - residual / ratings[rows].var(1), (2.5, 97.5), axis=0)
    r2 = r2_score(ratings, rated, multioutput="raw_values")
    return pd.DataFrame({"r2": r2, "low": low, "high": high}, index=list(FACE_RATING_NAMES))


def rate_new_portraits(folder: Path, others: Path, csv: Path, *, epochs: int = PORTRAIT_EPOCHS) -> list[str]:
    """Train on all portraits of a folder like the included model, rate the pictures in `others`, and write a CSV
    (`stimulus` and a column per attribute, 0 to 100). Return the names of pictures without a face."""
    (portraits, ratings), new = read_rated_portraits(folder), read_portraits(others)
    rater = fit_face_rater(make_portrait_views(portraits.crops), ratings.to_numpy(), epochs=epochs)
    rated = pd.DataFrame(rater.rate(new.crops) * 100, new.names, RATING_COLUMNS)
    csv.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(csv) as temporary:
        rated.clip(0, 100).rename_axis("stimulus").to_csv(temporary)
    return new.names_without_face


def train_face_impressions(
    folder: Path,
    work: Path,
    out: Path = FACE_RATER_FOLDER,
    *,
    epochs: int = PORTRAIT_EPOCHS,
    folds: int = PORTRAIT_FOLDS,
) -> dict[str, Any]:
    """Cross-validate, train on all portraits, write half-precision weights and a card to `out`, and return the card."""
    portraits, ratings = read_rated_portraits(folder)
    truth = ratings.to_numpy()
    views = make_portrait_views(portraits.crops)
    rated = _rate_out_of_fold(portraits, truth, work, epochs=epochs, folds=folds, views=views)["network"]
    rater = fit_face_rater(views, truth, epochs=epochs)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {n: t.half() if t.is_floating_point() else t for n, t in rater.state_dict().items()}
    write_bytes(out / FACE_RATER_WEIGHTS_FILE, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    card = _make_face_impressions_card(portraits, truth, rated, epochs=epochs, folds=folds)
    write_json(out / FACE_RATER_CARD_FILE, card)
    return card


def _make_face_impressions_card(
    portraits: Portraits, truth: np.ndarray, rated: np.ndarray, *, epochs: int, folds: int
) -> dict[str, Any]:
    figures = measure_rating_r2(truth, rated).round(3).to_dict("index")
    labels = {name: describe_labels(truth[:, column] / 100) for column, name in enumerate(FACE_RATING_NAMES)}
    return {
        "what": "Eight first impressions of a face in a photograph, rated 0 to 1",
        "attributes": list(FACE_RATING_NAMES),
        "origin": "EfficientNet-Lite0 with ImageNet weights (Apache 2.0), trained on mean ratings of portraits of "
        "people who do not exist: One Million Impressions (Peterson et al. 2022, doi 10.1073/pnas.2115228119)",
        "licence": "CC BY-NC-SA 4.0, as the portraits and their ratings",
        "portraits": len(truth),
        "without_face": portraits.names_without_face,
        "training": {"epochs": epochs, "views": VIEWS_PER_PORTRAIT, "seeds": list(PORTRAIT_SEEDS)},
        "held_out": {"folds": folds, "n": len(truth), "interval": "95 %, bootstrap over portraits", "r2": figures},
        "prediction_spread": dict(zip(FACE_RATING_NAMES, (rated.std(0) / 100).round(4).tolist(), strict=True)),
        "training_labels": labels,
        "validated_on": "photographs, not people who speak",
        "not_for": MISUSE_WARNING,
    }
