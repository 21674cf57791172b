"""One video in, impressions out, piece by piece: what the Predict page and the command line show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personality.constants import PREPROCESSING
from personality.inference.calibration import interval, percentile
from personality.traits import EMOTIONS, TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd

    from personality.models.checkpoint import Model
    from personality.preprocessing.sample import Piece, Sample


@dataclass(frozen=True)
class Impression:
    """What one model says of a clip: five traits in [0, 1] by name; caveat: what it had to do without, in words.

    percentiles: by trait, how many of a hundred training clips people gave less; intervals: between what nine in ten
    clips lie of which the model says this. Both are empty where the model's card does not know.
    """

    model: str
    traits: dict[str, float]
    caveat: str = ""
    percentiles: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Unavailable:
    """A model that cannot speak on a clip, and why."""

    model: str
    why: str


def load_models(folders: Sequence[Path]) -> list[Model]:
    """The models in these folders, ready to predict and no more to be trained; networks that several of them use are in
    memory once.

    Models whose folders have one name are told apart by the folder above. Raises CheckpointError as `load_model`.
    """
    from personality.models.checkpoint import load_model
    from personality.models.folding import fold_normalisation

    loaded: dict[str, Model] = {}
    names = [folder.name for folder in folders]
    full = [f"{folder.parent.name}/{folder.name}" for folder in folders]
    called = [full[i] if names.count(name) > 1 else name for i, name in enumerate(names)]
    models = [replace(load_model(folder, loaded), name=name) for folder, name in zip(folders, called, strict=True)]
    for model in models:
        fold_normalisation(model.network)
    return models


def predict(pieces: Iterable[Piece], models: Sequence[Model]) -> Iterator[Piece | Impression | Unavailable]:
    """The pieces of a clip as they come, from `sample.read_pieces` or `isolate.read_apart`; after the Sample an
    Impression or a Unavailable of each model. Raises MediaError where they do."""
    from personality.preprocessing.sample import Sample

    for piece in pieces:
        yield piece
        if isinstance(piece, Sample):
            yield from impressions(piece, models)


def impressions(sample: Sample, models: Sequence[Model]) -> Iterator[Impression | Unavailable]:
    """What each model says of a Sample. Branches that several models share are computed once."""
    import torch

    from personality.models.inputs import lacking, make_batch

    seconds = max((model.network.needs.seconds for model in models), default=PREPROCESSING.audio_seconds)
    batch = make_batch([sample], PREPROCESSING.faces, seconds)
    for model in models:
        needs = model.network.needs
        reasons = lacking(needs, sample)
        if reasons:
            yield Unavailable(model.name, " and ".join(reasons))
            continue
        absent = lacking(replace(needs, alternatives=()), sample)
        with torch.inference_mode():
            values = model.network(batch)[0].tolist()
        traits = dict(zip(TRAIT_NAMES, values, strict=True))
        yield Impression(model.name, traits, " and ".join(absent), **_standing(model, traits))


def _standing(model: Model, traits: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The percentiles and intervals that the model's card knows."""
    percentiles = {name: percentile(model.card, name, value) for name, value in traits.items()}
    intervals = {name: interval(model.card, name, value) for name, value in traits.items()}
    return {
        "percentiles": {name: value for name, value in percentiles.items() if value is not None},
        "intervals": {name: bounds for name, bounds in intervals.items() if bounds is not None},
    }


def trait_rows(spoken: Iterable[Impression]) -> pd.DataFrame:
    """A row per model and trait: columns model, trait, value, percentile, low, high; NaN where a card does not know."""
    import pandas as pd

    unknown = (float("nan"), float("nan"))
    rows = [
        (one.model, trait, value, one.percentiles.get(trait), *one.intervals.get(trait, unknown))
        for one in spoken
        for trait, value in one.traits.items()
    ]
    columns = {"value": float, "percentile": float, "low": float, "high": float}
    return pd.DataFrame(rows, columns=["model", "trait", *columns]).astype(columns)


def as_document(clip: str, pieces: Sequence[Piece | Impression | Unavailable]) -> dict[str, Any]:
    """What a person takes away of one clip: `as_json`, and percentiles and intervals by model and trait."""
    spoken = [piece for piece in pieces if isinstance(piece, Impression)]
    standing = {
        "percentiles": {one.model: one.percentiles for one in spoken},
        "intervals": {one.model: one.intervals for one in spoken},
    }
    return {**as_json(clip, pieces), **standing}


def as_json(clip: str, pieces: Sequence[Piece | Impression | Unavailable]) -> dict[str, Any]:
    """The command line's object for one clip, from all its pieces. Traits are keyed by model; the shipped models are
    called by their modality."""
    from personality.preprocessing.sample import Sample

    (sample,) = (piece for piece in pieces if isinstance(piece, Sample))
    spoken = [piece for piece in pieces if isinstance(piece, Impression)]
    silent = [f"{piece.model} gives no answer: {piece.why}" for piece in pieces if isinstance(piece, Unavailable)]
    silent += [f"{piece.model} speaks although {piece.caveat}" for piece in spoken if piece.caveat]
    found = zip(sample.times.tolist(), sample.boxes.tolist(), sample.scores.tolist(), strict=True)
    return {
        "clip": clip,
        "duration": round(sample.duration, 3),
        "faces": [{"time": round(t, 3), "box": box, "score": round(score, 3)} for t, box, score in found],
        "audio": {"seconds": round(sample.audio_seconds, 3), "rate": PREPROCESSING.sample_rate},
        "age": sample.age,
        "gender": sample.gender,
        "emotions": {name: round(value, 4) for name, value in zip(EMOTIONS, sample.emotions.tolist(), strict=True)},
        "traits": {piece.model: {name: round(v, 4) for name, v in piece.traits.items()} for piece in spoken},
        "warnings": [*sample.warnings, *silent],
    }
