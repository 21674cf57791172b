"""The predictions of a clip as one JSON object, for `predict --json` and for downloads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from personality.constants import MISUSE_WARNING, PREPROCESSING
from personality.inference.model_facts import get_model_facts
from personality.inference.predict import Impression, Unavailable, trait_rows
from personality.traits import EMOTIONS

if TYPE_CHECKING:
    import pandas as pd

    from personality.inference.predict import PredictionUpdate
    from personality.models.checkpoint import Model
    from personality.preprocessing.sample import Sample


def prediction_to_json(clip: str, pieces: Sequence[PredictionUpdate], models: Sequence[Model]) -> dict[str, Any]:
    """Return the JSON object of one clip.

    Parameters
    ----------
    clip
        Name of the clip.
    pieces
        All items of `predict_updates`.
    models
        The models that predicted.

    Returns
    -------
    dict
        Plain values; `traits`, `percentiles`, `intervals` and `models` are keyed by the models' names.
    """
    from personality.inference.face_impressions import FaceImpressions
    from personality.preprocessing.sample import Sample
    from personality.preprocessing.speech_to_text import Transcript

    (sample,) = (piece for piece in pieces if isinstance(piece, Sample))
    predicted = [piece for piece in pieces if isinstance(piece, Impression)]
    face = next((piece for piece in pieces if isinstance(piece, FaceImpressions)), None)
    transcript = next((piece for piece in pieces if isinstance(piece, Transcript)), None)
    return {
        **_describe_clip(clip, sample),
        "transcript": transcript.text or None if transcript else None,
        "face_impressions": {name: round(value, 4) for name, value in face.ratings.items()} if face else {},
        "traits": {one.model: _round_values(one.traits, 4) for one in predicted},
        "percentiles": {one.model: _round_values(one.percentiles, 1) for one in predicted},
        "intervals": {
            one.model: {name: [round(low, 4), round(high, 4)] for name, (low, high) in one.intervals.items()}
            for one in predicted
        },
        "models": {model.name: get_model_facts(model) for model in models},
        "warnings": [*sample.warnings, *_list_model_warnings(pieces)],
    }


def _describe_clip(clip: str, sample: Sample) -> dict[str, Any]:
    found = zip(sample.times.tolist(), sample.boxes.tolist(), sample.scores.tolist(), strict=True)
    return {
        "clip": clip,
        "duration": round(sample.duration, 3),
        "faces": [{"time": round(t, 3), "box": box, "score": round(score, 3)} for t, box, score in found],
        "audio": {"seconds": round(sample.audio_seconds, 3), "rate": PREPROCESSING.sample_rate},
        "age": sample.age,
        "gender": sample.gender,
        "emotions": _round_values(dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True)), 4),
    }


def _list_model_warnings(pieces: Sequence[PredictionUpdate]) -> Iterator[str]:
    """Yield a sentence for each model that is unavailable or whose inputs were incomplete."""
    for piece in pieces:
        if isinstance(piece, Unavailable):
            yield f"{piece.model} is unavailable: {piece.why}"
        if isinstance(piece, Impression) and piece.caveat:
            yield f"{piece.model} predicts from incomplete inputs: {piece.caveat}"


def _round_values(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def prediction_rows(predicted: Sequence[Impression], models: Sequence[Model]) -> pd.DataFrame:
    """Return a row per model and trait: the columns of `trait_rows`, and the facts of the model."""
    import pandas as pd

    facts = pd.DataFrame([{"model": model.name, **get_model_facts(model)} for model in models])
    return trait_rows(predicted).merge(facts, on="model", how="left")


def prediction_lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the result of `prediction_to_json`, or the error of a clip that could not be read, as lines of text."""
    if "error" in document:
        yield f"{document['clip']}: {document['error']}"
        return
    sound, faces = document["audio"]["seconds"], len(document["faces"])
    person = f", person {document['person']}" if "person" in document else ""
    yield f"{document['clip']}{person}: {document['duration']:.1f} s, {faces} faces, {sound:.1f} s of sound"
    if document["transcript"]:
        yield f"  words: {document['transcript']}"
    for model, traits in document["traits"].items():
        yield f"  {model:<20}" + "  ".join(f"{name} {value:.2f}" for name, value in traits.items())
        yield f"  {'':<20}{document['models'][model]['trained_on']}"
    if document["face_impressions"]:
        rated = "  ".join(f"{name} {value:.2f}" for name, value in document["face_impressions"].items())
        yield f"  {'face (ratings of photographs)':<20}  {rated}"
    yield from (f"  note: {warning}" for warning in document["warnings"])
    yield f"  {MISUSE_WARNING}"
