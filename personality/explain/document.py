"""Convert the explanations of a clip's predictions to plain values, for `predict --explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from personality.explain.occlusion import occlude_faces, occlude_sound
from personality.explain.sliding_window import predict_timeline
from personality.explain.voice import leave_out_seconds
from personality.explain.words import leave_out_words

if TYPE_CHECKING:
    from personality.models.checkpoint import Model
    from personality.preprocessing.sample import Sample

EXPLANATIONS = {
    "timeline": predict_timeline,
    "face_occlusion": occlude_faces,
    "audio_occlusion": occlude_sound,
    "voice_occlusion": leave_out_seconds,
    "word_occlusion": leave_out_words,
}


def explain_sample(sample: Sample, models: Sequence[Model]) -> dict[str, list[dict[str, Any]]]:
    """Compute the timeline and the occlusions of a clip.

    Parameters
    ----------
    sample : Sample
        The clip, with its speech and, if a model reads words, its transcript.
    models : sequence of Model
        Models on the CPU.

    Returns
    -------
    dict
        The rows of the table of each function in EXPLANATIONS, by its name, rounded to four digits; no rows if none of
        the models reads that input.
    """
    found = {name: explain(sample, models) for name, explain in EXPLANATIONS.items()}
    return {name: rows.round(4).to_dict("records") for name, rows in found.items()}
