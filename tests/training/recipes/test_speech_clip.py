"""The sample clip with English speech: it can be recognised, and the mouth moves with it."""

import re
import shutil

import numpy as np
import pytest

from personality.assets import demo
from personality.preprocessing.media import open_media
from personality.preprocessing.sample import read_sample
from training.recipes.speech_clip import MAX_MOUTH_OPENING, SPEECH_TEXT, compute_mouth_opening, synthesize_speech


def test_the_mouth_opens_with_the_loudness() -> None:
    tone = np.sin(np.arange(16000) / 5).astype(np.float32)
    opening = compute_mouth_opening(np.concatenate([np.zeros(16000, np.float32), tone, np.zeros(16000, np.float32)]))
    assert len(opening) == 3 * 200  # every 5 ms
    assert opening[:180].max() < 0.01 and opening[420:].max() < 0.01
    assert opening[250:350].min() > 0.95 * MAX_MOUTH_OPENING
    assert opening.max() <= MAX_MOUTH_OPENING


def test_the_shipped_clip_is_small_and_has_a_face_and_its_whole_sentence() -> None:
    with open_media(demo.DEMO_SPEECH_CLIP_FILE) as media:
        assert 11 < media.metadata.duration < 15
    sample = read_sample(demo.DEMO_SPEECH_CLIP_FILE)
    assert len(sample.faces) == 16 and sample.audio_seconds == 5
    assert demo.DEMO_SPEECH_CLIP_FILE.stat().st_size < 1_000_000


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_synthesizes_the_text() -> None:
    sound = synthesize_speech("Hello")
    assert sound.dtype == np.float32 and 0.2 < len(sound) / 16000 < 2
    assert 0.05 < np.abs(sound).max() <= 1


def test_its_words_are_recognised() -> None:
    pytest.importorskip("faster_whisper")
    from personality.preprocessing.speech_to_text import transcribe

    with open_media(demo.DEMO_SPEECH_CLIP_FILE) as media:
        for _ in media.frames():
            pass
        heard = media.sound()
    transcript = transcribe(np.concatenate([heard.samples, heard.rest]))
    assert words(transcript.text) == words(SPEECH_TEXT)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())
