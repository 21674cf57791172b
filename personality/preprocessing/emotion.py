"""Classify the expression of a face as one of Ekman's six basic emotions or neutral, with the included AlexNet.

torch is imported when the first face is classified, so that importing this module is fast.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from personality.utils.locations import ASSETS_FOLDER

if TYPE_CHECKING:
    from personality.preprocessing.emotion_network import EmotionNetwork

EMOTION_INPUT_PIXELS = 48  # pixels; side of the pictures of FER-2013, on which the network is trained
EMOTION_WEIGHTS_FILE = ASSETS_FOLDER / "emotion" / "model.safetensors"
# The crops of `faces.py` include some background, the pictures of FER-2013 only the face. In this part of a crop
# (top, bottom, left, right as shares of its side), eyes and chin have the same positions as in FER-2013.
EMOTION_CROP_WINDOW = (0.02, 0.90, 0.06, 0.94)


@lru_cache(maxsize=1)
def load_emotion_network() -> EmotionNetwork:
    """Load the included network for inference. Raises FileNotFoundError if its weights are missing."""
    import torch

    from personality.preprocessing.emotion_network import EmotionNetwork, load_emotion_weights

    if not EMOTION_WEIGHTS_FILE.exists():
        raise FileNotFoundError(
            f"no emotion weights at {EMOTION_WEIGHTS_FILE}; create them with `personality-train emotion FER2013`"
        )
    network = EmotionNetwork()
    load_emotion_weights(network, EMOTION_WEIGHTS_FILE)
    # This memory format is a third faster on a CPU.
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def predict_emotion_confidences(faces: np.ndarray) -> np.ndarray:
    """Compute the confidence of each emotion, float32 (K, 7) in the order of EMOTIONS, rows summing to 1, for RGB
    crops, uint8 (K, 224, 224, 3). Raises FileNotFoundError if the weights are missing."""
    if len(faces) == 0:
        return np.zeros((0, 7), np.float32)
    import torch

    from personality.preprocessing.emotion_network import predict_mirror_averaged

    pictures = torch.from_numpy(np.stack([_prepare_emotion_input(face) for face in faces]))[:, None].float() / 255
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return predict_mirror_averaged(load_emotion_network(), pictures).numpy()


def _prepare_emotion_input(face: np.ndarray) -> np.ndarray:
    top, bottom, left, right = (round(len(face) * share) for share in EMOTION_CROP_WINDOW)
    inner = cv2.cvtColor(face[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    return cv2.resize(inner, (EMOTION_INPUT_PIXELS, EMOTION_INPUT_PIXELS), interpolation=cv2.INTER_AREA)
