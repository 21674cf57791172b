from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from personality.explain.voice import leave_out_seconds
from personality.inference.predict import Impression, impressions
from personality.models.checkpoint import Model
from personality.models.clip_features import VOICE
from personality.models.factory import build
from personality.models.tabular import TableNetwork
from personality.preprocessing.sample import EMPTY
from personality.preprocessing.voice_descriptors import COLUMNS, RATE, describe_voice, voice_frames

SOUND = np.random.default_rng(0).normal(0, np.repeat([0.02, 0.2, 0.1], RATE), 3 * RATE).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Model:
    """A network with random weights that reads the descriptors."""
    torch.manual_seed(0)
    network = build("features", preset="compact", activation="relu", table=(VOICE, list(COLUMNS)))
    assert isinstance(network, TableNetwork)
    network.fit(torch.from_numpy(voice_frames(SOUND).T.copy()))
    return Model(network.eval(), {}, Path(), "voice", "")


def test_a_second_is_left_out_of_the_means(model: Model) -> None:
    frames = voice_frames(SOUND)
    sample = replace(EMPTY, speech=((0.0, 3.0),), voice_descriptors=describe_voice(SOUND), voice_frames=frames)
    rows = leave_out_seconds(sample, [model])
    assert rows["start"].unique().tolist() == [0.0, 1.0, 2.0]
    (whole,) = impressions(sample, [model])
    first = 44  # frames that begin within the first second, 23.2 ms apart
    (without,) = impressions(replace(sample, voice_descriptors=frames[:, first:].mean(1)), [model])
    assert isinstance(whole, Impression) and isinstance(without, Impression)
    row = rows[rows["trait"].eq("openness") & rows["start"].eq(0)]["difference"].item()
    assert row == pytest.approx(without.traits["openness"] - whole.traits["openness"], abs=1e-5)


def test_nothing_to_leave_out(model: Model) -> None:
    assert leave_out_seconds(EMPTY, [model]).empty
    assert leave_out_seconds(replace(EMPTY, voice_frames=np.ones((26, 40), np.float32)), [model]).empty
