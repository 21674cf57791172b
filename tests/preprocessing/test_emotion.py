import json
from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.emotion import EMOTION_WEIGHTS_FILE, load_emotion_network, predict_emotion_confidences
from personality.traits import EMOTIONS
from training.recipes.emotion_network import load_fer2013, measure_emotion_accuracy


def test_confidences_sum_to_one_and_no_face_gives_no_row() -> None:
    faces = np.random.default_rng(0).integers(0, 255, (3, 224, 224, 3), np.uint8)
    np.testing.assert_allclose(predict_emotion_confidences(faces).sum(1), 1, rtol=1e-5)
    assert predict_emotion_confidences(faces[:0]).shape == (0, 7)


def test_face_and_mirror_image_have_equal_confidences() -> None:
    face = np.random.default_rng(0).integers(40, 120, (1, 224, 224, 3), np.uint8)
    np.testing.assert_allclose(
        predict_emotion_confidences(face[:, :, ::-1]), predict_emotion_confidences(face), atol=0.02
    )


def test_weights_are_small() -> None:
    assert EMOTION_WEIGHTS_FILE.stat().st_size < 8 * 2**20


@pytest.mark.trial
def test_included_network_reaches_accuracy_of_its_card(real_data: Path) -> None:
    card = json.loads((EMOTION_WEIGHTS_FILE.parent / "card.json").read_text())
    measured = measure_emotion_accuracy(load_emotion_network(), real_data / "fer2013")
    for name in ("accuracy", "accuracy_without_mirror"):
        assert measured[name] == pytest.approx(card["public_test"][name], abs=0.002)
    assert measured["accuracy"] >= 0.67


def test_labels_of_fer2013_are_reordered(tmp_path: Path) -> None:
    classes = np.array(["sad", "happy"])
    images = np.zeros((2, 48, 48), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.array([0, 1], np.uint8), classes=classes)
    labels = load_fer2013(tmp_path / "a.npz")[1]
    assert labels.tolist() == [EMOTIONS.index("sadness"), EMOTIONS.index("happy")]
