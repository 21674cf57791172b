"""The included model of face impressions: its attributes, its card, and its robustness."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import r2_score

from personality.inference import face_impressions
from personality.inference.face_impressions import (
    FACE_RATER_FOLDER,
    FACE_RATING_NAMES,
    MAX_RATED_FACES,
    load_face_rater,
    rate_faces,
    read_face_rater_card,
)
from personality.models.face_rater import FaceRater
from personality.models.model_card import LABEL_PERCENTILES
from personality.synthetic.face_model import load_face_model
from training.recipes.portraits import RATING_COLUMNS, Portraits, read_portraits, read_ratings

EIGHT = {"trustworthy", "outgoing", "happy", "dominant", "well_groomed", "smart", "alert", "memorable"}


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Ten drawn faces uint8 (10, 224, 224, 3)."""
    model, random = load_face_model(), np.random.default_rng(0)
    drawn = [model.render(model.sample({"happy": number / 3 - 1.5}, random)) for number in range(10)]
    return np.stack([cv2.resize(one, (224, 224)) for one in drawn])


def test_weights_and_card_have_exactly_eight_attributes() -> None:
    tensors, card = load_file(FACE_RATER_FOLDER / "model.safetensors"), read_face_rater_card()
    assert set(FACE_RATING_NAMES) == EIGHT
    assert card["attributes"] == list(FACE_RATING_NAMES)
    assert tensors["output.weight"].shape == (8, 1280)
    assert tensors["output.bias"].shape == (8,)
    assert all(name.startswith(("visual.backbone.", "output.")) for name in tensors)
    for part in (card["held_out"]["r2"], card["training_labels"], card["prediction_spread"]):
        assert set(part) == EIGHT


def test_card_has_figures_and_licence() -> None:
    card = read_face_rater_card()
    assert "CC BY-NC-SA 4.0" in card["licence"]
    assert "10.1073/pnas.2115228119" in card["origin"]
    assert card["held_out"]["n"] == card["portraits"] > 800
    for figures in card["held_out"]["r2"].values():
        assert 0 < figures["low"] < figures["r2"] < figures["high"] < 1
    for levels in card["training_labels"].values():
        assert len(levels) == len(LABEL_PERCENTILES)
        assert levels == sorted(levels)
        assert 0 <= levels[0] < levels[-1] <= 1


def test_weights_are_half_precision_and_small() -> None:
    tensors = load_file(FACE_RATER_FOLDER / "model.safetensors")
    assert {str(tensor.dtype) for tensor in tensors.values()} <= {"float16", "int64"}
    assert (FACE_RATER_FOLDER / "model.safetensors").stat().st_size < 10 * 2**20


def test_rating_of_a_clip_is_the_mean_over_its_faces(faces: np.ndarray) -> None:
    both, one, other = rate_faces(faces[[0, 9]]), rate_faces(faces[:1]), rate_faces(faces[9:])
    assert both and one and other
    assert both.faces == 2
    for name in FACE_RATING_NAMES:
        assert both.ratings[name] == pytest.approx((one.ratings[name] + other.ratings[name]) / 2, abs=1e-5)
        assert both.spread[name] == pytest.approx(abs(one.ratings[name] - other.ratings[name]) / 2, abs=1e-5)
        assert one.spread[name] == 0


def test_number_of_rated_faces_is_limited(faces: np.ndarray) -> None:
    many = rate_faces(np.repeat(faces, 4, axis=0))
    assert many is not None
    assert many.faces == MAX_RATED_FACES


def test_clip_without_faces_has_no_rating(faces: np.ndarray) -> None:
    assert rate_faces(faces[:0]) is None


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_ratings_of_uniform_image_stay_within_the_scale(grey: int) -> None:
    rated = rate_faces(np.full((1, 224, 224, 3), grey, np.uint8))
    assert rated is not None
    for values, top in ((rated.ratings, 1), (rated.percentiles, 100)):
        assert set(values) == EIGHT
        assert all(0 <= value <= top for value in values.values())


def test_mirrored_face_has_the_same_ratings(faces: np.ndarray) -> None:
    one, mirrored = rate_faces(faces), rate_faces(faces[:, :, ::-1])
    assert one and mirrored
    for name in FACE_RATING_NAMES:
        assert mirrored.ratings[name] == pytest.approx(one.ratings[name], abs=0.02)


def test_a_drawn_smile_raises_happy_most(faces: np.ndarray) -> None:
    sad, glad = rate_faces(faces[:3]), rate_faces(faces[7:])
    assert sad and glad
    gains = {name: glad.ratings[name] - sad.ratings[name] for name in FACE_RATING_NAMES}
    assert max(gains, key=lambda name: gains[name]) == "happy"
    assert gains["happy"] > 0.2


def test_threads_share_one_network(faces: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path] = []
    load = face_impressions._build_face_rater
    monkeypatch.setattr(face_impressions, "_loaded_raters", {})

    def counted(folder: Path) -> FaceRater:
        loads.append(folder)
        return load(folder)

    monkeypatch.setattr(face_impressions, "_build_face_rater", counted)
    with ThreadPoolExecutor(4) as pool:
        rated = list(pool.map(lambda _: rate_faces(faces[:1]), range(4)))
    assert loads == [FACE_RATER_FOLDER]
    assert all(one == rated[0] for one in rated)


def test_error_for_missing_weights_names_the_command(tmp_path: Path, faces: np.ndarray) -> None:
    with pytest.raises(FileNotFoundError, match="portrait-ratings PORTRAITS"):
        rate_faces(faces, tmp_path)


def test_module_does_not_import_torch() -> None:
    code = "import sys, personality.inference.face_impressions; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.fixture(scope="module")
def portraits(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Portraits:
    """Every twentieth of the rated portraits."""
    folder = tmp_path_factory.mktemp("portraits")
    for path in sorted((real_data / "portraits" / "images").iterdir())[::20]:
        (folder / path.name).symlink_to(path)
    return read_portraits(folder)


def test_real_portraits_are_rated_as_accurately_as_on_the_card(real_data: Path, portraits: Portraits) -> None:
    """The included network was trained on these portraits, so it must be better than on held-out ones; with its columns
    in another order it would not be."""
    truth = read_ratings(real_data / "portraits").loc[portraits.names, RATING_COLUMNS].to_numpy() / 100
    r2 = r2_score(truth, load_face_rater().rate(portraits.crops), multioutput="raw_values")
    for name, value in zip(FACE_RATING_NAMES, r2, strict=True):
        assert value > read_face_rater_card()["held_out"]["r2"][name]["r2"], name


def test_ratings_are_robust_to_half_size_and_compression(portraits: Portraits) -> None:
    """The mean change is below a quarter of the spread over portraits, and below a third for each attribute."""

    def compress(face: np.ndarray) -> np.ndarray:
        small = cv2.resize(face, (112, 112), interpolation=cv2.INTER_AREA)
        return cv2.resize(cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1), (224, 224))

    before = load_face_rater().rate(portraits.crops)
    after = load_face_rater().rate(np.stack([compress(face) for face in portraits.crops]))
    moved = np.abs(after - before).mean(0) / np.array(list(read_face_rater_card()["prediction_spread"].values()))
    assert moved.mean() < 1 / 4
    assert moved.max() < 1 / 3
