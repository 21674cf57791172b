import numpy as np

from training.data.augment import (
    MAX_BRIGHTNESS_CHANGE,
    MAX_CONTRAST_CHANGE,
    augment_faces,
    degrade_faces,
    mirror_at_random,
)


def test_one_draw_for_all_frames_of_a_take() -> None:
    face = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    varied = augment_faces(np.stack([face, face]), np.random.default_rng(1))
    assert varied.shape == (2, 224, 224, 3)
    assert varied.dtype == np.uint8
    np.testing.assert_array_equal(varied[0], varied[1])
    assert not np.array_equal(varied[0], face)
    other = augment_faces(np.stack([face, face]), np.random.default_rng(2))
    assert not np.array_equal(varied, other)


def test_colours_keep_their_order_and_light_stays_within_its_bounds() -> None:
    skin = np.full((1, 224, 224, 3), (180, 140, 110), np.uint8)
    for seed in range(50):
        red, green, blue = augment_faces(skin, np.random.default_rng(seed))[0].reshape(-1, 3).mean(0)
        assert red > green > blue
        assert abs(red - 180) <= MAX_BRIGHTNESS_CHANGE + MAX_CONTRAST_CHANGE * 52 + 1


def test_a_face_stays_upright_and_in_the_picture() -> None:
    """A bright disc above the middle stays above it."""
    face = np.zeros((1, 224, 224, 3), np.uint8)
    face[:, 50:70, 102:122] = 255
    for seed in range(50):
        rows, columns = np.nonzero(augment_faces(face, np.random.default_rng(seed))[0, :, :, 0] > 150)
        assert 30 < rows.mean() < 90
        assert 80 < columns.mean() < 144


def test_half_are_mirrored() -> None:
    face = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1)
    seen = [mirror_at_random(face, np.random.default_rng(seed)).ravel().tolist() for seed in range(100)]
    assert {tuple(one) for one in seen} == {(0, 1, 2, 3), (3, 2, 1, 0)}
    assert 30 < seen.count([3, 2, 1, 0]) < 70


def test_degraded_frames_of_a_take_are_alike_lose_detail_and_keep_their_colour() -> None:
    face = np.full((224, 224, 3), (180, 140, 110), np.uint8)
    face[::4] = (120, 100, 80)  # stripes: detail that a small picture cannot hold
    untouched, contrasts = 0, []
    for seed in range(60):
        first, second = degrade_faces(np.stack([face, face]), np.random.default_rng(seed))
        assert first.shape == face.shape and first.dtype == np.uint8
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first.mean((0, 1)), face.mean((0, 1)), atol=8)
        untouched += np.array_equal(first, face)
        contrasts.append(first[..., 0].std() / face[..., 0].std())
    assert 5 < untouched < 30
    assert min(contrasts) < 0.2 and max(contrasts) == 1
