"""Encoders of faces: any timm model, and dlib's network for face recognition. Apart from `preprocessing.faces`, the
only module that imports dlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import timm
import torch
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from personality.constants import PREPROCESSING
from personality.models.encoders.encoding import EncoderError
from personality.models.pretrained_weights import read_packaged_tensors
from personality.preprocessing.sample import Sample, pick_face_crops

FACE_STEPS = 8  # evenly spaced crops of a clip that are encoded
DLIB_CROP_SIDE = 150  # pixels; side of the network's input, which has the same padding as the crops
DLIB_SIZE = 128


class _FaceEncoder:
    """Base class of the encoders of faces."""

    def explain_missing(self, sample: Sample) -> str:
        """Return why a sample has no features; empty if it has."""
        return "" if len(sample.faces) else "no face was found"


class TimmEncoder(_FaceEncoder):
    """Encodes FACE_STEPS crops with a timm model: float32 (N, FACE_STEPS, D)."""

    def __init__(self, name: str, weights: Path, device: torch.device) -> None:
        """Load the network. Raises EncoderError if timm has no such model, or the weights do not fit."""
        self.device = device
        self.model: Any = load_timm_model(name, weights).eval().to(device)
        self.steps, self.size = FACE_STEPS, self.model.num_features
        self.config = timm.data.resolve_model_data_config(self.model)

    def encode(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return features of clips with faces, float32 (N, steps, size)."""
        crops = np.concatenate([pick_face_crops(sample.faces, FACE_STEPS) for sample in samples])
        pictures = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float() / 255
        side = self.config["input_size"][-1]
        if side != PREPROCESSING.face_size and self.model.pretrained_cfg.get("fixed_input_size"):
            pictures = functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True)
        mean, deviation = (pictures.new_tensor(self.config[key]).view(3, 1, 1) for key in ("mean", "std"))
        with torch.inference_mode():
            found = self.model((pictures - mean) / deviation)
        return found.float().cpu().numpy().reshape(len(samples), FACE_STEPS, -1)


def load_timm_model(name: str, weights: Path) -> Any:
    """Load a timm model without its classifier. Raises EncoderError for an unknown model or weights that do not fit."""
    if not timm.is_model(name):
        raise EncoderError(f"timm has no model {name!r}; timm.list_models() lists the valid names.")
    try:
        if weights.suffix != ".safetensors":
            return _load_packaged_model(name, weights)
        model = _create_timm_model(name, weights)
        with safe_open(weights, "pt") as file:
            missing = sorted(model.state_dict().keys() - file.keys())
    except (RuntimeError, SafetensorError, OSError, ValueError, KeyError) as error:
        raise EncoderError(f"{weights.name} are no weights of {name}: {' '.join(str(error).split())[:200]}") from error
    if missing:
        raise EncoderError(f"{weights.name} are no weights of {name}: the tensor {missing[0]} is missing.")
    return model


def _load_packaged_model(name: str, weights: Path) -> Any:
    """Load the packaged weights, whose tensors have other names, but the same order; the classifier is last."""
    model = timm.create_model(name, pretrained=False, num_classes=0)
    model.load_state_dict(dict(zip(model.state_dict(), read_packaged_tensors(weights).values(), strict=False)))
    return model


def _create_timm_model(name: str, weights: Path) -> Any:
    how: dict[str, Any] = {"pretrained": True, "pretrained_cfg_overlay": {"file": str(weights)}, "num_classes": 0}
    try:  # vision transformers accept the size of their input as an argument
        return timm.create_model(name, img_size=PREPROCESSING.face_size, **how)
    except TypeError:
        return timm.create_model(name, **how)


class DlibEncoder(_FaceEncoder):
    """Encodes crops with dlib's ResNet for face recognition: the mean over a clip, float32 (N, 1, 128)."""

    steps, size = 1, DLIB_SIZE

    def __init__(self, weights: Path) -> None:
        import dlib

        self.model = dlib.face_recognition_model_v1(str(weights))

    def encode(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return features of clips with faces, float32 (N, 1, 128)."""
        return np.stack([self._encode_clip(pick_face_crops(sample.faces, FACE_STEPS)) for sample in samples])

    def _encode_clip(self, crops: np.ndarray) -> np.ndarray:
        shape = (DLIB_CROP_SIDE, DLIB_CROP_SIDE)
        chips = [cv2.resize(crop, shape, interpolation=cv2.INTER_AREA) for crop in crops]
        found = self.model.compute_face_descriptor(chips)
        return np.array(found, np.float32).mean(0, keepdims=True)
