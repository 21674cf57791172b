"""Predict from a second person of a clip, to compare two people: only what comes from the face differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from personality.inference.predict import predict_sample

if TYPE_CHECKING:
    from personality.inference.predict import PredictionUpdate
    from personality.models.checkpoint import Model
    from personality.preprocessing.sample import Sample
    from personality.preprocessing.speech_to_text import Transcript


def models_of_faces(models: Sequence[Model]) -> list[Model]:
    """Return the models whose predictions differ between the people of a clip: those that read faces."""
    from personality.models.clip_features import reads_faces

    return [model for model in models if reads_faces(model.network.needs)]


def predict_other_person(
    other: Sample, transcript: Transcript | None, models: Sequence[Model]
) -> list[PredictionUpdate]:
    """Predict from another person of a clip whose speech was already recognized.

    Parameters
    ----------
    other : Sample
        The clip as read for the other person.
    transcript : Transcript or None
        The words of the clip, which are everyone's; None if no model required them.
    models : sequence of Model
        The models of the first prediction. Those that do not read faces are left out: they predict the same.

    Returns
    -------
    list of FaceImpressions, Transcript, Impression or Unavailable
        As `predict.predict_sample` yields them.
    """
    return list(predict_sample(replace(other, transcript=transcript), models_of_faces(models)))
