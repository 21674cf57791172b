"""Load an encoder by its name, once per process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch

from personality.models.encoders.encoding import SOUND_KINDS, EncoderError, Encoding
from personality.models.encoders.weights import find_weights, weights_digest
from personality.preprocessing.sample import Sample

MAX_LOADED_ENCODERS = 8


class Encoder(Protocol):
    """Computes features of `steps` times `size` numbers from samples."""

    steps: int
    size: int

    def explain_missing(self, sample: Sample) -> str:
        """Return why a sample has no features; empty if it has."""

    def encode(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return features, float32 (N, steps, size), of N samples that have them."""


def describe_encoding(encoder: str, *, window: bool) -> Encoding:
    """Return the encoding of an encoder with the installed weights. window: whether sound is limited to the first 5 s.

    Raises
    ------
    EncoderError
        No weights are installed.
    """
    return Encoding(encoder, weights_digest(encoder), window and encoder.partition(":")[0] in SOUND_KINDS)


@lru_cache(maxsize=MAX_LOADED_ENCODERS)
def load_encoder(encoding: Encoding, device: str = "cpu") -> Encoder:
    """Load the encoder of an encoding.

    Raises
    ------
    EncoderError
        Its weights are missing, are not those of the encoding, or do not fit.
    """
    digest = weights_digest(encoding.encoder)
    if digest != encoding.digest:
        raise EncoderError(
            f"The weights of {encoding.encoder} have the digest {digest}; the features were made with "
            f"{encoding.digest}. Import those weights with `personality embed --weights`."
        )
    return _build_encoder(encoding, torch.device(device))


def _build_encoder(encoding: Encoding, device: torch.device) -> Encoder:
    """Build an encoder; the libraries of its kind are imported only here."""
    weights, name, window = find_weights(encoding.encoder), encoding.encoder.partition(":")[2], encoding.window
    if encoding.kind == "timm":
        from personality.models.encoders.faces import TimmEncoder

        return TimmEncoder(name, weights, device)
    if encoding.kind == "dlib":
        from personality.models.encoders.faces import DlibEncoder

        return DlibEncoder(weights)
    if encoding.kind == "sentence-transformers":
        from personality.models.encoders.words import SentenceEncoder

        return SentenceEncoder(weights, device)
    from personality.models.encoders import sound

    if encoding.kind == "torchaudio":
        return sound.TorchaudioEncoder(name, weights, device, window=window)
    if encoding.kind == "speaker":
        return sound.SpeakerEncoder(weights, device, window=window)
    return sound.OpensmileEncoder(name, window=window)
