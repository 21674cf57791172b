"""Predict first impressions from a video, as a list or as a stream of updates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from personality.constants import PREPROCESSING
from personality.inference.calibration import label_percentile, prediction_interval
from personality.preprocessing.speech import (
    explain_missing_sound,
    explain_missing_speech,
    with_speech,
    with_transcript,
)
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from personality.inference.face_impressions import FaceImpressions
    from personality.models.checkpoint import Model
    from personality.models.network import Needs
    from personality.preprocessing.sample import ClipUpdate, Sample
    from personality.preprocessing.speech_to_text import Transcript

    PredictionUpdate: TypeAlias = "ClipUpdate | FaceImpressions | Transcript | Impression | Unavailable"

NO_PERSON_MESSAGE = "neither a face nor speech was found"


@dataclass(frozen=True)
class Impression:
    """One model's prediction for a clip.

    Attributes
    ----------
    model : str
        Name of the model.
    traits : dict of str to float
        Five traits in [0, 1].
    caveat : str
        Which inputs were missing; empty if none.
    percentiles : dict of str to float
        Share of training clips with a lower label, 0 to 100, by trait; empty if the model's card has no labels.
    intervals : dict of str to (float, float)
        90 % prediction intervals by trait; empty if the model's card has no residuals.
    """

    model: str
    traits: dict[str, float]
    caveat: str = ""
    percentiles: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Unavailable:
    """A model that cannot predict from a clip, and the reason."""

    model: str
    why: str


def load_models(folders: Sequence[Path], device: str = "cpu") -> list[Model]:
    """Load models for prediction only; networks shared by several models are loaded once.

    Parameters
    ----------
    folders : sequence of Path
        Folders with `model.safetensors` and `card.json`.
    device : str
        Where the networks run: "cpu", "cuda", or "auto" for a GPU if there is one.

    Returns
    -------
    list of Model
        In the order of the folders. The name of a model is that of its folder, with the parent's name if two folders
        have the same name.

    Raises
    ------
    CheckpointError
        A file is missing, damaged, or not supported by this version.
    ValueError
        A GPU is requested, but PyTorch finds none.
    """
    from personality.models.checkpoint import load_model
    from personality.models.fuse_batchnorm import fold_normalisation

    loaded: dict[str, Model] = {}
    names = list_model_names(folders)
    models = [replace(load_model(folder, loaded), name=name) for folder, name in zip(folders, names, strict=True)]
    for model in models:
        fold_normalisation(model.network)
        model.network.to(_choose_device(device))
    return models


def _choose_device(name: str) -> str:
    import torch

    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise ValueError("PyTorch finds no CUDA GPU on this machine; use --device cpu or --device auto.")
    return "cuda"


def list_model_names(folders: Sequence[Path]) -> list[str]:
    """Return the names of the models in these folders, as `load_models` assigns them."""
    names = [folder.name for folder in folders]
    return [
        f"{folder.parent.name}/{folder.name}" if names.count(folder.name) > 1 else folder.name for folder in folders
    ]


def prepare_for_server(models: Sequence[Model]) -> None:
    """Prepare models on the CPU for a process that also draws pages and predicts many clips.

    Traces the networks that read faces, and loads the face rater and, if a model reads words, the speech recognizer, so
    that the first clip is not delayed.
    """
    from personality.inference.face_impressions import load_face_rater
    from personality.models.clip_features import reads_words
    from personality.models.tracing import trace_backbones
    from personality.preprocessing.speech_to_text import load_speech_model
    from personality.preprocessing.text_features import embed_texts

    trace_backbones(model.network for model in models)
    load_face_rater().trace()
    if any(reads_words(model.network.needs) for model in models):
        load_speech_model()
        embed_texts(["warm-up"])


def predict(video: Path | str, models: Sequence[Model] | None = None) -> list[Impression | Unavailable]:
    """Predict the first impression that the person in a video makes on strangers.

    Parameters
    ----------
    video : Path or str
        A video with a face or speech; of several people, the largest one whose face moves is followed.
    models : sequence of Model, optional
        As `load_models` returns them; by default the shipped models of real people: `voice`, `words`, `voice_words`.

    Returns
    -------
    list of Impression or Unavailable
        In the order of the models.

    Raises
    ------
    MediaError
        The file is missing, too large or not a readable video.
    """
    from personality.assets.shipped_models import REAL_MODEL_FOLDERS
    from personality.preprocessing.sample import read_sample

    loaded = load_models(REAL_MODEL_FOLDERS) if models is None else models
    return list(predict_impressions(read_sample(Path(video)), loaded))


def predict_updates(pieces: Iterable[ClipUpdate], models: Sequence[Model]) -> Iterator[PredictionUpdate]:
    """Yield the pieces of a clip as they arrive and, after the Sample, all predictions.

    Parameters
    ----------
    pieces
        From `sample.read_clip_updates` or `sandbox.client.read_clip_in_sandbox`.
    models
        As returned by `load_models`.

    Yields
    ------
    ClipUpdate, FaceImpressions, Transcript, Impression or Unavailable
        After the pieces: the predictions of models that do not read words, the ratings of the face, and last, because
        speech recognition takes longest, the transcript and the predictions of models that read words.

    Raises
    ------
    MediaError
        Reading the pieces failed.
    SpeechModelError
        A model reads words, and the speech recognizer is not installed.
    """
    from personality.preprocessing.sample import Sample

    for piece in pieces:
        yield piece
        if isinstance(piece, Sample):
            yield from predict_sample(piece, models)


def predict_sample(sample: Sample, models: Sequence[Model]) -> Iterator[PredictionUpdate]:
    """Yield the predictions from a Sample, as `predict_updates` does."""
    from personality.inference.face_impressions import rate_faces
    from personality.models.clip_features import reads_words

    text_models = [model for model in models if reads_words(model.network.needs)]
    sample = with_speech(sample)
    yield from predict_impressions(sample, [model for model in models if model not in text_models])
    ratings = rate_faces(sample.faces)
    if ratings is not None:
        yield ratings
    if text_models:
        sample = with_transcript(sample)
        assert sample.transcript is not None
        yield sample.transcript
        yield from predict_impressions(sample, text_models)


def predict_impressions(sample: Sample, models: Sequence[Model]) -> Iterator[Impression | Unavailable]:
    """Yield the prediction of each model from a Sample.

    Speech is detected if the Sample does not include it, and transcribed if a model reads words. Branches that several
    models share are computed once. Raises SpeechModelError like `predict_updates`.
    """
    import torch

    from personality.models.batching import explain_missing_inputs, make_batch
    from personality.models.clip_features import reads_words
    from personality.models.network import Needs

    needs = reduce(or_, (model.network.needs for model in models), Needs())
    sample = with_speech(sample)
    if not len(sample.faces) and not sample.speech:
        yield from (Unavailable(model.name, NO_PERSON_MESSAGE) for model in models)
        return
    if reads_words(needs):
        sample = with_transcript(sample)
    batch = make_batch([sample], PREPROCESSING.faces, needs.seconds, needs.tables)
    batch = batch.to(_device_of(models)).shared()
    for model in models:
        needs = model.network.needs
        missing = explain_missing_inputs(needs, sample)
        if missing:
            yield Unavailable(model.name, " and ".join(missing))
            continue
        with torch.inference_mode():
            values = model.network(batch)[0].tolist()
        traits = dict(zip(TRAIT_NAMES, values, strict=True))
        caveat = " and ".join(_list_caveats(needs, sample))
        yield Impression(model.name, traits, caveat, **_calibrate_traits(model, traits))


def _device_of(models: Sequence[Model]) -> torch.device:
    """Return the device of the networks, which is the same for all."""
    import torch

    tensors = (tensor for model in models for tensor in model.network.state_dict().values())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def _list_caveats(needs: Needs, sample: Sample) -> Iterator[str]:
    """Yield which inputs of a model are missing, and whether its sound contains no speech."""
    from personality.models.batching import explain_missing_inputs

    yield from explain_missing_inputs(replace(needs, alternatives=()), sample)
    if "audio" in needs.inputs and not explain_missing_sound(sample, needs.seconds):
        yield from filter(None, [explain_missing_speech(sample, needs.seconds)])


def _calibrate_traits(model: Model, traits: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Return percentiles and intervals for the traits for which the model's card has figures."""
    percentiles = {name: label_percentile(model.card, name, value) for name, value in traits.items()}
    intervals = {name: prediction_interval(model.card, name, value) for name, value in traits.items()}
    return {
        "percentiles": {name: value for name, value in percentiles.items() if value is not None},
        "intervals": {name: bounds for name, bounds in intervals.items() if bounds is not None},
    }


def trait_rows(impressions: Iterable[Impression]) -> pd.DataFrame:
    """Return predictions as a table with a row per model and trait: columns model, trait, value, percentile, low, high.
    The last three are NaN if the model's card has no figures for them."""
    import pandas as pd

    no_interval = (float("nan"), float("nan"))
    rows = [
        (
            impression.model,
            trait,
            value,
            impression.percentiles.get(trait),
            *impression.intervals.get(trait, no_interval),
        )
        for impression in impressions
        for trait, value in impression.traits.items()
    ]
    columns = {"value": float, "percentile": float, "low": float, "high": float}
    return pd.DataFrame(rows, columns=["model", "trait", *columns]).astype(columns)
