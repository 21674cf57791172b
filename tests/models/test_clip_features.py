from dataclasses import replace

import numpy as np
import pytest

from personality.models.clip_features import VOICE, WORDS, heard_seconds, missing_row, reads, sample_row
from personality.models.network import Needs
from personality.preprocessing.sample import EMPTY
from personality.preprocessing.speech_to_text import NO_ENGLISH, Transcript
from personality.preprocessing.text_features import describe
from personality.preprocessing.voice_descriptors import COLUMNS

SAMPLE = replace(
    EMPTY,
    duration=10.0,
    voice_descriptors=np.arange(1, 27, dtype=np.float32),
    speech=((0.0, 5.0),),
    transcript=Transcript("I like to read books", ()),
)


def test_descriptors_come_in_the_order_that_a_network_was_trained_with() -> None:
    backwards = COLUMNS[::-1]
    assert sample_row(VOICE, backwards, SAMPLE).tolist() == list(range(26, 0, -1))
    assert sample_row(VOICE, COLUMNS, replace(SAMPLE, speech=())).tolist() == [0.0] * 26


def test_words_are_described_as_in_training() -> None:
    table = describe({"clip": "I like to read books"}, 10.0)
    np.testing.assert_allclose(sample_row(WORDS, tuple(table), SAMPLE), table.loc["clip"], atol=1e-6)
    refused = replace(SAMPLE, transcript=Transcript("", (), NO_ENGLISH))
    assert missing_row(WORDS, refused) == NO_ENGLISH
    assert not sample_row(WORDS, tuple(table), refused).any()


def test_columns_and_tables_that_a_clip_does_not_give() -> None:
    with pytest.raises(ValueError, match="pitch"):
        sample_row(VOICE, ("pitch",), SAMPLE)
    assert "hints" in missing_row("hints", SAMPLE)


def test_how_much_sound_a_network_is_given() -> None:
    voice = Needs(tables=frozenset({(VOICE, COLUMNS)}))
    assert reads(voice, VOICE)
    assert not reads(voice, WORDS)
    assert heard_seconds(voice) == 7.0
    assert heard_seconds(Needs(frozenset({"audio"}), seconds=15.0)) == 15.0
    assert heard_seconds(Needs(frozenset({"faces"}))) == 0.0
