"""One video in, predicted first impressions out, piece by piece: what the Predict page and the command line show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from personality.constants import PREPROCESSING
from personality.inference.calibration import label_percentile, prediction_interval
from personality.modalities import TEXT_TABLE
from personality.preprocessing.speech import with_speech, with_transcript
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd

    from personality.inference.face_impressions import FaceImpressions
    from personality.models.checkpoint import Model
    from personality.preprocessing.sample import ClipUpdate, Sample
    from personality.preprocessing.speech_to_text import Transcript

    PredictionUpdate: TypeAlias = "ClipUpdate | FaceImpressions | Transcript | Impression | Unavailable"

NO_PERSON_MESSAGE = "neither a face nor speech was found"


@dataclass(frozen=True)
class Impression:
    """One model's prediction for a clip: five traits in [0, 1] by name; caveat: which input was missing, in words.

    percentiles: by trait, share (0 to 100) of training clips with a lower label; intervals: by trait, 90 % prediction
    interval. Both are empty where the model's card has no figures for them.
    """

    model: str
    traits: dict[str, float]
    caveat: str = ""
    percentiles: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Unavailable:
    """A model that cannot predict for a clip, and why."""

    model: str
    why: str


def load_models(folders: Sequence[Path]) -> list[Model]:
    """The models in these folders, ready to predict and no more to be trained; networks that several of them use are in
    memory once.

    Models whose folders have one name are told apart by the folder above. Raises CheckpointError as
    `load_model`.
    """
    from personality.models.checkpoint import load_model
    from personality.models.fuse_batchnorm import fold_normalisation

    loaded: dict[str, Model] = {}
    names = [folder.name for folder in folders]
    full = [f"{folder.parent.name}/{folder.name}" for folder in folders]
    called = [full[i] if names.count(name) > 1 else name for i, name in enumerate(names)]
    models = [replace(load_model(folder, loaded), name=name) for folder, name in zip(folders, called, strict=True)]
    for model in models:
        fold_normalisation(model.network)
    return models


def warm_up_prediction(models: Sequence[Model]) -> None:
    """Load what predicting with these models needs beside them, so that the first clip does not wait for it."""
    from personality.inference.face_impressions import load_face_rater
    from personality.models.clip_features import requires_table
    from personality.preprocessing.speech_to_text import load_speech_model
    from personality.preprocessing.text_features import embed_texts

    load_face_rater()
    if any(requires_table(model.network.needs, TEXT_TABLE) for model in models):
        load_speech_model()
        embed_texts(["warm"])


def predict(video: Path | str, models: Sequence[Model] | None = None) -> list[Impression | Unavailable]:
    """Predict the first impression that the person in a video makes on strangers.

    Parameters
    ----------
    video : Path or str
        A video with a face or speech; of several people the largest face is followed.
    models : sequence of Model, optional
        As `load_models` returns them; by default the shipped models of real people: `voice`, `words`, `voice_words`.

    Returns
    -------
    list of Impression or Unavailable
        In the order of the models.

    Raises
    ------
    MediaError
        The file is missing, too large or no readable video.
    """
    from personality.assets.shipped_models import REAL_MODEL_FOLDERS
    from personality.preprocessing.sample import read_sample

    loaded = load_models(REAL_MODEL_FOLDERS) if models is None else models
    return list(predict_impressions(read_sample(Path(video)), loaded))


def predict_updates(pieces: Iterable[ClipUpdate], models: Sequence[Model]) -> Iterator[PredictionUpdate]:
    """Pass on the pieces of a clip as they come and, after the Sample, everything that is predicted from it.

    Parameters
    ----------
    pieces
        From `sample.read_clip_updates` or `isolate.read_apart`.
    models
        As `load_models` gives them.

    Yields
    ------
    ClipUpdate, FaceImpressions, Transcript, Impression or Unavailable
        Ratings of the face first, then the models that need no words; last, because recognising them takes longest,
        the words and the models that read them.

    Raises
    ------
    MediaError
        Where the pieces raise it.
    SpeechModelError
        A model reads words and the recogniser is not installed.
    """
    from personality.preprocessing.sample import Sample

    for piece in pieces:
        yield piece
        if isinstance(piece, Sample):
            yield from predict_sample(piece, models)


def predict_sample(sample: Sample, models: Sequence[Model]) -> Iterator[PredictionUpdate]:
    """What `predict_updates` yields after the Sample."""
    from personality.inference.face_impressions import rate_faces
    from personality.models.clip_features import requires_table

    with_words = [model for model in models if requires_table(model.network.needs, TEXT_TABLE)]
    sample = with_speech(sample)
    yield from predict_impressions(sample, [model for model in models if model not in with_words])
    rated = rate_faces(sample.faces)
    if rated is not None:
        yield rated
    if with_words:
        sample = with_transcript(sample)
        assert sample.transcript is not None
        yield sample.transcript
        yield from predict_impressions(sample, with_words)


def predict_impressions(sample: Sample, models: Sequence[Model]) -> Iterator[Impression | Unavailable]:
    """The prediction of each model for a Sample, whose speech and words are looked for where a model needs them.
    Branches that several models share are computed once. Raises SpeechModelError as `predict_updates` does."""
    import torch

    from personality.models.batching import explain_missing_inputs, make_batch
    from personality.models.clip_features import requires_table
    from personality.models.network import Needs

    needs = reduce(or_, (model.network.needs for model in models), Needs())
    sample = with_speech(sample)
    if not len(sample.faces) and not sample.speech:
        yield from (Unavailable(model.name, NO_PERSON_MESSAGE) for model in models)
        return
    if requires_table(needs, TEXT_TABLE):
        sample = with_transcript(sample)
    batch = make_batch([sample], PREPROCESSING.faces, needs.seconds, needs.tables).shared()
    for model in models:
        needs = model.network.needs
        missing = explain_missing_inputs(needs, sample)
        if missing:
            yield Unavailable(model.name, " and ".join(missing))
            continue
        with torch.inference_mode():
            values = model.network(batch)[0].tolist()
        traits = dict(zip(TRAIT_NAMES, values, strict=True))
        caveat = " and ".join(explain_missing_inputs(replace(needs, alternatives=()), sample))
        yield Impression(model.name, traits, caveat, **_calibrate_traits(model, traits))


def _calibrate_traits(model: Model, traits: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The percentiles and intervals that the model's card has figures for."""
    percentiles = {name: label_percentile(model.card, name, value) for name, value in traits.items()}
    intervals = {name: prediction_interval(model.card, name, value) for name, value in traits.items()}
    return {
        "percentiles": {name: value for name, value in percentiles.items() if value is not None},
        "intervals": {name: bounds for name, bounds in intervals.items() if bounds is not None},
    }


def trait_rows(predicted: Iterable[Impression]) -> pd.DataFrame:
    """A row per model and trait: columns model, trait, value, percentile, low, high; NaN where a card has none."""
    import pandas as pd

    unknown = (float("nan"), float("nan"))
    rows = [
        (one.model, trait, value, one.percentiles.get(trait), *one.intervals.get(trait, unknown))
        for one in predicted
        for trait, value in one.traits.items()
    ]
    columns = {"value": float, "percentile": float, "low": float, "high": float}
    return pd.DataFrame(rows, columns=["model", "trait", *columns]).astype(columns)
