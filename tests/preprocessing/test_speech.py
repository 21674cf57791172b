from dataclasses import replace

import numpy as np

from personality.preprocessing.sample import EMPTY
from personality.preprocessing.speech import missing_voice, missing_words, with_speech, with_transcript
from personality.preprocessing.speech_to_text import NO_SPEECH, Transcript

VOICED = replace(EMPTY, voice_descriptors=np.ones(26, np.float32))


def test_a_voice_needs_a_second_of_speech_within_the_seconds_that_are_described() -> None:
    assert missing_voice(EMPTY) == "there is no sound"
    assert missing_voice(replace(VOICED, speech=())) != ""
    assert missing_voice(replace(VOICED, speech=((0.0, 0.4), (3.0, 3.5)))) != ""
    assert missing_voice(replace(VOICED, speech=((0.0, 0.5), (3.0, 3.5)))) == ""
    assert missing_voice(replace(VOICED, speech=((6.5, 20.0),))) != ""
    assert missing_voice(replace(VOICED, speech=((5.5, 20.0),))) == ""


def test_words_are_missing_for_the_reason_of_the_transcript() -> None:
    assert missing_words(EMPTY) != ""
    assert missing_words(replace(EMPTY, transcript=Transcript("", (), NO_SPEECH))) == NO_SPEECH
    assert missing_words(replace(EMPTY, transcript=Transcript("hello there", ()))) == ""


def test_silence_is_looked_at_once() -> None:
    silent = replace(EMPTY, audio_seconds=5.0)
    heard = with_transcript(with_speech(silent))
    assert heard.speech == ()
    assert heard.transcript == Transcript("", (), NO_SPEECH)
    assert with_transcript(with_speech(heard)) is heard
