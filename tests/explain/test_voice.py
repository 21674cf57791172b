from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from personality.explain.voice import leave_out_seconds
from personality.inference.predict import Impression, predict_impressions
from personality.modalities import VOICE_TABLE
from personality.models.checkpoint import Model
from personality.models.factory import build_network
from personality.models.tabular import TableNetwork
from personality.preprocessing.sample import EMPTY_SAMPLE
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


def test_nothing_to_leave_out(model: Model) -> None:
    assert leave_out_seconds(EMPTY_SAMPLE, [model]).empty
    assert leave_out_seconds(replace(EMPTY_SAMPLE, voice_frames=np.ones((26, 40), np.float32)), [model]).empty
