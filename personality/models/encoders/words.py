"""Encoders of words: any sentence transformer, applied to the transcript."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from personality.models.encoders.encoding import EncoderError
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import explain_missing_words
from personality.preprocessing.text_features import normalise_transcript


class SentenceEncoder:
    """Encodes the whole transcript with a sentence transformer: float32 (N, 1, D)."""

    steps = 1

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Load the network. Raises EncoderError if the folder of the weights contains no sentence transformer."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all files are in the folder; no hub is contacted
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            self.model = SentenceTransformer(str(weights.parent), device=str(device), trust_remote_code=False)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            why = " ".join(str(error).split())[:200]
            raise EncoderError(f"{weights.parent} is no sentence transformer: {why}") from error
        self.size = int(self.model.get_embedding_dimension() or 0)

    def explain_missing(self, sample: Sample) -> str:
        """Return why a sample has no features; empty if it has."""
        return explain_missing_words(sample)

    def encode(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return features of clips with words, float32 (N, 1, size)."""
        texts = [normalise_transcript("" if one.transcript is None else one.transcript.text) for one in samples]
        return self.model.encode(texts, show_progress_bar=False).astype(np.float32)[:, None]
