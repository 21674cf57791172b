"""How well the visual pipeline rates still portraits (HOG, alignment, network), and whether training all of it is worth
more than a ridge regression on features that stay as ImageNet made them: `python -m training portraits FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from personality.design import Design
from personality.models.backbones import load_from_package
from personality.models.network import Batch
from personality.models.visual import ModernVisual
from personality.preprocessing.faces import FaceFinder
from personality.preprocessing.media import open_media
from personality.preprocessing.refusal import MediaError
from personality.storage import atomic_path, write_json
from training.augment import vary_faces
from training.averaging import Average
from training.schedule import cycle

FOLDS, SEED = 5, 0
EPOCHS, BATCH, RATE, WEIGHT_DECAY, AVERAGING = 4, 16, 3e-4, 0.02, 0.98
DROPOUT = 0.2
ALPHAS = np.logspace(1, 5, 13)  # of the ridge regression, chosen within each fold's training part
RATINGS = "attribute_means.csv"
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Portraits:
    """names (N,) as the ratings call them; crops uint8 (N, 224, 224, 3) RGB; without: names in which no face was
    found."""

    names: list[str]
    crops: np.ndarray
    without: list[str]


def read_portraits(folder: Path) -> Portraits:
    """The faces of the pictures in a folder, found and aligned as those of a clip. Raises ValueError where none is, or
    one cannot be read."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    found = {path.stem: _face(path) for path in tqdm(paths, desc="faces", disable=None)}
    crops = {name: crop for name, crop in found.items() if crop is not None}
    if not crops:
        raise ValueError(f"{folder} holds no picture with a face; wanted portraits as {', '.join(SUFFIXES)}.")
    return Portraits(list(crops), np.stack(list(crops.values())), [name for name in found if name not in crops])


def _face(path: Path) -> np.ndarray | None:
    try:
        with open_media(path) as still:
            face = FaceFinder().find(next(iter(still.frames())))
    except MediaError as error:
        raise ValueError(f"{path}: {error}") from error
    return None if face is None else face.crop


