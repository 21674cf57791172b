"""Training of the emotion network, on a handful of pictures of noise."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from personality.preprocessing.emotion_network import EmotionNetwork, load_emotion_weights, standardise_pictures
from tests.training.helpers import Death
from training.engine.state_file import TrainingState, write_state
from training.recipes import emotion_network
from training.recipes.emotion_network import (
    augment_emotion_images,
    erase_random_squares,
    image_side_at_epoch,
    load_fer2013,
    make_emotion_targets,
    train_emotion_network,
)

PICTURES = 40


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two full ones and the rest."""
    monkeypatch.setattr(emotion_network, "EMOTION_BATCH_IMAGES", 16)


@pytest.fixture(scope="module")
def fer2013(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("fer2013"), np.random.default_rng(0)
    classes = np.array(["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"])
    for name, count in (("training", PICTURES), ("public_test", 30)):
        images = random.integers(0, 256, (count, 48, 48), np.uint8)
        np.savez(folder / f"{name}.npz", images=images, labels=random.integers(0, 7, count, np.uint8), classes=classes)
    return folder


def die_after_writing(epoch: int, patch: pytest.MonkeyPatch) -> None:
    """The process dies after it has written the state of an epoch."""

    def write_and_die(path: Path, state: TrainingState, *, trains_on: str) -> None:
        write_state(path, state, trains_on=trains_on)
        if state.facts["epoch"] == epoch:
            raise Death

    patch.setattr(emotion_network, "write_state", write_and_die)


@pytest.mark.trial
def test_killed_after_any_epoch_it_ends_with_the_same_weights(
    fer2013: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_emotion_network(fer2013, tmp_path / "whole", epochs=3, seed=1)
    for finished in (1, 2):
        with monkeypatch.context() as patch, pytest.raises(Death):
            die_after_writing(finished, patch)
            train_emotion_network(fer2013, tmp_path / "torn", epochs=3, seed=1)
    assert train_emotion_network(fer2013, tmp_path / "torn", epochs=3, seed=1) == whole
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "torn"))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    assert not (tmp_path / "torn" / "state.safetensors").exists()
    card = json.loads((tmp_path / "torn" / "card.json").read_text())
    assert np.array(card["public_test"]["confusion"]).sum() == card["public_test"]["n"] == 30
    assert (card["epochs"], card["epochs_before"]) == (3, 0)
    train_emotion_network(
        fer2013, tmp_path / "longer", epochs=1, seed=1, start=tmp_path / "torn", teachers=[tmp_path / "torn"]
    )
    card = json.loads((tmp_path / "longer" / "card.json").read_text())
    assert (card["epochs_before"], card["teachers"]) == (3, 1)


def test_a_state_of_other_options_raises(fer2013: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(Death):
        die_after_writing(1, patch)
        train_emotion_network(fer2013, tmp_path, epochs=3, seed=1)
    for epochs, seed in ((1, 1), (3, 2)):
        with pytest.raises(ValueError, match="other options"):
            train_emotion_network(fer2013, tmp_path, epochs=epochs, seed=seed)
    assert not (tmp_path / "card.json").exists()


def test_an_archive_of_another_kind_is_a_sentence(tmp_path: Path) -> None:
    images, labels = np.zeros((2, 48, 48), np.uint8), np.zeros(2, np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    with pytest.raises(ValueError, match="classes"):
        load_fer2013(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=images, labels=labels, classes=np.array(["Contempt"]))
    with pytest.raises(ValueError, match="contempt"):
        load_fer2013(tmp_path / "b.npz")


def test_targets_are_half_the_label_and_half_the_teachers(fer2013: Path, tmp_path: Path) -> None:
    images, labels = load_fer2013(fer2013 / "training.npz")
    alone = make_emotion_targets(images, labels, [])
    torch.testing.assert_close(alone.sum(1), torch.ones(PICTURES))
    assert alone[0, labels[0]].item() == pytest.approx(0.9 + 0.1 / 7)
    folders = [tmp_path / name for name in ("a", "b")]
    said = []
    for seed, folder in enumerate(folders):
        train_emotion_network(fer2013, folder, epochs=1, seed=seed)
        network = EmotionNetwork().eval()
        load_emotion_weights(network, folder / "model.safetensors")
        with torch.inference_mode():
            said.append((network(images[:1]).softmax(1) + network(images[:1].flip(3)).softmax(1)) / 2)
    wanted = torch.nn.functional.one_hot(labels[:1], 7) / 2 + (said[0] + said[1]) / 4
    torch.testing.assert_close(make_emotion_targets(images, labels, folders)[:1], wanted)


def test_light_and_contrast_of_a_picture_do_not_count() -> None:
    torch.manual_seed(0)
    picture = torch.rand(2, 1, 48, 48) * 0.5 + 0.25
    found = standardise_pictures(picture)
    assert found.mean((1, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(standardise_pictures(picture * 0.8 + 0.1), found, atol=0.03, rtol=0)
    assert standardise_pictures(torch.zeros(1, 1, 48, 48)).abs().max() == 0


def test_a_square_is_taken_out_of_one_picture_in_ten() -> None:
    torch.manual_seed(0)
    grey = (erase_random_squares(torch.zeros(2000, 1, 48, 48)) == 0.5).sum((1, 2, 3))
    assert 0.07 < (grey > 0).float().mean() < 0.13
    assert set(grey[grey > 0].tolist()) <= {16 * 16, 16 * 17, 17 * 17}


def test_pictures_are_varied_within_their_bounds() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(4, 1, 48, 48)
    varied = augment_emotion_images(pictures, 48)
    assert varied.shape == pictures.shape
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert not torch.equal(augment_emotion_images(pictures, 48), varied)


def test_small_pictures_come_first_and_show_the_same_face() -> None:
    sides = [image_side_at_epoch(epoch, 40) for epoch in range(40)]
    assert (sides.count(32), sides.count(40), sides.count(48)) == (24, 10, 6)
    assert sides == sorted(sides)
    halves = torch.zeros(200, 1, 48, 48)
    halves[..., 24:, :] = 1  # light below, whichever way it is mirrored
    torch.manual_seed(0)
    small = augment_emotion_images(halves, 32)
    assert small.shape == (200, 1, 32, 32)
    assert small[:, :, :8].mean() < 0.25
    assert small[:, :, 24:].mean() > 0.75
