from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from personality.assets import demo
from personality.explain.modality_contribution import compute_modality_effects
from personality.explain.occlusion import (
    OCCLUDED_SECONDS,
    OCCLUSION_GRID_SQUARES,
    make_average_noise,
    occlude_faces,
    occlude_sound,
)
from personality.inference.predict import Impression, load_models, predict_impressions
from personality.models.checkpoint import Model
from personality.models.network import Batch, Needs, Network
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample, read_sample
from personality.traits import TRAIT_NAMES


class Corner(Network):
    """Predicts the brightness of the upper left square of the faces."""

    def __init__(self) -> None:
        super().__init__(5, Needs(frozenset({"faces"})))

    def forward(self, batch: Batch) -> Tensor:
        assert batch.faces is not None
        side = batch.faces.shape[-1] // OCCLUSION_GRID_SQUARES
        return batch.faces[..., :side, :side].float().mean((1, 2, 3, 4))[:, None].expand(-1, 5) / 255


@pytest.fixture(scope="module")
def sample() -> Sample:
    return read_sample(demo.DEMO_CLIP_FILE)


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return load_models(demo.PRACTICE_MODEL_FOLDERS)


def test_only_the_square_that_the_model_reads_has_an_effect() -> None:
    faces = np.zeros((4, 224, 224, 3), np.uint8)
    faces[:, :32, :32] = 255
    sample = replace(EMPTY_SAMPLE, faces=faces)
    model = Model(name="corner", network=Corner(), card={}, folder=Path(), sha256="")
    cells = occlude_faces(sample, [model]).query("trait == 'openness'")
    grid = cells.pivot(index="row", columns="column", values="difference").to_numpy()
    expected = np.zeros((OCCLUSION_GRID_SQUARES, OCCLUSION_GRID_SQUARES))
    expected[0, 0] = (
        -(255 - 255 // OCCLUSION_GRID_SQUARES**2) / 255
    )  # the mean of the face is 255/49, as a whole number
    np.testing.assert_allclose(grid, expected, atol=1e-6)


def test_audio_occlusion_equals_predictions_of_changed_sound(sample: Sample, models: list[Model]) -> None:
    rows = occlude_sound(sample, models)
    assert set(rows["model"]) == {"practice_audio", "practice_audiovisual", "practice_handcrafted"}
    assert rows["end"].max() == 5.0
    rate, start = 16_000, 1.5
    sound = sample.audio.copy()
    sound[int(start * rate) : int((start + OCCLUDED_SECONDS) * rate)] = make_average_noise(sample.audio)
    for model in models[:1]:
        (before,) = predict_impressions(sample, [model])
        (after,) = predict_impressions(replace(sample, audio=sound), [model])
        assert isinstance(before, Impression) and isinstance(after, Impression)
        of = rows[rows["model"].eq(model.name) & rows["start"].eq(start)].set_index("trait")["difference"]
        for trait in TRAIT_NAMES:
            assert of[trait] == pytest.approx(after.traits[trait] - before.traits[trait], abs=1e-5)


def test_average_noise_has_the_power_and_the_spectrum_of_the_sound() -> None:
    """A tone for half of the time has half of the power, and its noise is the tone alone."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(40_000) / 16_000).astype(np.float32)
    noise = make_average_noise(tone * (np.arange(40_000) < 20_000))
    assert np.square(noise).mean() == pytest.approx(0.25, rel=0.02)
    spectrum = np.square(np.abs(np.fft.rfft(noise)))
    assert spectrum[450:551].sum() > 0.98 * spectrum.sum()  # bins of 2 Hz


def test_face_occlusion_of_a_fusion_by_hand(sample: Sample, models: list[Model]) -> None:
    from personality.models.batching import make_batch

    rows = occlude_faces(sample, models)
    assert set(rows["model"]) == {"practice_visual", "practice_audiovisual", "practice_handcrafted"}
    batch = make_batch([sample], 2)
    assert batch.faces is not None
    covered = batch.faces.clone()
    mean = covered.float().mean((3, 4), keepdim=True).to(torch.uint8)
    covered[..., 64:96, 96:128] = mean
    fusion = models[3]
    with torch.inference_mode():
        moved = (fusion.network(replace(batch, faces=covered)) - fusion.network(batch))[0]
    of = rows[rows["model"].eq("practice_handcrafted") & rows["row"].eq(2) & rows["column"].eq(3)].set_index("trait")
    for trait, value in zip(TRAIT_NAMES, moved.tolist(), strict=True):
        assert of.loc[trait, "difference"] == pytest.approx(value, abs=1e-5)


def test_occlusion_without_faces_or_sound_is_empty(sample: Sample, models: list[Model]) -> None:
    assert occlude_faces(replace(sample, faces=sample.faces[:0]), models).empty
    assert occlude_sound(replace(sample, audio_seconds=0.0, rest=sample.rest[:0]), models).empty


def test_a_modality_effect_is_the_difference_of_two_models(sample: Sample, models: list[Model]) -> None:
    available = [piece for piece in predict_impressions(sample, models) if isinstance(piece, Impression)]
    rows = compute_modality_effects(available, models)
    assert list(rows["change"].unique()) == [
        "+ faces: practice_audiovisual − practice_audio",
        "+ sound: practice_audiovisual − practice_visual",
        "+ attributes: practice_handcrafted − practice_audiovisual",
    ]
    said = {piece.model: piece.traits for piece in available}
    for change, trait, value, difference in rows.itertuples(index=False):
        more, less = change.split(": ")[1].split(" − ")
        assert value == said[more][trait]
        assert difference == pytest.approx(said[more][trait] - said[less][trait])
    assert compute_modality_effects(available[:2], models).empty
