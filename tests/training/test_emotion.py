"""Training of the emotion network, on a handful of pictures of noise."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.training.helpers import Death
from training import emotion
from training.emotion import augment, train_emotion


@pytest.fixture(scope="module")
def fer2013(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("fer2013"), np.random.default_rng(0)
    classes = np.array(["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"])
    for name, count in (("training", 150), ("public_test", 30)):
        images = random.integers(0, 256, (count, 48, 48), np.uint8)
        np.savez(folder / f"{name}.npz", images=images, labels=random.integers(0, 7, count, np.uint8), classes=classes)
    return folder


def test_killed_after_any_epoch_it_ends_with_the_same_weights(
    fer2013: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_emotion(fer2013, tmp_path / "whole", epochs=3, seed=1)
    save = emotion._save_state

    def die(*arguments: object) -> None:
        save(*arguments)
        if arguments[-1] in (1, 2):
            raise Death

    with monkeypatch.context() as patch:
        patch.setattr(emotion, "_save_state", die)
        for _ in range(2):
            with pytest.raises(Death):
                train_emotion(fer2013, tmp_path / "torn", epochs=3, seed=1)
    assert train_emotion(fer2013, tmp_path / "torn", epochs=3, seed=1) == whole
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "torn"))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    assert not (tmp_path / "torn" / "state.safetensors").exists()
    card = json.loads((tmp_path / "torn" / "card.json").read_text())
    assert np.array(card["public_test"]["confusion"]).sum() == card["public_test"]["n"] == 30
    assert (card["epochs"], card["epochs_before"]) == (3, 0)
    train_emotion(fer2013, tmp_path / "longer", epochs=1, seed=1, start=tmp_path / "torn")
    assert json.loads((tmp_path / "longer" / "card.json").read_text())["epochs_before"] == 3


def test_pictures_are_varied_within_their_bounds() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(4, 1, 48, 48)
    varied = augment(pictures)
    assert varied.shape == pictures.shape
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert not torch.equal(augment(pictures), varied)
