"""A source-filter voice: harmonics of a pitch, shaped by the resonances of a mouth. It is not in any language.

After Fant's source-filter theory (1960): a periodic source whose harmonics fall by some 5 dB an octave (12 at the
glottis, minus 6 by radiation at the lips) passes the formants of a vowel. Each syllable has a new vowel; the envelope
moves the mouth of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from personality.constants import PREPROCESSING

SYNTHETIC_VOICE_RATE_HZ = PREPROCESSING.sample_rate
# Formants of five vowels in Hz (a, e, i, o, u; Peterson and Barney 1952, men), scaled by the speaker's size.
VOWEL_FORMANTS_HZ = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]], float
)
FORMANT_BANDWIDTHS_HZ = np.array([90.0, 110.0, 170.0])  # Hz
ADULT_PITCH_HZ = {"male": 115.0, "female": 205.0}  # Hz, of an adult at rest
FORMANT_SCALE = {"male": 1.0, "female": 1.16}  # of formants
HARMONIC_COUNT = 36
ENVELOPE_FRAME_SAMPLES = 80  # samples; the envelope and the formants are computed every 5 ms
CONSONANT_NOISE = 0.06


@dataclass(frozen=True)
class Voice:
    """A way of speaking. energy, rate and melody in standard deviations around an average speaker."""

    gender: str
    age: float
    energy: float
    rate: float
    melody: float

    @property
    def pitch(self) -> float:
        """Mean pitch in Hz: children are higher, old men a little higher, old women lower."""
        child = max(0.0, 16 - self.age) * 9
        drift = (self.age - 40) * (0.25 if self.gender == "male" else -0.5)
        return ADULT_PITCH_HZ[self.gender] + child + drift

    @property
    def syllables_per_second(self) -> float:
        """Speech rate; 4.2 for an average speaker."""
        return 4.2 * 1.18**self.rate

    @property
    def loudness(self) -> float:
        """Root mean square of the whole sound, pauses included, full scale 1; 5 dB per standard deviation."""
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
    """Opening (F,), formants (F, 3) in Hz and accents (F,) of a chain of syllables with pauses between phrases."""
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
    """Deviation from the mean pitch in semitones (F,): slow wandering and accents, wider with more melody."""
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
