"""Read a video as a Sample: metadata, faces, sound, and the attributes estimated from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.attributes import estimate_age_and_gender, summarise_emotions
from personality.preprocessing.emotion import predict_emotion_confidences
from personality.preprocessing.faces import Face, FaceFinder, compute_likeness
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import Metadata, StillImage, Video, open_media
from personality.preprocessing.media_errors import MediaSource
from personality.preprocessing.moments import hold_until_certain, track_people
from personality.preprocessing.people import (
    PeopleTracker,
    PersonChoice,
    TrackedPerson,
    choose_person,
    describe_choice,
    describe_count,
)
from personality.preprocessing.sample_warnings import list_sample_warnings
from personality.preprocessing.sound import Sound, WidebandSound
from personality.preprocessing.speech_to_text import Transcript
from personality.preprocessing.streams import TimeSpan
from personality.preprocessing.voice_descriptors import (
    VOICE_DESCRIPTOR_COLUMNS,
    VOICE_SAMPLE_RATE_HZ,
    compute_voice_frames,
)
from personality.traits import EMOTIONS


def _empty_voice_frames() -> np.ndarray:
    return np.zeros((len(VOICE_DESCRIPTOR_COLUMNS), 0), np.float32)


@dataclass(frozen=True)
class Sample:
    """The inputs of the models from one clip, with K faces, 0 to 16.

    Attributes
    ----------
    faces : ndarray, uint8 (K, 224, 224, 3)
        RGB crops.
    times : ndarray, float32 (K,)
        Seconds from the start of the clip.
    boxes : ndarray, int32 (K, 4)
        Left, top, right, bottom in pixels of the video.
    scores : ndarray, float32 (K,)
        Detection scores, 0 to about 2.
    audio : ndarray, float32 (80000,)
        The first 5 s of sound, mono, 16 kHz, in [-1, 1]; zeros after the end of the sound.
    audio_seconds : float
        Length of the sound in `audio`; 0 without sound.
    rest : ndarray, float32 (M,)
        The sound after `audio`, at the same rate; empty if a cache does not store it.
    voice_descriptors : ndarray, float32 (26,)
        Means of `voice_frames` over the first 7 s; zeros without sound.
    duration : float
        Seconds.
    age : float or None
        Estimated age in years; None without a face.
    gender : str or None
        Estimated gender, one of GENDERS; None without a face.
    emotions : ndarray, float32 (7,)
        Histogram of EMOTIONS, sums to 1; zeros without a face.
    emotion_confidences : ndarray, float32 (K, 7)
        Confidence of each of EMOTIONS per face.
    warnings : tuple of str
        Problems with the clip, such as a missing face.
    speech : tuple of (float, float) or None
        Start and end of each segment of speech in seconds; None until `speech.with_speech` has run.
    transcript : Transcript or None
        The recognized words; None until `speech.with_transcript` has run.
    voice_frames : ndarray, float32 (26, T)
        Voice descriptors per frame; caches do not store them.
    """

    faces: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    audio: np.ndarray
    audio_seconds: float
    rest: np.ndarray
    voice_descriptors: np.ndarray
    duration: float
    age: float | None
    gender: str | None
    emotions: np.ndarray
    emotion_confidences: np.ndarray
    warnings: tuple[str, ...]
    speech: tuple[tuple[float, float], ...] | None = None
    transcript: Transcript | None = None
    voice_frames: np.ndarray = field(default_factory=_empty_voice_frames)

    @property
    def sound(self) -> np.ndarray:
        """Return all sound that was read, float32 (N,) mono 16 kHz in [-1, 1]."""
        return np.concatenate([self.audio[: round(self.audio_seconds * PREPROCESSING.sample_rate)], self.rest])


EMPTY_SAMPLE = Sample(
    faces=np.zeros((0, PREPROCESSING.face_size, PREPROCESSING.face_size, 3), np.uint8),
    times=np.zeros(0, np.float32),
    boxes=np.zeros((0, 4), np.int32),
    scores=np.zeros(0, np.float32),
    audio=np.zeros(PREPROCESSING.samples, np.float32),
    audio_seconds=0.0,
    rest=np.zeros(0, np.float32),
    voice_descriptors=np.zeros(len(VOICE_DESCRIPTOR_COLUMNS), np.float32),
    duration=0.0,
    age=None,
    gender=None,
    emotions=np.zeros(len(EMOTIONS), np.float32),
    emotion_confidences=np.zeros((0, len(EMOTIONS)), np.float32),
    warnings=(),
)


def pick_face_crops(faces: np.ndarray, count: int) -> np.ndarray:
    """Pick `count` evenly spaced crops of K, (K, 224, 224, 3): repeated if K < count, black if K is 0."""
    if not len(faces):
        return np.zeros((count, *faces.shape[1:]), faces.dtype)
    positions = (np.arange(count) + 0.5) / count * len(faces)
    return faces[positions.astype(int)]


@dataclass(frozen=True)
class DetectedPeople:
    """The P people of a clip with signs of several, ordered by the time at which they are first seen, then from left to
    right.

    Attributes
    ----------
    crops : ndarray, uint8 (P, 224, 224, 3)
        The first RGB face crop of each person.
    chosen : int
        Index of the person whom the Sample describes.
    """

    crops: np.ndarray
    chosen: int


ClipUpdate = Metadata | DetectedPeople | Face | Sound | Sample | WidebandSound


def read_clip_updates(
    source: MediaSource,
    *,
    threads: int = 0,
    person: PersonChoice = "largest",
    part: TimeSpan | None = None,
    faces: bool = True,
) -> Iterator[ClipUpdate]:
    """Read a clip and yield its pieces as they become available.

    Parameters
    ----------
    source : MediaSource
        The file of the clip.
    threads : int
        Threads for decoding; 0: one per core.
    person : int, "largest" or "speaking"
        Whom to follow if there are several; see `people.choose_person`.
    part : TimeSpan, optional
        Part of a longer video to read, at most LIMITS.seconds; times of the pieces are relative to its start.
    faces : bool
        Whether to search for faces, which takes most of the time; without them, the Sample has only the sound.

    Yields
    ------
    Metadata, DetectedPeople, Face, Sound or Sample
        Metadata first; each Face when it is found; if there are signs of a second person, DetectedPeople, then all
        faces of the chosen person again; the Sound; last the Sample, with all of them and with warnings.

    Raises
    ------
    MediaError
        The file cannot be read, or no person has that number.
    """
    with open_media(source, threads=threads, part=part) as video:
        yield video.metadata
        tracker, found = PeopleTracker(), []
        for face in hold_until_certain(track_people(video, tracker)) if faces else ():
            if not tracker.has_several:
                found.append(_with_emotions(face))
                yield found[-1]
        people = tracker.people()
        chosen = choose_person(people, person) if people else 0
        if tracker.has_several and people:
            yield DetectedPeople(np.stack([one.faces[0].crop for one in people]), chosen)
            found = [_with_emotions(face) for face in people[chosen].faces]
            yield from found
        contents = _read_remaining(video)
    yield contents.heard
    moments = sum(people[chosen].moments) if people else 0
    yield _build_sample(contents, found, moments, [*tracker.notes(), *describe_choice(people, chosen, person)])


def read_sample_of_each_person(source: MediaSource, *, threads: int = 0, part: TimeSpan | None = None) -> list[Sample]:
    """Return a Sample for each person in a clip, in the order of their numbers; one Sample without faces if there is no
    person. Raises MediaError like `read_clip_updates`."""
    with open_media(source, threads=threads, part=part) as video:
        tracker = PeopleTracker()
        list(track_people(video, tracker))
        contents = _read_remaining(video)
    people = tracker.people()
    notes = [*tracker.notes(), *describe_count(people)]
    return [
        _build_sample(contents, [_with_emotions(face) for face in one.faces], sum(one.moments), notes)
        for one in people or [TrackedPerson()]
    ]


def _with_emotions(face: Face) -> Face:
    return replace(face, emotions=predict_emotion_confidences(face.crop[None])[0])


def warm_up_preprocessing() -> None:
    """Load the networks that reading a clip requires, so that the first clip is not delayed."""
    face = np.zeros((1, PREPROCESSING.face_size, PREPROCESSING.face_size, 3), np.uint8)
    FaceFinder().find(Frame.blank())
    estimate_age_and_gender(face)
    predict_emotion_confidences(face)
    compute_likeness(face[0])
    compute_voice_frames(np.ones(VOICE_SAMPLE_RATE_HZ, np.float32))


def read_sample(
    source: MediaSource, *, threads: int = 0, person: PersonChoice = "largest", part: TimeSpan | None = None
) -> Sample:
    """Read the Sample of a clip. Raises MediaError if the file cannot be read; see `read_clip_updates`."""
    *_, sample = read_clip_updates(source, threads=threads, person=person, part=part)
    assert isinstance(sample, Sample)
    return sample


def read_wideband(source: MediaSource) -> WidebandSound:
    """Read the sound of a clip without its picture. Raises MediaError if the file cannot be read."""
    with open_media(source, threads=0) as video:
        return WidebandSound(video.wideband())


@dataclass(frozen=True)
class _ClipContents:
    """Contents of a clip other than faces: its sound at both rates, and notes on unusual properties of the file."""

    metadata: Metadata
    heard: Sound
    wideband: np.ndarray
    notes: tuple[str, ...]

    @cached_property
    def voice(self) -> np.ndarray:
        """Voice descriptors per frame, float32 (26, T)."""
        return compute_voice_frames(self.wideband)


def _read_remaining(video: Video | StillImage) -> _ClipContents:
    """Read a video to its end after the search for faces."""
    heard = video.sound()
    return _ClipContents(video.metadata, heard, video.wideband(), (*heard.notes, *video.notes()))


def _build_sample(contents: _ClipContents, found: list[Face], moments: int, notes: Iterable[str]) -> Sample:
    """Build the Sample of one person. moments: number of the K moments for which a face was found."""
    metadata, heard, voice = contents.metadata, contents.heard, contents.voice
    size = PREPROCESSING.face_size
    faces = np.stack([face.crop for face in found]) if found else np.zeros((0, size, size, 3), np.uint8)
    age, gender = estimate_age_and_gender(faces)
    confidences = np.array([face.emotions for face in found], np.float32).reshape(-1, len(EMOTIONS))
    return Sample(
        faces=faces,
        times=np.array([face.time for face in found], np.float32),
        boxes=np.array([face.box for face in found], np.int32).reshape(-1, 4),
        scores=np.array([face.score for face in found], np.float32),
        audio=heard.samples,
        audio_seconds=heard.seconds,
        rest=heard.rest,
        voice_descriptors=voice.mean(1) if voice.shape[1] else np.zeros(len(VOICE_DESCRIPTOR_COLUMNS), np.float32),
        voice_frames=voice,
        duration=metadata.duration,
        age=age,
        gender=gender,
        emotions=summarise_emotions(confidences).histogram,
        emotion_confidences=confidences,
        warnings=(*list_sample_warnings(metadata, moments, heard), *notes, *contents.notes),
    )
