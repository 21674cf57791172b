"""Encoders of sound: torchaudio's self-supervised networks, opensmile's functionals, and a network for speaker
recognition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from personality.constants import LIMITS, PREPROCESSING
from personality.models.encoders.encoding import EncoderError
from personality.models.pretrained_weights import read_packaged_tensors
from personality.preprocessing.compiled_librosa import load_librosa
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import explain_missing_sound

SOUND_STEPS = 8  # equal parts of the sound over which features are averaged
MIN_ENCODED_SECONDS = 1.0  # seconds; shorter sounds are padded with silence
# Constants of Resemblyzer, a speaker encoder (Wan et al. 2018, Generalized end-to-end loss for speaker verification).
SPEAKER_BANDS, SPEAKER_SIZE, SPEAKER_WINDOW, SPEAKER_HOP = 40, 256, 400, 160  # bands, units, samples, samples
SPEAKER_FRAMES, SPEAKER_STRIDE = 160, 77  # frames of an utterance, and from the start of one to the next
SPEAKER_LEVEL_DB = -30.0  # dB relative to full scale; quieter sounds are amplified to this level


class SoundEncoder:
    """Base class of the encoders of sound, which selects the sound that they read."""

    steps, size = 1, 0

    def __init__(self, *, window: bool) -> None:
        """window: whether only the first 5 s are read."""
        self.seconds = PREPROCESSING.audio_seconds if window else LIMITS.seconds

    def explain_missing(self, sample: Sample) -> str:
        """Return why a sample has no features; empty if it has."""
        return explain_missing_sound(sample, self.seconds)

    def encode(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return features of clips with sound, float32 (N, steps, size)."""
        return np.stack([self.encode_sound(self._take_sound(sample)) for sample in samples])

    def encode_sound(self, sound: np.ndarray) -> np.ndarray:
        """Return features, float32 (steps, size), of a sound, float32 (N,) at 16 kHz."""
        raise NotImplementedError

    def _take_sound(self, sample: Sample) -> np.ndarray:
        sound = sample.sound[: round(self.seconds * PREPROCESSING.sample_rate)]
        return np.pad(sound, (0, max(0, round(MIN_ENCODED_SECONDS * PREPROCESSING.sample_rate) - len(sound))))


class TorchaudioEncoder(SoundEncoder):
    """Encodes sound with a self-supervised network of torchaudio, such as WAVLM_BASE: means over its layers and over
    each of SOUND_STEPS equal parts of the sound, float32 (N, SOUND_STEPS, D). Clips are encoded one at a time, because
    padding would change the result."""

    steps = SOUND_STEPS

    def __init__(self, name: str, weights: Path, device: torch.device, *, window: bool) -> None:
        """Load the network. Raises EncoderError if torchaudio has no such bundle, or the weights do not fit."""
        super().__init__(window=window)
        self.device = device
        self.bundle, self.model = load_bundle(name, weights)
        self.model.eval().to(device)
        self.size = int(self.bundle._params["encoder_embed_dim"])

    @torch.inference_mode()
    def encode_sound(self, sound: np.ndarray) -> np.ndarray:
        """Return features, float32 (steps, size), of a sound, float32 (N,) at 16 kHz."""
        waves = torch.from_numpy(sound)[None].to(self.device)
        if self.bundle._normalize_waveform:
            waves = functional.layer_norm(waves, waves.shape)
        layers, _ = self.model.extract_features(waves)
        frames = torch.stack(layers).mean(0).float()
        return functional.adaptive_avg_pool1d(frames.transpose(1, 2), self.steps)[0].T.cpu().numpy()


def load_bundle(name: str, weights: Path) -> tuple[Any, Any]:
    """Load a bundle of torchaudio and its network. Raises EncoderError if there is none, or the weights do not fit."""
    bundle: Any = getattr(torchaudio.pipelines, name, None)
    if not isinstance(bundle, torchaudio.pipelines.Wav2Vec2Bundle):
        raise EncoderError(f"torchaudio has no bundle {name!r}; expected one such as WAVLM_BASE or HUBERT_BASE.")
    build = torchaudio.models.wavlm_model if bundle._model_type == "WavLM" else torchaudio.models.wav2vec2_model
    model: Any = build(**bundle._params)
    try:
        # Bundles of large models wrap the network in one that normalizes its input, which `encode_sound` does here.
        model.load_state_dict({one.removeprefix("model."): tensor for one, tensor in load_file(weights).items()})
    except (RuntimeError, SafetensorError, OSError) as error:
        raise EncoderError(f"{weights.name} are no weights of {name}: {' '.join(str(error).split())[:200]}") from error
    return bundle, model


