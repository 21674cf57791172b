"""How far predictions move when the same clip comes once more: `python -m benchmarks.repeatability CLIP...`.

Each clip is written again in each way of VARIANTS and predicted by the models that ship. A line per way and model: the
mean movement of a trait (or rating of the face) over the spread (standard deviation) of its predictions over people.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.clip_variants import Variant, band, microphone, noise, write_variant
from benchmarks.machine import describe
from personality.assets.demo import PREDICTIONS
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODELS
from personality.inference.face_impressions import ATTRIBUTES, rate_faces, read_card
from personality.inference.predict import Impression, impressions, load_models
from personality.models.checkpoint import Model
from personality.predictions.prediction_files import read_predictions
from personality.preprocessing.sample import Sample, read_sample
from personality.preprocessing.speech import with_speech, with_transcript
from personality.traits import TRAIT_NAMES

DRAWS = 5  # of each random way
RANDOM = np.random.default_rng(0)
ONCE = {
    "encoded again (crf 23, AAC 128 kbit/s)": Variant(),
    "half size, crf 35": Variant(scale=0.5, crf=35),
    "brightness x 1.3": Variant(brightness=1.3),
    "brightness x 0.7": Variant(brightness=0.7),
    "1 s less at the start": Variant(start=1.0),
    "1 s less at the end": Variant(end=1.0),
    "AAC 32 kbit/s": Variant(bit_rate=32_000),
    "telephone, 300 to 3,400 Hz": Variant(sound=band(300, 3400), bit_rate=0),
}
VARIANTS = {name: [variant] for name, variant in ONCE.items()} | {
    f"{name} ({DRAWS} draws)": [Variant(sound=make(), bit_rate=0) for _ in range(DRAWS)]
    for name, make in {
        "equaliser 2 dB, gain 6 dB": lambda: microphone(RANDOM, equaliser=2, gain=6),
        "equaliser 4 dB, gain 10 dB": lambda: microphone(RANDOM, equaliser=4, gain=10),
        "gain 6 dB": lambda: microphone(RANDOM, equaliser=0, gain=6),
        "noise, 20 dB below": lambda: noise(RANDOM, ratio=20),
    }.items()
}


@dataclass(frozen=True)
class Kind:
    """What is predicted from a sample: numbers (K,), NaN where it is unavailable; spread (K,): their standard deviation
    over people."""

    predict: Callable[[Sample], np.ndarray]
    spread: np.ndarray


def main(clips: Sequence[Path]) -> None:
    """Print the table."""
    print(f"{describe()}; {len(clips)} clips")
    kinds = {model.name: of_model(model, spread_on_card(model)) for model in load_models(REAL_MODELS)}
    practice = read_predictions(PREDICTIONS)
    kinds |= {model.name: of_model(model, spread_in(practice, model)) for model in load_models(PRACTICE_MODELS)}
    kinds["face"] = Kind(rated, np.array([read_card()["prediction_spread"][name] for name in ATTRIBUTES]))
    rows = pd.DataFrame([row for clip in clips for row in movements(clip, kinds)])
    table = rows.groupby(["way", "kind"], sort=False)["ratio"].agg(["mean", "max"]).unstack("kind")
    print(table.round(3).T.to_string(na_rep="-"))


def of_model(model: Model, spread: np.ndarray) -> Kind:
    """A model of five traits."""

    def predict(sample: Sample) -> np.ndarray:
        (found,) = impressions(sample, [model])
        return np.array([found.traits[name] if isinstance(found, Impression) else np.nan for name in TRAIT_NAMES])

    return Kind(predict, spread)


def spread_on_card(model: Model) -> np.ndarray:
    """Of a model of real people, over validation."""
    return np.array([model.card["spread"][name] for name in TRAIT_NAMES])


def spread_in(predictions: pd.DataFrame, model: Model) -> np.ndarray:
    """Of a practice model, over the test clips of computer-made people."""
    own = predictions[predictions["model"].eq(model.name)]
    return own.groupby("trait")["predicted"].std().loc[list(TRAIT_NAMES)].to_numpy()


def rated(sample: Sample) -> np.ndarray:
    """The ratings of the face."""
    found = rate_faces(sample.faces)
    return np.array([found.ratings[name] if found else np.nan for name in ATTRIBUTES])


def movements(clip: Path, kinds: dict[str, Kind]) -> Iterator[dict[str, str | float]]:
    """A row per way of writing the clip again, draw and kind; ratio: movement over spread, the mean over traits."""
    before = {name: kind.predict(read(clip)) for name, kind in kinds.items()}
    with tempfile.TemporaryDirectory() as folder:
        for way, variants in VARIANTS.items():
            for variant in variants:
                write_variant(clip, Path(folder) / "again.mkv", variant)
                sample = read(Path(folder) / "again.mkv")
                for name, kind in kinds.items():
                    moved = np.abs(kind.predict(sample) - before[name]) / kind.spread
                    yield {"clip": clip.name, "way": way, "kind": name, "ratio": float(moved.mean())}


def read(clip: Path) -> Sample:
    """A clip with its words."""
    return with_transcript(with_speech(read_sample(clip)))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
