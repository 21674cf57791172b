"""Repeatability of predictions for variants of a clip: `python -m benchmarks.repeatability CLIP...`.

Each clip is written in each of REPEATABILITY_VARIANTS and predicted by the included models. Prints by variant and
model: the mean absolute change of a trait (or rating of the face) relative to its standard deviation over people.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.clip_variants import (
    ClipVariant,
    make_band_pass,
    make_microphone_change,
    make_noise_change,
    write_clip_variant,
)
from benchmarks.machine import describe_machine
from personality.assets.demo import DEMO_PREDICTIONS_FILE
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS
from personality.inference.face_impressions import FACE_RATING_NAMES, rate_faces, read_face_rater_card
from personality.inference.predict import Impression, load_models, predict_impressions
from personality.models.checkpoint import Model
from personality.predictions.prediction_files import read_predictions
from personality.preprocessing.sample import Sample, read_sample
from personality.preprocessing.speech import with_speech, with_transcript
from personality.traits import TRAIT_NAMES

DRAWS_PER_VARIANT = 5  # samples of each random variant
VARIANT_GENERATOR = np.random.default_rng(0)
FIXED_CLIP_VARIANTS = {
    "encoded again (crf 23, AAC 128 kbit/s)": ClipVariant(),
    "half size, crf 35": ClipVariant(scale=0.5, crf=35),
    "brightness x 1.3": ClipVariant(brightness=1.3),
    "brightness x 0.7": ClipVariant(brightness=0.7),
    "1 s less at the start": ClipVariant(start=1.0),
    "1 s less at the end": ClipVariant(end=1.0),
    "AAC 32 kbit/s": ClipVariant(bit_rate=32_000),
    "telephone, 300 to 3,400 Hz": ClipVariant(sound=make_band_pass(300, 3400), bit_rate=0),
}
REPEATABILITY_VARIANTS = {name: [variant] for name, variant in FIXED_CLIP_VARIANTS.items()} | {
    f"{name} ({DRAWS_PER_VARIANT} draws)": [ClipVariant(sound=make(), bit_rate=0) for _ in range(DRAWS_PER_VARIANT)]
    for name, make in {
        "equaliser 2 dB, gain 6 dB": lambda: make_microphone_change(VARIANT_GENERATOR, equaliser=2, gain=6),
        "equaliser 4 dB, gain 10 dB": lambda: make_microphone_change(VARIANT_GENERATOR, equaliser=4, gain=10),
        "gain 6 dB": lambda: make_microphone_change(VARIANT_GENERATOR, equaliser=0, gain=6),
        "noise, 20 dB below": lambda: make_noise_change(VARIANT_GENERATOR, ratio=20),
    }.items()
}


@dataclass(frozen=True)
class PredictorWithSpread:
    """A predictor of K numbers from a sample, NaN if unavailable; spread (K,): their standard deviation over people."""

    predict: Callable[[Sample], np.ndarray]
    spread: np.ndarray


def main(clips: Sequence[Path]) -> None:
    """Print the table."""
    print(f"{describe_machine()}; {len(clips)} clips")
    kinds = {
        model.name: make_model_predictor(model, read_card_spread(model)) for model in load_models(REAL_MODEL_FOLDERS)
    }
    practice = read_predictions(DEMO_PREDICTIONS_FILE)
    kinds |= {
        model.name: make_model_predictor(model, compute_practice_spread(practice, model))
        for model in load_models(PRACTICE_MODELS)
    }
    kinds["face"] = PredictorWithSpread(
        rate_sample_face, np.array([read_face_rater_card()["prediction_spread"][name] for name in FACE_RATING_NAMES])
    )
    rows = pd.DataFrame([row for clip in clips for row in measure_movements(clip, kinds)])
    table = rows.groupby(["way", "kind"], sort=False)["ratio"].agg(["mean", "max"]).unstack("kind")
    print(table.round(3).T.to_string(na_rep="-"))


def make_model_predictor(model: Model, spread: np.ndarray) -> PredictorWithSpread:
    """Return a predictor of the five traits of a model."""

    def predict(sample: Sample) -> np.ndarray:
        (found,) = predict_impressions(sample, [model])
        return np.array([found.traits[name] if isinstance(found, Impression) else np.nan for name in TRAIT_NAMES])

    return PredictorWithSpread(predict, spread)


def read_card_spread(model: Model) -> np.ndarray:
    """Read the spread of a model of real people, measured on the validation split, from its card."""
    return np.array([model.card["spread"][name] for name in TRAIT_NAMES])


def compute_practice_spread(predictions: pd.DataFrame, model: Model) -> np.ndarray:
    """Compute the spread of a practice model over the test clips of computer-made people."""
    own = predictions[predictions["model"].eq(model.name)]
    return own.groupby("trait")["predicted"].std().loc[list(TRAIT_NAMES)].to_numpy()


def rate_sample_face(sample: Sample) -> np.ndarray:
    """Rate the face of a sample."""
    found = rate_faces(sample.faces)
    return np.array([found.ratings[name] if found else np.nan for name in FACE_RATING_NAMES])


def measure_movements(clip: Path, kinds: dict[str, PredictorWithSpread]) -> Iterator[dict[str, str | float]]:
    """Yield a row per variant, draw and predictor; ratio: absolute change over spread, as the mean over traits."""
    before = {name: kind.predict(read_clip_with_words(clip)) for name, kind in kinds.items()}
    with tempfile.TemporaryDirectory() as folder:
        for way, variants in REPEATABILITY_VARIANTS.items():
            for variant in variants:
                write_clip_variant(clip, Path(folder) / "again.mkv", variant)
                sample = read_clip_with_words(Path(folder) / "again.mkv")
                for name, kind in kinds.items():
                    moved = np.abs(kind.predict(sample) - before[name]) / kind.spread
                    yield {"clip": clip.name, "way": way, "kind": name, "ratio": float(moved.mean())}


def read_clip_with_words(clip: Path) -> Sample:
    """Read a clip, with its speech and transcript."""
    return with_transcript(with_speech(read_sample(clip)))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