class OpensmileEncoder(SoundEncoder):
    """Computes the functionals of a feature set of opensmile, such as eGeMAPSv02 (Eyben et al. 2016): (N, 1, D)."""

    def __init__(self, name: str, *, window: bool) -> None:
        """Load the feature set. Raises EncoderError if opensmile has no such feature set."""
        super().__init__(window=window)
        import opensmile

        if name not in opensmile.FeatureSet.__members__:
            known = ", ".join(opensmile.FeatureSet.__members__)
            raise EncoderError(f"opensmile has no feature set {name!r}; expected one of {known}.")
        self.smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
        self.size = len(self.smile.feature_names)

    def encode_sound(self, sound: np.ndarray) -> np.ndarray:
        """Return features, float32 (1, size), of a sound, float32 (N,) at 16 kHz."""
        found = self.smile.process_signal(sound, PREPROCESSING.sample_rate)
        return np.nan_to_num(found.to_numpy(np.float32))


class SpeakerNetwork(nn.Module):
    """Embeds mel frames (N, T, 40) of a voice as vectors (N, 256) of unit length: three LSTM layers, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(SPEAKER_BANDS, SPEAKER_SIZE, 3, batch_first=True)
        self.linear = nn.Linear(SPEAKER_SIZE, SPEAKER_SIZE)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the embeddings, computed from the state of the last LSTM layer after the last frame."""
        _, (state, _) = self.lstm(frames)
        return functional.normalize(functional.relu(self.linear(state[-1])), dim=1)


class SpeakerEncoder(SoundEncoder):
    """Encodes sound with Resemblyzer's network for speaker recognition: the mean over utterances of 1.6 s, scaled to
    unit length, float32 (N, 1, 256). It is reimplemented because the package requires a compiler; unlike there, pauses
    are not removed."""

    size = SPEAKER_SIZE

    def __init__(self, weights: Path, device: torch.device, *, window: bool) -> None:
        super().__init__(window=window)
        self.device, self.model = device, SpeakerNetwork()
        state = read_packaged_tensors(weights)["model_state"]
        self.model.load_state_dict({name: state[name] for name in self.model.state_dict()})
        self.model.eval().to(device)

    @torch.inference_mode()
    def encode_sound(self, sound: np.ndarray) -> np.ndarray:
        """Return features, float32 (1, size), of a sound, float32 (N,) at 16 kHz."""
        frames = compute_speaker_frames(sound)
        starts = range(0, max(1, len(frames) - SPEAKER_FRAMES + 1), SPEAKER_STRIDE)
        padded = np.pad(frames, ((0, max(0, SPEAKER_FRAMES - len(frames))), (0, 0)))
        utterances = np.stack([padded[start : start + SPEAKER_FRAMES] for start in starts])
        found = self.model(torch.from_numpy(utterances).to(self.device)).mean(0, keepdim=True)
        return functional.normalize(found, dim=1).cpu().numpy()


def compute_speaker_frames(sound: np.ndarray) -> np.ndarray:
    """Return mel energies, float32 (T, 40), of a sound that is amplified to SPEAKER_LEVEL_DB if it is quieter."""
    rms = np.sqrt(np.mean(sound.astype(float) ** 2))
    gain = max(1.0, 10 ** (SPEAKER_LEVEL_DB / 20) / max(rms, 1e-9))
    mel = load_librosa().feature.melspectrogram(
        y=sound * np.float32(gain),
        sr=PREPROCESSING.sample_rate,
        n_fft=SPEAKER_WINDOW,
        hop_length=SPEAKER_HOP,
        n_mels=SPEAKER_BANDS,
    )
    return np.ascontiguousarray(mel.T, dtype=np.float32)