class Rater(nn.Module):
    """EfficientNet-Lite0 on one face, then one linear layer: each rating in standard deviations from its mean."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.visual = ModernVisual("relu", Design())
        load_from_package(self.visual)
        self.forget = nn.Dropout(DROPOUT)
        self.output = nn.Linear(1280, attributes)

    def features(self, crops: np.ndarray) -> Tensor:
        """(B, 1280) of crops uint8 (B, 224, 224, 3)."""
        faces = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)
        return self.visual.features(Batch(faces=faces[:, None]))[:, 0]

    def forward(self, crops: np.ndarray) -> Tensor:
        """(B, attributes)."""
        return self.output(self.forget(self.features(crops)))

    @torch.inference_mode()
    def rate(self, crops: np.ndarray) -> np.ndarray:
        """(N, attributes): the mean over each face and its mirror image."""
        self.eval()
        return np.concatenate([(self(part) + self(part[:, :, ::-1])).numpy() / 2 for part in _parts(crops)])

    @torch.inference_mode()
    def look(self, crops: np.ndarray) -> np.ndarray:
        """Features (N, 1280): the mean over each face and its mirror image."""
        self.eval()
        return np.concatenate(
            [(self.features(part) + self.features(part[:, :, ::-1])).numpy() / 2 for part in _parts(crops)]
        )


def _parts(crops: np.ndarray) -> Iterator[np.ndarray]:
    return (crops[start : start + BATCH] for start in range(0, len(crops), BATCH))


def fit_ridge(features: np.ndarray, standard: np.ndarray) -> RidgeCV:
    """A ridge regression from features to standardised ratings."""
    return RidgeCV(ALPHAS).fit(features, standard)


def train_rater(crops: np.ndarray, standard: np.ndarray, ridge: RidgeCV, *, epochs: int, seed: int) -> Rater:
    """All layers trained on crops and standardised ratings (N, A), from where the ridge regression is."""
    torch.manual_seed(seed)
    random, wanted = np.random.default_rng(seed), torch.from_numpy(standard.astype(np.float32))
    rater = Rater(standard.shape[1])
    with torch.no_grad():
        rater.output.weight.copy_(torch.from_numpy(ridge.coef_))
        rater.output.bias.copy_(torch.from_numpy(ridge.intercept_))
    optimiser = torch.optim.AdamW(rater.parameters(), weight_decay=WEIGHT_DECAY)
    average, steps = Average(rater, AVERAGING), epochs * -(-len(crops) // BATCH)
    order = (part for _ in range(epochs) for part in torch.randperm(len(crops)).split(BATCH))
    for step, part in enumerate(tqdm(order, total=steps, desc="steps", leave=False, disable=None)):
        rater.train()
        varied = np.stack([vary_faces(crops[number][None], random)[0] for number in part.tolist()])
        optimiser.param_groups[0]["lr"] = RATE * cycle(step, steps)
        loss = functional.mse_loss(rater(varied), wanted[part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.update()
    rater.load_state_dict(average.tensors, strict=False)
    return rater


@dataclass(frozen=True)
class _Fitted:
    """A network and a ridge regression that rate in standard deviations; what they are of, (A,) each."""

    rater: Rater
    ridge: RidgeCV
    centre: np.ndarray
    spread: np.ndarray

    def rating(self, standard: np.ndarray) -> np.ndarray:
        """Ratings (N, A) as people gave them."""
        return standard * self.spread + self.centre


def _fit(crops: np.ndarray, features: np.ndarray, truth: np.ndarray, *, epochs: int) -> _Fitted:
    centre, spread = truth.mean(0), truth.std(0)
    standard = (truth - centre) / spread
    ridge = fit_ridge(features, standard)
    return _Fitted(train_rater(crops, standard, ridge, epochs=epochs, seed=SEED), ridge, centre, spread)


def cross_validate(folder: Path, out: Path, *, epochs: int = EPOCHS, folds: int = FOLDS) -> pd.DataFrame:
    """R2 per attribute, of the trained network and of the ridge regression, each portrait rated by models of the folds
    it is not in; the same folds for both. Written to `out`/report.json; folds that lie there already are not repeated.

    folder: `images/` and `attribute_means.csv`, whose `stimulus` names the pictures.
    """
    portraits, ratings = read_rated(folder)
    truth = ratings.to_numpy()
    frozen = Rater(1).look(portraits.crops)
    rated = {"network": np.zeros_like(truth), "ridge": np.zeros_like(truth)}
    out.mkdir(parents=True, exist_ok=True)
    split = KFold(folds, shuffle=True, random_state=SEED).split(truth)
    of = f"{portraits.names} {epochs}".encode() + truth.tobytes()
    for number, (training, held) in enumerate(split):
        path = out / f"fold-{number}-of-{folds}-{hashlib.sha256(of).hexdigest()[:12]}.npz"
        if not path.exists():
            fitted = _fit(portraits.crops[training], frozen[training], truth[training], epochs=epochs)
            both: dict[str, Any] = {
                "network": fitted.rating(fitted.rater.rate(portraits.crops[held])),
                "ridge": fitted.rating(fitted.ridge.predict(frozen[held])),
            }
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **both)
        with np.load(path) as stored:
            for name in rated:
                rated[name][held] = stored[name]
    report = pd.DataFrame(
        {name: r2_score(truth, values, multioutput="raw_values") for name, values in rated.items()}, ratings.columns
    )
    facts = {"portraits": len(truth), "without_face": portraits.without, "folds": folds, "epochs": epochs}
    write_json(out / "report.json", {**facts, "r2": json.loads(report.round(4).to_json(orient="index"))})
    return report


def read_ratings(folder: Path) -> pd.DataFrame:
    """The mean ratings of `attribute_means.csv`, a row each, by the portraits' names. Raises ValueError where the table
    has no column `stimulus`."""
    path = folder / RATINGS
    table = pd.read_csv(path, dtype={"stimulus": str})
    if "stimulus" not in table:
        raise ValueError(f"{path} has no column stimulus; wanted the names of the pictures in it.")
    return table.set_index("stimulus")


def read_rated(folder: Path) -> tuple[Portraits, pd.DataFrame]:
    """The portraits in `images/` with a face, and their mean ratings 0 to 100, a row each.

    Raises ValueError as `read_ratings`, and where no picture has a face, or one has no ratings.
    """
    ratings, portraits = read_ratings(folder), read_portraits(folder / "images")
    missing = [name for name in portraits.names if name not in ratings.index]
    if missing:
        raise ValueError(f"{folder / RATINGS} has no ratings of {missing[0]}; add a row or take the picture away.")
    return portraits, ratings.loc[portraits.names]


def rate_others(folder: Path, others: Path, csv: Path, *, epochs: int = EPOCHS) -> list[str]:
    """Train on all portraits of `folder`, rate the pictures in `others`, write them as CSV (`stimulus` and a column per
    attribute, 0 to 100); returns the names in which no face was found."""
    (portraits, ratings), strangers = read_rated(folder), read_portraits(others)
    csv.parent.mkdir(parents=True, exist_ok=True)
    fitted = _fit(portraits.crops, Rater(1).look(portraits.crops), ratings.to_numpy(), epochs=epochs)
    rated = pd.DataFrame(fitted.rating(fitted.rater.rate(strangers.crops)), strangers.names, ratings.columns)
    with atomic_path(csv) as temporary:
        rated.clip(0, 100).rename_axis("stimulus").to_csv(temporary)
    return strangers.without
