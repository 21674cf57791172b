import numpy as np
import pytest

from personality.preprocessing.background import measure_background_luma


@pytest.mark.parametrize("luma", [0, 77, 255])
def test_the_person_is_not_part_of_the_background(luma: int) -> None:
    grey = np.full((200, 300), luma, np.uint8)
    grey[40:, 80:180] = 130  # head with margins and the body below it, for the face box below
    assert measure_background_luma(grey, (105.0, 60.0, 155.0, 100.0)) == luma


def test_a_background_of_two_halves_is_averaged_by_area() -> None:
    grey = np.zeros((100, 400), np.uint8)
    grey[:, 300:] = 200
    box = (150.0, 50.0, 250.0, 100.0)  # with margins: columns 100 to 300 below row 25
    assert measure_background_luma(grey, box) == pytest.approx(200 * 100 * 100 / (100 * 400 - 200 * 75))


def test_a_picture_full_of_face_has_no_background() -> None:
    assert np.isnan(measure_background_luma(np.full((256, 256), 90, np.uint8), (20.0, 30.0, 230.0, 240.0)))


def test_a_face_at_the_edge_is_cut_off() -> None:
    grey = np.full((100, 100), 50, np.uint8)
    grey[:, :30] = 250
    assert measure_background_luma(grey, (0.0, 0.0, 20.0, 20.0)) == 50
