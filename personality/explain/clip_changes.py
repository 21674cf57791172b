"""Change the picture or the sound of a clip, but not the person, and measure how much the predictions change.

The changes are applied to the data read from the clip: to the face crops and to the sound. Faces are not detected
again, and words are not recognized again.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.constants import PREPROCESSING
from personality.inference.predict import Impression, predict_impressions
from personality.preprocessing.pitch import shift_pitch
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech_to_text import Transcript
from personality.preprocessing.voice_descriptors import VOICE_SAMPLE_RATE_HZ, compute_voice_frames

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

NOISE_SEED = 0
TELEPHONE_BAND_HZ = (300, 3400)


@dataclass(frozen=True)
class ClipChange:
    """A change and its strength.

    Attributes
    ----------
    label : str
        Description of the strength, with its unit.
    lowest, highest, step, start : float
        Range and step of the strength, and its initial value.
    picture : callable, optional
        Changes a crop, uint8 (S, S, 3), by a strength.
    sound : callable, optional
        Changes a sound, float32 (N,) at 44.1 kHz, by a strength.
    """

    label: str
    lowest: float
    highest: float
    step: float
    start: float
    picture: Callable[[np.ndarray, float], np.ndarray] | None = None
    sound: Callable[[np.ndarray, float], np.ndarray] | None = None


def brighten(crop: np.ndarray, factor: float) -> np.ndarray:
    """Multiply all pixel values."""
    return (crop * factor).clip(0, 255).astype(np.uint8)


def blur(crop: np.ndarray, pixels: float) -> np.ndarray:
    """Blur with a Gaussian of this standard deviation in pixels."""
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(pixels)))


def crop_closer(crop: np.ndarray, share: float) -> np.ndarray:
    """Crop the center of the picture, with this share of its side, and enlarge it."""
    from PIL import Image

    side = len(crop)
    margin = round(side * (1 - share) / 2)
    middle = Image.fromarray(crop[margin : side - margin, margin : side - margin])
    return np.asarray(middle.resize((side, side), Image.Resampling.BILINEAR))


def compress(crop: np.ndarray, quality: float) -> np.ndarray:
    """Encode the picture as a JPEG of this quality, and decode it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=round(quality))
    return np.asarray(Image.open(file))


def mute(sound: np.ndarray, seconds: float) -> np.ndarray:
    """Replace the first seconds by silence."""
    return np.where(np.arange(len(sound)) < seconds * VOICE_SAMPLE_RATE_HZ, np.float32(0), sound)


def keep_band(sound: np.ndarray, low: float, high: float, *, rate: int = VOICE_SAMPLE_RATE_HZ) -> np.ndarray:
    """Keep only frequencies from `low` to `high` Hz, like a telephone."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / rate)
    kept = np.fft.rfft(sound) * ((frequencies >= low) & (frequencies <= high))
    return np.fft.irfft(kept, len(sound)).astype(np.float32)


def add_noise(sound: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Add white noise, `ratio` dB below the level of the sound."""
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-ratio / 20)
    return (sound + generator.normal(0, level, len(sound))).astype(np.float32)


CLIP_CHANGES = {
    "Brightness": ClipChange("brightness (1 is unchanged)", 0.3, 1.7, 0.1, 0.5, picture=brighten),
    "Blur": ClipChange("blur, pixels", 0.0, 8.0, 0.5, 3.0, picture=blur),
    "Crop": ClipChange("share of the picture that is kept", 0.5, 1.0, 0.05, 0.7, picture=crop_closer),
    "Compression": ClipChange("JPEG quality (low is strong compression)", 2, 95, 1, 10, picture=compress),
    "Pitch": ClipChange(
        "semitones",
        -6,
        6,
        1,
        3,
        sound=lambda sound, semitones: shift_pitch(sound, semitones, rate=VOICE_SAMPLE_RATE_HZ),
    ),
    "Telephone": ClipChange(
        "highest frequency, Hz",
        2000,
        8000,
        200,
        3400,
        sound=lambda sound, highest: keep_band(sound, TELEPHONE_BAND_HZ[0], highest),
    ),
    "Noise": ClipChange(
        "decibels between voice and noise (low is loud noise)",
        0,
        40,
        1,
        20,
        sound=lambda sound, ratio: add_noise(sound, ratio, np.random.default_rng(NOISE_SEED)),
    ),
    "Mute": ClipChange("seconds that are silent", 0, 7, 0.5, 7, sound=mute),
}


def change_clip(sample: Sample, change: ClipChange, strength: float, wideband: np.ndarray) -> Sample:
    """Apply a change to a clip.

    Parameters
    ----------
    sample : Sample
        The clip, with its transcript if a model reads words.
    change : ClipChange
        One of CLIP_CHANGES.
    strength : float
        In the unit of the change.
    wideband : ndarray
        The first 7 s of the sound, float32 (N,) mono 44.1 kHz, from `sample.read_wideband`.

    Returns
    -------
    Sample
        The changed clip, with the words of the original unless all sound is silent.
    """
    if change.picture is not None:
        faces = [change.picture(face, strength) for face in sample.faces]
        return replace(sample, faces=np.stack(faces) if faces else sample.faces)
    assert change.sound is not None
    return with_sound(sample, change.sound(wideband, strength).clip(-1, 1))


def with_sound(sample: Sample, wideband: np.ndarray) -> Sample:
    """Return a clip with another sound, float32 (N,) mono 44.1 kHz, which is also resampled to 16 kHz."""
    from scipy.signal import resample_poly

    frames = compute_voice_frames(wideband)
    low = resample_poly(wideband, 160, 441).astype(np.float32)[: PREPROCESSING.samples]
    audio = np.zeros(PREPROCESSING.samples, np.float32)
    audio[: len(low)] = low
    heard = replace(
        sample,
        audio=audio,
        voice_frames=frames,
        voice_descriptors=frames.mean(1) if frames.shape[1] else np.zeros_like(sample.voice_descriptors),
        speech=None,  # detected again, because the change may have removed it
    )
    if wideband.any():
        return heard
    return replace(heard, audio_seconds=0.0, rest=sample.rest[:0], transcript=Transcript("", (), "there is no sound"))


def predict_changed(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Return a row per trait and model that can predict from a clip: columns model, trait, value."""
    rows = [
        (one.model, trait, value)
        for one in predict_impressions(sample, models)
        if isinstance(one, Impression)
        for trait, value in one.traits.items()
    ]
    return pd.DataFrame(rows, columns=["model", "trait", "value"])


def compare_predictions(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Join two tables of `predict_changed`: columns model, trait, before, after; NaN if a model cannot predict any
    more."""
    renamed = after.rename(columns={"value": "after"})
    return before.rename(columns={"value": "before"}).merge(renamed, on=["model", "trait"], how="left")
