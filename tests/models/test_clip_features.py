from dataclasses import replace

import numpy as np
import pytest

from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.clip_features import (
    explain_missing_row,
    make_sample_row,
    reads_faces,
    reads_words,
    required_sound_seconds,
    requires_table,
)
from personality.models.network import Needs
from personality.preprocessing.sample import EMPTY_SAMPLE
from personality.preprocessing.speech_to_text import NO_ENGLISH, Transcript
from personality.preprocessing.text_features import compute_text_features
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS

SAMPLE = replace(
    EMPTY_SAMPLE,
    duration=10.0,
    voice_descriptors=np.arange(1, 27, dtype=np.float32),
    speech=((0.0, 5.0),),
    transcript=Transcript("I like to read books", ()),
)


def test_descriptors_have_the_order_of_the_training_columns() -> None:
    backwards = VOICE_DESCRIPTOR_COLUMNS[::-1]
    assert make_sample_row(VOICE_TABLE, backwards, SAMPLE).tolist() == list(range(26, 0, -1))
    assert make_sample_row(VOICE_TABLE, VOICE_DESCRIPTOR_COLUMNS, replace(SAMPLE, speech=())).tolist() == [0.0] * 26


def test_text_features_equal_those_of_training() -> None:
    table = compute_text_features({"clip": "I like to read books"}, 10.0)
    np.testing.assert_allclose(make_sample_row(TEXT_TABLE, tuple(table), SAMPLE), table.loc["clip"], atol=1e-6)
    refused = replace(SAMPLE, transcript=Transcript("", (), NO_ENGLISH))
    assert explain_missing_row(TEXT_TABLE, refused) == NO_ENGLISH
    assert not make_sample_row(TEXT_TABLE, tuple(table), refused).any()


def test_unknown_columns_and_tables_are_reported() -> None:
    with pytest.raises(ValueError, match="pitch"):
        make_sample_row(VOICE_TABLE, ("pitch",), SAMPLE)
    assert "hints" in explain_missing_row("hints", SAMPLE)


def test_required_sound_seconds_depend_on_needs() -> None:
    voice = Needs(tables=frozenset({(VOICE_TABLE, VOICE_DESCRIPTOR_COLUMNS)}))
    assert requires_table(voice, VOICE_TABLE)
    assert not requires_table(voice, TEXT_TABLE)
    assert required_sound_seconds(voice) == 7.0
    assert required_sound_seconds(Needs(frozenset({"audio"}), seconds=15.0)) == 15.0
    assert required_sound_seconds(Needs(frozenset({"faces"}))) == 0.0
    for name, seconds in (("torchaudio:X@0123456789ab", 60.0), ("speaker:x@0123456789ab,5s", 5.0)):
        assert required_sound_seconds(Needs(tables=frozenset({(name, ("0/0",))}))) == seconds
    assert required_sound_seconds(Needs(tables=frozenset({("timm:x@0123456789ab", ("0/0",))}))) == 0.0


def test_which_networks_read_words() -> None:
    def needs(table: str) -> Needs:
        return Needs(tables=frozenset({(table, ("0/0",))}))

    assert reads_words(needs(TEXT_TABLE))
    assert reads_words(needs("sentence-transformers:x@0123456789ab"))
    assert not reads_words(needs("timm:x@0123456789ab"))
    assert not reads_words(needs(VOICE_TABLE))


def test_models_of_faces_read_crops_attributes_or_encoded_faces() -> None:
    for name in ("faces", "handcrafted"):
        assert reads_faces(Needs(frozenset({name})))
    assert not reads_faces(Needs(frozenset({"audio"})))
    for table, expected in ((VOICE_TABLE, False), ("torchaudio:X@0123456789ab", False), ("timm:x@0123456789ab", True)):
        assert reads_faces(Needs(tables=frozenset({(table, ("0/0",))}))) is expected
