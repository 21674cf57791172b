"""Do explanations find the cause? `python -m benchmarks.planted_cues CACHE --out FOLDER`.

A cue that alone determines the labels is planted into the clips of CACHE (`personality preprocess` of computer-made
people): a tint of one part of the face, a tone of one second, or a word. Models are trained on these clips by
`training run`. On the test clips, the explanation is right if the square, half second or word with the largest effect
is part of the cue. Prints Markdown: the share of right explanations, its 95 % interval clustered by person, and the
share that a random choice would have. Cue caches and runs that are in FOLDER already are used again; minutes for each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.machine import describe_machine
from personality.analysis.jackknife import mean_intervals
from personality.constants import PREPROCESSING
from personality.explain.occlusion import OCCLUSION_GRID_SQUARES, occlude_faces, occlude_sound
from personality.explain.words import leave_out_words
from personality.modalities import TEXT_TABLE
from personality.models.checkpoint import Model, load_model
from personality.preprocessing.cache import Cache
from personality.preprocessing.feature_tables import add_table
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech_to_text import Segment, Transcript
from personality.preprocessing.text_features import compute_text_features
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import write_json

LOWEST_LABEL, LABEL_RANGE = 0.3, 0.4  # label without the cue, and its increase with the cue at full strength
TINT = 70  # levels (of 255) that a cue of full strength adds to red
TONE_HZ, TONE_LEVEL = 1_500, 0.3
WORD_COUNT = 12
PLANTED_WORD = "delightful"
OTHER_WORDS = """today we went to the market with my brother and bought some bread near a long road then took another
bus home because it was late after work on that street where people walk every morning around the old station"""
FACE_REGIONS = {  # rows and columns of squares of the aligned face
    "mouth": (range(4, 6), range(2, 5)),
    "eyes": (range(2, 3), range(1, 6)),
    "left cheek": (range(3, 6), range(0, 2)),
}


class Planted(NamedTuple):
    """A changed clip, and what identifies the place of its cue."""

    sample: Sample
    place: str


@dataclass(frozen=True)
class Cue:
    """A cue: how it is planted, learned and searched for.

    Attributes
    ----------
    plant : callable
        Returns the sample with the cue at a strength from 0 to 1.
    training : tuple of str
        Options of `training run`.
    is_found : callable
        Returns whether the largest effect of an explanation (sample, model, place) is in the cue.
    chance : float
        The share of places that are in the cue.
    binary : bool
        The cue is present or absent; explanations are checked on clips where it is present.
    """

    plant: Callable[[Sample, float, np.random.Generator], Planted]
    training: tuple[str, ...]
    is_found: Callable[[Sample, Model, str], bool]
    chance: float
    binary: bool = False


def tint_region(region: str) -> Callable[[Sample, float, np.random.Generator], Planted]:
    """Return a function that makes one part of all faces redder."""

    def plant(sample: Sample, strength: float, _: np.random.Generator) -> Planted:
        side = PREPROCESSING.face_size // OCCLUSION_GRID_SQUARES
        rows, columns = FACE_REGIONS[region]
        faces = sample.faces.astype(np.int16)
        part = slice(rows[0] * side, (rows[-1] + 1) * side), slice(columns[0] * side, (columns[-1] + 1) * side)
        faces[:, *part, 0] += round(TINT * strength)
        return Planted(replace(sample, faces=faces.clip(0, 255).astype(np.uint8)), region)

    return plant


def add_tone(sample: Sample, strength: float, random: np.random.Generator) -> Planted:
    """Add a tone to one second of the sound."""
    rate = PREPROCESSING.sample_rate
    start = int(random.integers(int(PREPROCESSING.audio_seconds)))
    sound = sample.audio.copy()
    part = slice(start * rate, (start + 1) * rate)
    sound[part] += TONE_LEVEL * strength * np.sin(2 * np.pi * TONE_HZ * np.arange(rate) / rate)
    return Planted(replace(sample, audio=sound.clip(-1, 1)), str(start))


def say_word(sample: Sample, strength: float, random: np.random.Generator) -> Planted:
    """Replace the transcript by random words, one of which is the cue."""
    words, place = list(random.choice(OTHER_WORDS.split(), WORD_COUNT)), int(random.integers(WORD_COUNT))
    if strength == 1:
        words[place] = PLANTED_WORD
    return Planted(sample, json.dumps({"text": " ".join(words), "place": place}))


def _largest_effect(effects: pd.DataFrame) -> pd.Series:
    """Return the row with the largest effect, averaged over the traits, which all have the same labels."""
    places = [name for name in effects.columns if name not in ("model", "trait", "difference", "text", "end")]
    means = effects.groupby(places)["difference"].mean()
    return pd.Series(dict(zip(places, np.atleast_1d(means.abs().idxmax()), strict=True)))


def face_is_found(sample: Sample, model: Model, region: str) -> bool:
    """Return whether face occlusion has its largest effect in the tinted region."""
    largest, (rows, columns) = _largest_effect(occlude_faces(sample, [model])), FACE_REGIONS[region]
    return largest["row"] in rows and largest["column"] in columns


def tone_is_found(sample: Sample, model: Model, start: str) -> bool:
    """Return whether audio occlusion has its largest effect in the second with the tone."""
    return int(start) <= _largest_effect(occlude_sound(sample, [model]))["start"] < int(start) + 1


def word_is_found(sample: Sample, model: Model, planted: str) -> bool:
    """Return whether the planted word has the largest weight."""
    words = json.loads(planted)
    phrase = Segment(0.0, sample.duration, words["text"])
    with_words = replace(sample, transcript=Transcript(words["text"], (phrase,)))
    return _largest_effect(leave_out_words(with_words, [model]))["place"] == words["place"]


VISUAL = ("--modality", "visual", "--stage", "200:head:2e-3:2", "--stage", "3:all:1e-4:1", "--patience", "40")
CUES = {
    **{
        f"tint of the {region}": Cue(
            tint_region(region),
            VISUAL,
            face_is_found,
            len(rows) * len(columns) / OCCLUSION_GRID_SQUARES**2,
        )
        for region, (rows, columns) in FACE_REGIONS.items()
    },
    "tone of one second": Cue(add_tone, ("--modality", "audio"), tone_is_found, 1 / PREPROCESSING.audio_seconds),
    "word": Cue(say_word, ("--modality", "text"), word_is_found, 1 / WORD_COUNT, binary=True),
}


def plant_cue(cue: Cue, cache: Cache, folder: Path, seed: int = 0) -> Cache:
    """Return a copy of `cache` with the cue in every labelled clip, at a random strength that determines all labels."""
    planted, random = Cache(folder), np.random.default_rng(seed)
    if (folder / "places.json").is_file():
        return planted
    places: dict[str, str] = {}
    clips = cache.clips[cache.clips["error"].eq("")].reset_index(drop=True)
    strengths = random.integers(0, 2, len(clips)) if cue.binary else random.random(len(clips))
    for clip, strength in zip(clips["clip"], strengths, strict=True):
        sample, places[clip] = cue.plant(cache.read(clip), float(strength), random)
        planted.write(clip, sample, "planted")
    labels = LOWEST_LABEL + LABEL_RANGE * strengths
    clips.assign(**dict.fromkeys(TRAIT_NAMES, labels)).to_parquet(folder / "clips.parquet")
    write_json(folder / "card.json", cache.card)
    write_json(folder / "places.json", places)
    return planted


def train_on_cue(cue: Cue, cache: Cache, places: dict[str, str], runs: Path) -> Model:
    """Return the model that was trained on the planted clips."""
    modality = cue.training[1]
    if modality == "text":
        texts = {clip: json.loads(place)["text"] for clip, place in places.items()}
        add_table(cache, TEXT_TABLE, compute_text_features(texts))
    if not (runs / modality / "model.safetensors").is_file():
        command = [sys.executable, "-m", "training", "run", str(cache.folder), *cue.training, "--out", str(runs)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_model(runs / modality)


def find_cue(cue: Cue, cache: Cache, places: dict[str, str], model: Model) -> Iterator[tuple[str, bool]]:
    """Yield the person of each test clip, and whether the explanation finds its cue."""
    clips = cache.labelled_clips("test")
    if cue.binary:
        clips = clips[clips[TRAIT_NAMES[0]] > LOWEST_LABEL]
    for row in clips.to_dict("records"):
        yield row["source"], cue.is_found(cache.read(row["clip"]), model, places[row["clip"]])


def format_row(name: str, found: list[tuple[str, bool]], chance: float) -> str:
    """Return a line of the table."""
    right = np.array([[float(hit)] for _, hit in found])
    people = pd.factorize(pd.Series([person for person, _ in found]))[0]
    low, high = (float(bound[0]) for bound in mean_intervals(right, people))
    return (
        f"| {name} | {len(found)} of {people.max() + 1} | {right.mean():.2f} [{low:.2f}, {high:.2f}] | {chance:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="cache of computer-made people")
    parser.add_argument("--out", type=Path, required=True, help="folder of the planted caches and runs")
    parser.add_argument("--cue", choices=tuple(CUES), action="append", help="only this cue; may be repeated")
    options = parser.parse_args()
    print(describe_machine(), "\n\n| cue | test clips of people | found [95 % interval] | chance |\n|---|---|---|---|")
    for name in options.cue or CUES:
        folder, cue = options.out / name.replace(" ", "-"), CUES[name]
        cache = plant_cue(cue, Cache(options.cache), folder / "cache")
        places = json.loads((folder / "cache" / "places.json").read_text())
        model = train_on_cue(cue, cache, places, folder / "runs")
        print(format_row(name, list(find_cue(cue, cache, places, model)), cue.chance), flush=True)


if __name__ == "__main__":
    main()
