from dataclasses import replace

import numpy as np

from personality.preprocessing.sample import EMPTY_SAMPLE
from personality.preprocessing.speech import explain_missing_voice, explain_missing_words, with_speech, with_transcript
from personality.preprocessing.speech_to_text import NO_SPEECH, Transcript

VOICED = replace(EMPTY_SAMPLE, voice_descriptors=np.ones(26, np.float32))


def test_voice_requires_a_second_of_speech_within_the_window() -> None:
    assert explain_missing_voice(EMPTY_SAMPLE) == "there is no sound"
    assert explain_missing_voice(replace(VOICED, speech=())) != ""
    assert explain_missing_voice(replace(VOICED, speech=((0.0, 0.4), (3.0, 3.5)))) != ""
    assert explain_missing_voice(replace(VOICED, speech=((0.0, 0.5), (3.0, 3.5)))) == ""
    assert explain_missing_voice(replace(VOICED, speech=((6.5, 20.0),))) != ""
    assert explain_missing_voice(replace(VOICED, speech=((5.5, 20.0),))) == ""


def test_missing_words_have_the_reason_of_the_transcript() -> None:
    assert explain_missing_words(EMPTY_SAMPLE) != ""
    assert explain_missing_words(replace(EMPTY_SAMPLE, transcript=Transcript("", (), NO_SPEECH))) == NO_SPEECH
    assert explain_missing_words(replace(EMPTY_SAMPLE, transcript=Transcript("hello there", ()))) == ""


def test_speech_is_detected_only_once() -> None:
    silent = replace(EMPTY_SAMPLE, audio_seconds=5.0)
    heard = with_transcript(with_speech(silent))
    assert heard.speech == ()
    assert heard.transcript == Transcript("", (), NO_SPEECH)
    assert with_transcript(with_speech(heard)) is heard
