from dataclasses import replace
from pathlib import Path

import pytest
import torch

from personality.explain.words import leave_out_phrases, leave_out_words
from personality.inference.predict import Impression, predict_impressions
from personality.modalities import TEXT_TABLE
from personality.models.checkpoint import Model
from personality.models.factory import build_network
from personality.models.tabular import TableNetwork
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample
from personality.preprocessing.speech_to_text import Segment, Transcript
from personality.preprocessing.text_features import compute_text_features
from personality.traits import TRAIT_NAMES

PHRASES = (Segment(0.0, 2.0, "I love my family"), Segment(2.0, 4.0, "and long quiet walks"))
TEXT = "I love my family and long quiet walks"
SAMPLE = replace(EMPTY_SAMPLE, duration=5.0, speech=((0.0, 4.0),), transcript=Transcript(TEXT, PHRASES))


@pytest.fixture(scope="module")
def model() -> Model:
    """A network with random weights that reads words."""
    table = compute_text_features({"a": "one two three", "b": "another text of some words"})
    torch.manual_seed(0)
    network = build_network("text", preset="compact", activation="relu", table=(TEXT_TABLE, list(table)))
    assert isinstance(network, TableNetwork)
    network.fit(torch.from_numpy(table.to_numpy(copy=True)))
    return Model(network.eval(), {}, Path(), "words", "")


def prediction(sample: Sample, model: Model) -> dict[str, float]:
    (answer,) = predict_impressions(sample, [model])
    assert isinstance(answer, Impression)
    return answer.traits


def test_the_effect_of_a_word_is_the_prediction_with_it_minus_that_without_it(model: Model) -> None:
    rows = leave_out_words(SAMPLE, [model])
    assert len(rows) == 8 * 5
    openness = rows[rows["trait"].eq("openness")]
    assert openness["text"].tolist() == TEXT.split()
    assert openness["start"].tolist() == [0.0] * 4 + [2.0] * 4
    assert openness["end"].tolist() == [2.0] * 4 + [4.0] * 4
    whole = prediction(SAMPLE, model)
    without = prediction(replace(SAMPLE, transcript=Transcript("I love my and long quiet walks", ())), model)
    for trait in TRAIT_NAMES:
        (row,) = rows[rows["trait"].eq(trait) & rows["text"].eq("family")].itertuples()
        assert row.difference == pytest.approx(whole[trait] - without[trait], abs=1e-5)


def test_phrases_are_left_out_whole(model: Model) -> None:
    rows = leave_out_phrases(SAMPLE, [model])
    first = rows[rows["place"].eq(0) & rows["trait"].eq("extraversion")]["difference"].item()
    without = prediction(replace(SAMPLE, transcript=Transcript(PHRASES[1].text, ())), model)
    assert first == pytest.approx(prediction(SAMPLE, model)["extraversion"] - without["extraversion"], abs=1e-5)


def test_nothing_to_leave_out(model: Model) -> None:
    assert leave_out_words(EMPTY_SAMPLE, [model]).empty
    assert leave_out_words(
        replace(SAMPLE, transcript=Transcript("hello", (Segment(0.0, 1.0, "hello"),))), [model]
    ).empty
    assert leave_out_words(SAMPLE, []).empty
