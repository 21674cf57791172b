from pathlib import Path

import cv2
import numpy as np
import pytest

from personality.preprocessing.attributes import summarise_emotions
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.sample import Sample, read_clip_updates, read_sample
from personality.preprocessing.sound import Sound
from personality.preprocessing.write_video import write_video
from personality.traits import EMOTIONS


def clips(people: Path) -> list[Path]:
    return sorted(people.rglob("*.mp4"))


def test_clip_of_speaking_face_gives_complete_sample(people: Path) -> None:
    sample = read_sample(clips(people)[0])
    assert sample.faces.shape == (16, 224, 224, 3)
    assert sample.faces.dtype == np.uint8
    assert sample.boxes.shape == (16, 4)
    assert np.all(np.diff(sample.times) > 0)
    assert np.abs(sample.times - (np.arange(16) + 0.5) * sample.duration / 16).max() < 0.25
    assert sample.audio.shape == (80_000,)
    assert sample.audio_seconds == 5.0
    assert (sample.voice_descriptors.shape, sample.voice_descriptors.dtype) == ((26,), np.float32)
    assert sample.voice_descriptors.all()
    assert sample.emotions.sum() == pytest.approx(1)
    assert sample.gender in ("male", "female")
    assert sample.age is not None and 5 < sample.age < 90
    assert sample.warnings == ()


def test_pieces_come_in_the_order_of_the_page(people: Path) -> None:
    kinds = [type(piece) for piece in read_clip_updates(clips(people)[0])]
    assert kinds == [Metadata, *[Face] * 16, Sound, Sample]


def test_missing_face_and_silence_are_warnings(tmp_path: Path) -> None:
    grey = (np.full((64, 64, 3), 128, np.uint8) for _ in range(6))
    write_video(tmp_path / "a.mp4", grey, np.zeros(1000, np.float32), fps=10)
    sample = read_sample(tmp_path / "a.mp4")
    assert len(sample.faces) == 0
    assert not sample.voice_descriptors.any()
    assert (sample.age, sample.gender) == (None, None)
    assert sample.emotions.sum() == 0
    assert sample.warnings[0] == "no face was found"
    assert "s only" in sample.warnings[1]
    assert "silent" in sample.warnings[2]


def test_picture_of_one_line_has_no_face(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((1, 1400, 3), np.uint8))
    assert read_sample(tmp_path / "a.png").warnings[0] == "no face was found"


def test_eyes_have_same_position_in_all_crops(people: Path) -> None:
    """In the mean of aligned crops, the eyes are darker than the cheeks below them."""
    mean = np.mean([read_sample(clip).faces.mean(0) for clip in clips(people)[:6]], axis=0).mean(2)
    eyes, cheeks = mean[68:84, 62:92], mean[112:128, 62:92]
    assert eyes.mean() < cheeks.mean() - 10


@pytest.mark.parametrize("split", ["training80_01", "validation80_01"])
def test_real_clips_give_sixteen_faces_and_five_seconds(real_data: Path, split: str) -> None:
    (clip,) = (real_data / "first-impressions/videos" / split).glob("*.mp4")
    sample = read_sample(clip)
    assert len(sample.faces) == 16
    assert sample.audio_seconds == 5.0
    assert sample.warnings == ()


def test_dominant_emotion_is_most_frequent_and_ties_resolve_by_confidence() -> None:
    confidences = np.zeros((4, 7), np.float32)
    confidences[:2, EMOTIONS.index("happy")] = 0.6
    confidences[2:, EMOTIONS.index("fear")] = 0.9
    summary = summarise_emotions(confidences)
    assert summary.dominant == "fear"
    assert summary.histogram[EMOTIONS.index("happy")] == 0.5
    assert summary.confidence == pytest.approx(0.45)
