"""Predict from a video file, or a part of it, and return the documents that `predict --json` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from personality.inference.video_files import VideoPart, printable
from personality.preprocessing.media_errors import MediaError

if TYPE_CHECKING:
    from personality.models.checkpoint import Model
    from personality.preprocessing.people import PersonChoice
    from personality.preprocessing.sample import Sample

Document = dict[str, Any]  # result of `prediction_to_json`, with person, start and end if requested; or an error
ExplainSample = Callable[["Sample", Sequence["Model"]], dict[str, Any]]


@dataclass(frozen=True)
class PredictionOptions:
    """How videos are predicted.

    Attributes
    ----------
    person : int, "largest", "speaking" or "each"
        Whom to follow, see `people.choose_person`; "each" predicts from every person.
    device : str
        Where the models run; see `load_models`.
    explain : callable, optional
        Computes the `explanations` of a document from its Sample with the transcript, and from the models.
    """

    person: PersonChoice | Literal["each"] = "largest"
    device: str = "cpu"
    explain: ExplainSample | None = None

    @property
    def signature(self) -> str:
        """Return a text that identifies the options that affect predictions; the device does not."""
        return f"{self.person}{'-explained' if self.explain else ''}"


def predict_part(
    part: VideoPart, models: Sequence[Model], options: PredictionOptions, *, threads: int = 0
) -> list[Document]:
    """Return the documents of a video or a part of it: one, or one per person.

    Parameters
    ----------
    part : VideoPart
        What to predict.
    models : sequence of Model
        As `load_models` returns them.
    options : PredictionOptions
        How to predict.
    threads : int
        Threads for decoding; 0 for one per core.

    Raises
    ------
    SpeechModelError
        A model reads words, and the speech recognizer is not installed.
    """
    from personality.preprocessing.speech_to_text import SpeechModelError

    place = {"clip": printable(part.clip)} | (part.span._asdict() if part.span else {})
    try:
        samples = _read_samples(part, options, threads)
        return [document | place for document in _predict_samples(samples, models, options)]
    except MediaError as error:
        return [place | {"error": printable(str(error))}]
    except (SpeechModelError, MemoryError):
        raise
    except Exception as error:  # an unusual clip must not prevent the prediction of the others
        why = f"it could not be predicted: {type(error).__name__}: {error}"
        return [place | {"error": why.splitlines()[0]}]


def _read_samples(part: VideoPart, options: PredictionOptions, threads: int) -> list[Sample]:
    from personality.preprocessing.sample import read_sample, read_sample_of_each_person

    if options.person == "each":
        return read_sample_of_each_person(part.file, threads=threads, part=part.span)
    return [read_sample(part.file, threads=threads, person=options.person, part=part.span)]


def _predict_samples(
    samples: Sequence[Sample], models: Sequence[Model], options: PredictionOptions
) -> Iterator[Document]:
    """Yield one document per sample; speech is recognized once, because all samples have the same sound."""
    from personality.inference.predict import predict_sample
    from personality.inference.prediction_document import prediction_to_json
    from personality.preprocessing.speech import with_speech
    from personality.preprocessing.speech_to_text import Transcript

    speech, transcript = with_speech(samples[0]).speech, None
    for number, sample in enumerate(samples, 1):
        heard = replace(sample, speech=speech, transcript=transcript)
        pieces = [heard, *predict_sample(heard, models)]
        transcript = next((piece for piece in pieces if isinstance(piece, Transcript)), None)
        person = {"person": number} if options.person == "each" else {}
        explained = replace(heard, transcript=transcript)
        explanations = {"explanations": options.explain(explained, models)} if options.explain else {}
        yield prediction_to_json("", pieces, models) | person | explanations
