"""Predictions of the models trained on real people for speech in two languages, and for music."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.speech_to_text import SPOKEN_TEXTS, synthesize_with_espeak
from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.constants import PREPROCESSING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import NO_PERSON_MESSAGE, Impression, Unavailable, load_models, predict_sample
from personality.models.checkpoint import Model
from personality.preprocessing.sample import Sample, read_sample
from personality.preprocessing.speech_to_text import NO_ENGLISH, NO_SPEECH, Transcript
from tests.preprocessing.test_speech_to_text import chords, needs_espeak


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return load_models(REAL_MODEL_FOLDERS)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return read_sample(demo.DEMO_SPEECH_CLIP_FILE)


def with_sound(sample: Sample, sound: np.ndarray) -> Sample:
    first, rest = np.split(sound.astype(np.float32), [PREPROCESSING.samples])
    return replace(sample, audio=first, rest=rest, speech=None)


def without_face(sample: Sample) -> Sample:
    return replace(sample, faces=sample.faces[:0])


def kinds(answers: Sequence[object]) -> dict[str, type]:
    return {one.model: type(one) for one in answers if isinstance(one, Impression | Unavailable)}


def test_english_speech(sample: Sample, models: list[Model]) -> None:
    answers = list(predict_sample(sample, models))
    assert kinds(answers) == {"voice": Impression, "words": Impression, "voice_words": Impression}
    assert [type(one) for one in answers[:3]] == [Impression, FaceImpressions, Transcript]


@needs_espeak
def test_french_speech(sample: Sample, models: list[Model]) -> None:
    french = with_sound(sample, synthesize_with_espeak(SPOKEN_TEXTS["fr"][0], "fr"))
    answers = list(predict_sample(french, models))
    assert kinds(answers) == {"voice": Impression, "words": Unavailable, "voice_words": Impression}
    voice, both = (one for one in answers if isinstance(one, Impression))
    assert both.caveat == NO_ENGLISH
    assert both.traits == pytest.approx(voice.traits, abs=0.05)


def test_music_with_a_face(sample: Sample, models: list[Model]) -> None:
    answers = list(predict_sample(with_sound(sample, chords()), models))
    assert set(kinds(answers).values()) == {Unavailable}
    assert any(isinstance(one, FaceImpressions) for one in answers)
    assert Transcript("", (), NO_SPEECH) in answers


def test_music_without_a_face(sample: Sample, models: list[Model]) -> None:
    answers = list(predict_sample(without_face(with_sound(sample, chords())), models))
    assert [one for one in answers if isinstance(one, Unavailable)] == [
        Unavailable(m.name, NO_PERSON_MESSAGE) for m in models
    ]
    assert not any(isinstance(one, Impression | FaceImpressions) for one in answers)


def test_voice_predictions_do_not_depend_on_a_face(sample: Sample, models: list[Model]) -> None:
    seen, unseen = (
        [one for one in predict_sample(clip, models) if isinstance(one, Impression)]
        for clip in (sample, without_face(sample))
    )
    assert seen == unseen
