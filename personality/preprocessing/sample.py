"""Read a video as a Sample: metadata, faces, sound, and the attributes estimated from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.attributes import estimate_age_and_gender, summarise_emotions
from personality.preprocessing.emotion import predict_emotion_confidences
from personality.preprocessing.faces import Face, FaceBox, FaceFinder
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import Metadata, StillImage, Video, open_media
from personality.preprocessing.media_errors import MediaSource
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript
from personality.preprocessing.voice_descriptors import (
    VOICE_DESCRIPTOR_COLUMNS,
    VOICE_SAMPLE_RATE_HZ,
    compute_voice_frames,
)
from personality.traits import EMOTIONS

MAX_FACELESS_FRAMES = 40  # after this many frames without a face, only one frame per moment is searched
FACE_RETRY_SECONDS = (
    0.1  # seconds after a frame without a face until the next is looked at: a head does not turn faster
)
MIN_CERTAIN_SCORE = 0.45  # detection score that one face of a clip reaches; upright portraits' 1st percentile is .54
SHORT_VIDEO_SECONDS = 1.0  # seconds; shorter videos are read, and said to be short


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
        The recognised words; None until `speech.with_transcript` has run.
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
        """All sound that was read, float32 (N,) mono 16 kHz in [-1, 1]."""
        heard = round(self.audio_seconds * PREPROCESSING.sample_rate)
        return np.concatenate([self.audio[:heard], self.rest])


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
    """The P people in the first frame with a face, from left to right; only for P of at least 2.

    Attributes
    ----------
    crops : ndarray, uint8 (P, 224, 224, 3)
        RGB face crops.
    boxes : ndarray, int32 (P, 4)
        As in `Sample`.
    """

    crops: np.ndarray
    boxes: np.ndarray


ClipUpdate = Metadata | DetectedPeople | Face | Sound | Sample


def read_clip_updates(source: MediaSource, *, threads: int = 0, person: FaceBox | None = None) -> Iterator[ClipUpdate]:
    """Read a clip and yield its pieces as they become available.

    Parameters
    ----------
    source : MediaSource
        The file of the clip.
    threads : int
        Threads for decoding; 0: one per core.
    person : FaceBox, optional
        The face to follow, one of `DetectedPeople.boxes`; by default the largest.

    Yields
    ------
    Metadata, DetectedPeople, Face, Sound or Sample
        Metadata first, DetectedPeople only if there are several, each Face when it is found, the Sound, and last the
        Sample, which includes all of them. A missing face or sound is a warning in the Sample.

    Raises
    ------
    MediaError
        The file cannot be read.
    """
    with open_media(source, threads=threads) as video:
        yield video.metadata
        found: list[Face] = []
        finder, moments = FaceFinder(person), 0
        for face, covered in _hold_until_certain(_track_face(video, finder)):
            if not found and len(finder.people) > 1:
                yield _to_detected_people(finder.people)
            found.append(replace(face, emotions=predict_emotion_confidences(face.crop[None])[0]))
            moments += covered
            yield found[-1]
        heard, wideband = video.sound(), video.wideband()
        notes = tuple(video.notes())
    yield heard
    warnings = (*_list_sample_warnings(video.metadata, moments, heard), *heard.notes, *notes)
    yield _build_sample(video.metadata, found, heard, compute_voice_frames(wideband), warnings)


def _to_detected_people(faces: tuple[Face, ...]) -> DetectedPeople:
    return DetectedPeople(np.stack([face.crop for face in faces]), np.array([face.box for face in faces], np.int32))


def warm_up_preprocessing() -> None:
    """Load the networks that reading a clip requires, so that the first clip is not delayed."""
    face = np.zeros((1, PREPROCESSING.face_size, PREPROCESSING.face_size, 3), np.uint8)
    FaceFinder().find(Frame.blank())
    estimate_age_and_gender(face)
    predict_emotion_confidences(face)
    compute_voice_frames(np.ones(VOICE_SAMPLE_RATE_HZ, np.float32))


def read_sample(source: MediaSource, *, threads: int = 0) -> Sample:
    """Read the Sample of a clip. Raises MediaError if the file cannot be read; see `read_clip_updates`."""
    *_, sample = read_clip_updates(source, threads=threads)
    assert isinstance(sample, Sample)
    return sample


def read_wideband(source: MediaSource) -> np.ndarray:
    """The first 7 s of the sound of a clip, float32 (N,) mono 44.1 kHz in [-1, 1], which voice descriptors are
    computed from. Raises MediaError if the file cannot be read."""
    with open_media(source, threads=0) as video:
        for _ in video.frames():  # the sound is decoded beside the picture
            pass
        video.sound()
        return video.wideband()


def _track_face(video: Video | StillImage, finder: FaceFinder) -> Iterator[tuple[Face, int]]:
    """A face for each of K moments spread evenly over the picture, and how many moments it is for.

    It is the first found in a frame that begins between the moment and the next, looking every AGAIN; where a frame is
    shown all that time, it is found in that frame.
    """
    count, (first, last) = PREPROCESSING.faces, video.picture_span
    starts = [first + (k + 0.5) * (last - first) / count for k in range(count)]
    k, misses, rests = 0, 0, 0.0
    for frame, until in _with_ends(video.frames(), last):
        while k + 1 < count and frame.time >= starts[k + 1]:
            k += 1
        covered = sum(until >= end for end in [*starts[k + 1 :], last])
        if frame.time < rests or (frame.time < starts[k] and not covered):
            continue
        face = finder.find(frame)
        if face:
            yield face, max(covered, 1)
        else:
            misses, rests = misses + 1, frame.time + FACE_RETRY_SECONDS
        if face or misses > MAX_FACELESS_FRAMES:
            k += max(covered, 1)
        if k >= count:
            return


def _hold_until_certain(tracked: Iterator[tuple[Face, int]]) -> Iterator[tuple[Face, int]]:
    """Pass on faces once one of them is certain. Of a real face in bad light some frames score near 0; patterns and
    faces upside down never score high."""
    held: list[tuple[Face, int]] = []
    certain = False
    for face, covered in tracked:
        held.append((face, covered))
        certain = certain or face.score >= MIN_CERTAIN_SCORE
        if certain:
            yield from held
            held.clear()


def _with_ends(frames: Iterator[Frame], last: float) -> Iterator[tuple[Frame, float]]:
    """Each frame, and until when it is shown: until the next, the last one until the end of the picture."""
    before = next(frames, None)
    while before is not None:
        after = next(frames, None)
        yield before, last if after is None else after.time
        before = after


def _build_sample(
    metadata: Metadata, found: list[Face], heard: Sound, voice: np.ndarray, warnings: tuple[str, ...]
) -> Sample:
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
        warnings=warnings,
    )


def _list_sample_warnings(metadata: Metadata, moments: int, heard: Sound) -> Iterator[str]:
    """moments: at how many of the K a face was found."""
    if moments == 0:
        yield "no face was found"
    elif moments < PREPROCESSING.faces and metadata.duration:
        yield f"a face was found at {moments} of {PREPROCESSING.faces} moments"
    if not metadata.has_audio:
        yield "there is no sound"
    elif 0 < heard.seconds < PREPROCESSING.audio_seconds:
        yield f"the sound lasts {heard.seconds:.1f} s, the rest of {PREPROCESSING.audio_seconds:.0f} s is silence"
    if heard.damaged:
        yield f"damaged samples of the sound, no numbers or far too large, taken as silence: {heard.damaged}"
    if 0 < metadata.duration < SHORT_VIDEO_SECONDS:
        yield f"the video lasts {metadata.duration:.2f} s only"
