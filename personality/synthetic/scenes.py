"""Contents of a dataset of synthetic people: its options, the people, and the scenes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from personality.synthetic.voice import Voice


@dataclass(frozen=True)
class SynthesisOptions:
    """Options of the synthetic dataset.

    With the defaults, accuracy increases from audio to visual to audio + visual, as in the thesis, and raters agree
    less on men than on women and less on people of 46 years and over.

    Attributes
    ----------
    clips_per_person : int
        Clips per person.
    seconds, fps : float, int
        Duration and frame rate of a clip.
    face_share, voice_share : float
        Shares of face and voice in the standard deviation of the labels before noise.
    spread : float
        Standard deviation of the labels before noise.
    noise : dict of str to float
        Standard deviation of the rater noise by gender.
    noise_from_46 : float
        Factor of the rater noise for people of 46 years and over.
    shares : (float, float, float)
        Shares of people in training, validation and test; of clips with `shared_sources`.
    shared_sources : bool
        Whether clips of one person may be in several splits, as in First Impressions.
    """

    clips_per_person: int = 4
    seconds: float = 5.6
    fps: int = 10
    face_share: float = 0.75
    voice_share: float = 0.55
    spread: float = 0.13
    noise: dict[str, float] = field(default_factory=lambda: {"male": 0.07, "female": 0.045})
    noise_from_46: float = 1.4
    shares: tuple[float, float, float] = (0.6, 0.15, 0.25)
    shared_sources: bool = False


@dataclass(frozen=True)
class Person:
    """A synthetic person: coefficients of the face at rest, a voice, and a split."""

    name: str
    split: str
    gender: str
    age: float
    coefficients: np.ndarray
    voice: Voice


@dataclass(frozen=True)
class Scene:
    """A clip of a person: name, split, planted emotion and its strength (0.7 to 1), and the seed of its generator."""

    clip: str
    split: str
    person: Person
    emotion: str
    strength: float
    seed: tuple[int, ...]
