from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.explain.voice import leave_out_seconds
from personality.explain.words import leave_out_phrases
from personality.inference.predict import Impression, load_models, predict_impressions
from personality.modalities import VOICE_TABLE
from personality.models.checkpoint import Model
from personality.models.factory import build_network
from personality.models.tabular import TableNetwork
from personality.preprocessing.sample import EMPTY_SAMPLE, read_sample
from personality.preprocessing.speech import with_transcript
from personality.preprocessing.voice_descriptors import (
    VOICE_DESCRIPTOR_COLUMNS,
    VOICE_SAMPLE_RATE_HZ,
    compute_voice_descriptors,
    compute_voice_frames,
)

SOUND = (
    np.random.default_rng(0)
    .normal(0, np.repeat([0.02, 0.2, 0.1], VOICE_SAMPLE_RATE_HZ), 3 * VOICE_SAMPLE_RATE_HZ)
    .astype(np.float32)
)


@pytest.fixture(scope="module")
def model() -> Model:
    """A network with random weights that reads the descriptors."""
    torch.manual_seed(0)
    network = build_network(
        "features", preset="compact", activation="relu", table=(VOICE_TABLE, list(VOICE_DESCRIPTOR_COLUMNS))
    )
    assert isinstance(network, TableNetwork)
    network.fit(torch.from_numpy(compute_voice_frames(SOUND).T.copy()))
    return Model(network.eval(), {}, Path(), "voice", "")


def test_a_second_is_left_out_of_the_means(model: Model) -> None:
    frames = compute_voice_frames(SOUND)
    sample = replace(
        EMPTY_SAMPLE, speech=((0.0, 3.0),), voice_descriptors=compute_voice_descriptors(SOUND), voice_frames=frames
    )
    rows = leave_out_seconds(sample, [model])
    assert rows["start"].unique().tolist() == [0.0, 1.0, 2.0]
    (whole,) = predict_impressions(sample, [model])
    first = 44  # frames that begin within the first second, 23.2 ms apart
    (without,) = predict_impressions(replace(sample, voice_descriptors=frames[:, first:].mean(1)), [model])
    assert isinstance(whole, Impression) and isinstance(without, Impression)
    row = rows[rows["trait"].eq("openness") & rows["start"].eq(0)]["difference"].item()
    assert row == pytest.approx(without.traits["openness"] - whole.traits["openness"], abs=1e-5)


def test_included_models_move_without_a_second_or_a_word_of_a_clip_as_it_is_read() -> None:
    """The Sample of a clip does not say where speech is yet; the effect of both parts is that on predictions."""
    sample = with_transcript(read_sample(demo.DEMO_SPEECH_CLIP_FILE))
    assert sample.speech is None
    models = load_models(REAL_MODEL_FOLDERS)
    seconds, phrases = leave_out_seconds(sample, models), leave_out_phrases(sample, models)
    assert set(seconds["model"]) == {"voice", "voice_words"}
    assert (seconds.groupby(["model", "trait"])["difference"].agg(lambda moved: moved.abs().max()) > 1e-4).all()
    assert set(phrases["model"]) == {"words", "voice_words"}
    transcript = sample.transcript
    assert transcript is not None
    without = replace(transcript, text=" ".join(part.text for part in transcript.segments[1:]))
    for before, after in zip(
        predict_impressions(sample, models),
        predict_impressions(replace(sample, transcript=without), models),
        strict=True,
    ):
        assert isinstance(before, Impression) and isinstance(after, Impression)
        rows = phrases[phrases["model"].eq(before.model) & phrases["place"].eq(0)].set_index("trait")["difference"]
        for trait, moved in rows.items():
            assert moved == pytest.approx(before.traits[str(trait)] - after.traits[str(trait)], abs=1e-4)


def test_nothing_to_leave_out(model: Model) -> None:
    assert leave_out_seconds(EMPTY_SAMPLE, [model]).empty
    assert leave_out_seconds(replace(EMPTY_SAMPLE, voice_frames=np.ones((26, 40), np.float32)), [model]).empty
