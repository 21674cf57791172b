"""Synthesize a voice by a source-filter model: harmonics of a pitch, shaped by formants. It has no words.

Based on Fant's source-filter theory (1960): a periodic source whose harmonics decrease by about 5 dB per octave (12 dB
at the glottis, reduced by 6 dB by radiation at the lips) is filtered by the formants of a vowel. Each syllable has a
random vowel; the envelope controls the mouth of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from personality.constants import PREPROCESSING

SYNTHETIC_VOICE_RATE_HZ = PREPROCESSING.sample_rate
# Formants of five vowels in Hz (a, e, i, o, u; Peterson and Barney 1952, men), scaled by gender and age.
VOWEL_FORMANTS_HZ = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]], float
)
FORMANT_BANDWIDTHS_HZ = np.array([90.0, 110.0, 170.0])  # Hz
ADULT_PITCH_HZ = {"male": 115.0, "female": 205.0}  # Hz; mean pitch at the age of 40
FORMANT_SCALE = {"male": 1.0, "female": 1.16}  # factor of the formants
HARMONIC_COUNT = 36
ENVELOPE_FRAME_SAMPLES = 80  # samples; the envelope and the formants are computed every 5 ms
CONSONANT_NOISE = 0.06


@dataclass(frozen=True)
class Voice:
    """A speaker. `energy`, `rate` and `melody` are in standard deviations from an average speaker."""

    gender: str
    age: float
    energy: float
    rate: float
    melody: float

    @property
    def pitch(self) -> float:
        """Mean pitch in Hz. It is higher for children, slightly higher for old men, and lower for old women."""
        child = max(0.0, 16 - self.age) * 9
        drift = (self.age - 40) * (0.25 if self.gender == "male" else -0.5)
        return ADULT_PITCH_HZ[self.gender] + child + drift

    @property
    def syllables_per_second(self) -> float:
        """Speech rate; 4.2 for an average speaker."""
        return 4.2 * 1.18**self.rate

    @property
    def loudness(self) -> float:
        """Root mean square of the whole sound including pauses (full scale is 1); 5 dB per standard deviation."""
        return 0.07 * 10 ** (5 * self.energy / 20)


def synthesize_voice(voice: Voice, seconds: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Synthesize speech-like sound.

    Parameters
    ----------
    voice : Voice
        The speaker.
    seconds : float
        Duration.
    random : Generator
        Source of randomness.

    Returns
    -------
    sound : ndarray of float32, shape (seconds * 16000,)
        In [-1, 1].
    opening : ndarray, shape (seconds * 200,)
        Opening of the mouth, 0 to 1, every 5 ms.
    """
    frames = int(seconds * SYNTHETIC_VOICE_RATE_HZ / ENVELOPE_FRAME_SAMPLES)
    opening, formants, accents = _generate_syllables(voice, frames, random)
    semitones = _generate_pitch_contour(voice, accents, random)
    pitch = voice.pitch * 2 ** (semitones / 12)
    tone = _harmonics(pitch, formants)
    hiss = (
        random.standard_normal(frames * ENVELOPE_FRAME_SAMPLES)
        * CONSONANT_NOISE
        * np.repeat(np.abs(np.gradient(opening)) * 10, ENVELOPE_FRAME_SAMPLES)
    )
    sound = (tone / np.sqrt((tone**2).mean()) + hiss) * _smooth(np.repeat(opening, ENVELOPE_FRAME_SAMPLES), 200)
    sound *= voice.loudness / max(np.sqrt((sound**2).mean()), 1e-6)
    sound += random.standard_normal(len(sound)) * 0.0015
    return np.tanh(sound).astype(np.float32), np.clip(opening, 0, 1)


def _generate_syllables(
    voice: Voice, frames: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generate syllables with pauses between phrases: opening (F,), formants (F, 3) in Hz, and accents (F,)."""
    opening, formants, accents = np.zeros(frames), np.zeros((frames, 3)), np.zeros(frames)
    size = FORMANT_SCALE[voice.gender] * (1 + max(0.0, 16 - voice.age) * 0.012)
    place, left = int(random.integers(5, 40)), int(random.integers(5, 12))
    formants[:] = VOWEL_FORMANTS_HZ[0] * size
    while place < frames:
        length = max(
            12,
            int(random.normal(1, 0.15) * SYNTHETIC_VOICE_RATE_HZ / ENVELOPE_FRAME_SAMPLES / voice.syllables_per_second),
        )
        part = slice(place, min(place + length, frames))
        curve = np.sin(np.linspace(0, np.pi, length))[: part.stop - place]
        opening[part] = curve * random.uniform(0.45, 1.0)
        formants[part] = VOWEL_FORMANTS_HZ[random.integers(5)] * size
        accents[part] = curve * random.normal()
        place, left = place + length, left - 1
        if left == 0:
            place, left = (
                place + int(random.uniform(0.25, 0.6) * SYNTHETIC_VOICE_RATE_HZ / ENVELOPE_FRAME_SAMPLES),
                int(random.integers(5, 12)),
            )
    return opening, np.stack([_smooth(column, 9) for column in formants.T], 1), accents


def _generate_pitch_contour(voice: Voice, accents: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Generate the deviation from the mean pitch in semitones, (F,): slow variation and accents, larger with melody."""
    width = 2.0 * 1.45**voice.melody
    wander = _smooth(random.standard_normal(len(accents)), 161) * 12
    return width * (0.5 * wander + _smooth(accents, 15))


def _harmonics(pitch: np.ndarray, formants: np.ndarray) -> np.ndarray:
    phase = np.cumsum(np.repeat(pitch, ENVELOPE_FRAME_SAMPLES)) * 2 * np.pi / SYNTHETIC_VOICE_RATE_HZ
    sound = np.zeros(len(phase))
    for number in range(1, HARMONIC_COUNT + 1):
        frequency = pitch * number
        gain = (1 / (1 + ((frequency[:, None] - formants) / FORMANT_BANDWIDTHS_HZ) ** 2)).sum(1) + 0.02
        gain *= (frequency < 0.45 * SYNTHETIC_VOICE_RATE_HZ) / number**0.9
        sound += np.repeat(gain, ENVELOPE_FRAME_SAMPLES) * np.sin(number * phase)
    return sound


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    kernel = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width, mode="edge"), kernel / kernel.sum(), mode="same")[width:-width]
