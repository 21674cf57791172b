"""Brightness of the background of a picture, which is what remains without the person."""

from __future__ import annotations

import numpy as np

from personality.preprocessing.faces import FaceBox

BACKGROUND_COLUMNS = ("background_luma",)
HEAD_MARGIN = 0.5  # of the width and height of the face box: hair, ears and neck around it
MIN_BACKGROUND_SHARE = 0.1  # of the picture; with less, there is no background


def measure_background_luma(grey: np.ndarray, box: FaceBox) -> float:
    """Measure the mean luma outside of a person: beside and above the head, and beside the area below it.

    Clothes and arms that are wider than twice the face remain in it.

    Parameters
    ----------
    grey : ndarray, uint8 (H, W)
        The luma of a frame, Y' of its video, 0 (black) to 255 (white).
    box : tuple of float
        Left, top, right, bottom of the face in pixels.

    Returns
    -------
    float
        0 to 255; NaN if the person covers more than 1 - MIN_BACKGROUND_SHARE of the picture.
    """
    left, top, right, bottom = box
    across, above = HEAD_MARGIN * (right - left), HEAD_MARGIN * (bottom - top)
    outside = np.ones(grey.shape, bool)
    outside[max(round(top - above), 0) :, max(round(left - across), 0) : max(round(right + across), 0)] = False
    return float(grey[outside].mean()) if outside.mean() >= MIN_BACKGROUND_SHARE else float("nan")
