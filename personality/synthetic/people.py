"""A dataset of synthetic people in the First Impressions layout: `python -m personality synthesize`.

The labels follow a known formula, with which the results of an analysis can be compared:

    label = 0.5 + spread * (face share * standardized(face) + voice share * standardized(voice)) + rater noise

clipped to [0, 1]. `face` is a weighted sum of the face model's predicted ratings (with the expression of the clip),
`voice` one of energy, rate and melody. Both are written to `truth.json` for each clip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from personality.dataset.dataset_card import SYNTHETIC_DATASET_CARD
from personality.dataset.index import SPLITS
from personality.dataset.safe_pickle import write_annotation
from personality.synthetic.face_model import FaceModel, load_face_model
from personality.synthetic.scene_videos import pose_face, write_scene_videos
from personality.synthetic.scenes import Person, Scene, SynthesisOptions
from personality.synthetic.voice import Voice
from personality.traits import AGE_GROUPS, EMOTIONS, GENDERS, TRAIT_NAMES, age_group
from personality.utils.atomic_files import atomic_path, write_json
from personality.utils.legacy_names import first_impressions_key

CLIPS_PER_FOLDER = 80
# Mean and standard deviation in years of the portraits' rating `age` (18 to 60), to standardize ages.
AGE_MEAN, AGE_DEVIATION = 34.0, 11.0


# Weights of the ratings of a face in each trait. No rating corresponds to openness; alert, memorable and not typical
# were chosen as the nearest to "imaginative".
FACE_TO_TRAIT = {
    "openness": {"memorable": 0.5, "alert": 0.5, "typical": -0.5},
    "conscientiousness": {"well-groomed": 0.6, "smart": 0.6},
    "extraversion": {"outgoing": 1.0},
    "agreeableness": {"trustworthy": 1.0},
    "emotional_stability": {"happy": 0.6, "smug": -0.4},
}
# Weights of the voice: loud and melodious speech sounds outgoing, fast speech conscientious, soft speech agreeable.
VOICE_TO_TRAIT = {
    "openness": {"melody": 0.8, "rate": 0.4},
    "conscientiousness": {"rate": 0.7, "energy": 0.5},
    "extraversion": {"energy": 0.8, "melody": 0.5},
    "agreeableness": {"melody": 0.6, "energy": -0.6},
    "emotional_stability": {"energy": 0.6, "rate": -0.6},
}


def synthesize(
    out: Path, *, people: int, seed: int, options: SynthesisOptions | None = None, workers: int = -1
) -> pd.DataFrame:
    """Write a dataset of synthetic people.

    Parameters
    ----------
    out : Path
        New or empty folder.
    people : int
        Number of people, at least 3 (one per split).
    seed : int
        Random seed; the same seed gives the same labels and pictures.
    options : SynthesisOptions, optional
        Options of the dataset.
    workers : int
        Number of processes; -1: one per core.

    Returns
    -------
    DataFrame
        One row per clip, with the parts of its labels.

    Raises
    ------
    ValueError
        If there are fewer than 3 people.
    FileExistsError
        If `out` is not empty.
    """
    options = options or SynthesisOptions()
    if people < 3:
        raise ValueError(f"{people} people cannot fill three splits; use --people 3 or more")
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; choose a new folder")
    model = load_face_model()
    scenes = [
        scene
        for person in _create_people(model, people, seed, options)
        for scene in _create_scenes(person, seed, options)
    ]
    table = _label_scenes(model, scenes, seed, options)
    _write_annotations(out, table)
    scale = _compute_face_scale(_predict_face_ratings(model, scenes))
    SYNTHETIC_DATASET_CARD.write(out)
    _write_truth(out, table, {"people": people, "seed": seed, "options": asdict(options), "face_scale": scale})
    write_scene_videos(out, scenes, table["folder"].tolist(), options, workers)
    return table


def _create_people(model: FaceModel, people: int, seed: int, options: SynthesisOptions) -> Iterator[Person]:
    splits = _assign_splits(people, options.shares)
    for number in range(people):
        random = np.random.default_rng((seed, number))
        gender = GENDERS[int(random.integers(2))]
        age = float(np.clip(random.gamma(6, 4.2) + 9, 12, 75))
        attributes = {
            "age": (age - AGE_MEAN) / AGE_DEVIATION,
            "gender": 1.1 if gender == "male" else -1.1,
            "happy": float(random.normal(0, 0.6)),
            "skin-color": float(random.normal()),
            "long-haired": float(random.normal(-0.7 if gender == "male" else 0.7, 0.5)),
        }
        voice = Voice(gender, age, *(float(value) for value in random.standard_normal(3)))
        name = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:11]
        yield Person(name, str(splits[number]), gender, age, model.sample(attributes, random), voice)


def _assign_splits(people: int, shares: tuple[float, float, float]) -> np.ndarray:
    """Return the split of each person by `shares`, with at least one person in validation and in test."""
    validation, test = (max(1, round(share * people)) for share in shares[1:])
    return np.repeat(SPLITS, (people - validation - test, validation, test))


def _create_scenes(person: Person, seed: int, options: SynthesisOptions) -> Iterator[Scene]:
    base = int(person.name[:8], 16)
    for number in range(options.clips_per_person):
        random = np.random.default_rng((seed, base, number))
        emotion = str(random.choice(EMOTIONS, p=(0.12, 0.06, 0.08, 0.28, 0.12, 0.10, 0.24)))
        strength, scene_seed = float(random.uniform(0.7, 1)), (seed, base, number, 1)
        split = _draw_split(scene_seed, options.shares) if options.shared_sources else person.split
        yield Scene(f"{person.name}.{number:03d}.mp4", split, person, emotion, strength, scene_seed)


def _draw_split(scene_seed: tuple[int, ...], shares: tuple[float, float, float]) -> str:
    """Draw the split of a clip with a separate generator, so that people do not depend on `shared_sources`."""
    return str(np.random.default_rng((*scene_seed, 1)).choice(SPLITS, p=shares))


def _label_scenes(model: FaceModel, scenes: list[Scene], seed: int, options: SynthesisOptions) -> pd.DataFrame:
    random = np.random.default_rng((seed, 2))
    table = pd.DataFrame([_describe_scene(scene) for scene in scenes])
    impressions = _predict_face_ratings(model, scenes)
    voices = pd.DataFrame([asdict(scene.person.voice) for scene in scenes])
    table["folder"] = _assign_folders(table["split"])
    deviation = table["gender"].map(options.noise) * np.where(table["age"] >= 46, options.noise_from_46, 1.0)
    table["rater_noise"] = deviation
    for trait in TRAIT_NAMES:
        face = _standardise_column(sum_weighted_columns(impressions, FACE_TO_TRAIT[trait]))
        voice = _standardise_column(sum_weighted_columns(voices, VOICE_TO_TRAIT[trait]))
        table[f"face_{trait}"], table[f"voice_{trait}"] = face, voice
        expected = 0.5 + options.spread * (options.face_share * face + options.voice_share * voice)
        table[trait] = np.clip(expected + deviation * random.standard_normal(len(table)), 0, 1).round(6)
    return table


def _predict_face_ratings(model: FaceModel, scenes: list[Scene]) -> pd.DataFrame:
    """Predict the ratings of the face in each scene, in standard deviations over the portraits."""
    return pd.DataFrame([model.predict_ratings(pose_face(model, scene)) for scene in scenes])


def _compute_face_scale(impressions: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the mean and the standard deviation of the weighted ratings per trait, before standardization."""
    sums = {trait: sum_weighted_columns(impressions, weights) for trait, weights in FACE_TO_TRAIT.items()}
    return {trait: (float(values.mean()), float(values.std())) for trait, values in sums.items()}


def _describe_scene(scene: Scene) -> dict[str, object]:
    person = scene.person
    return {
        "clip": scene.clip,
        "source": person.name,
        "split": scene.split,
        "gender": person.gender,
        "age": round(person.age, 1),
        "age_group": age_group(person.age),
        "emotion": scene.emotion,
    }


def _assign_folders(splits: pd.Series) -> list[str]:
    numbers = splits.groupby(splits).cumcount() // CLIPS_PER_FOLDER + 1
    return [f"{split}80_{number:02d}" for split, number in zip(splits, numbers, strict=True)]


def sum_weighted_columns(table: pd.DataFrame, weights: dict[str, float]) -> pd.Series:
    """Return the weighted sum of some columns."""
    return sum((table[name] * weight for name, weight in weights.items()), start=pd.Series(0.0, table.index))


def _standardise_column(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std()


def _write_annotations(out: Path, table: pd.DataFrame) -> None:
    """Write the official files: a pickle of labels per split, CSVs of gender and age for dev (2 splits) and test."""
    (out / "annotation").mkdir(parents=True, exist_ok=True)
    for split, rows in table.groupby("split"):
        labels = {
            first_impressions_key(trait): dict(zip(rows["clip"], rows[trait].tolist(), strict=True))
            for trait in TRAIT_NAMES
        }
        write_annotation(out / "annotation" / f"annotation_{split}.pkl", labels)
    for part, rows in table.groupby(np.where(table["split"] == "test", "test", "dev")):
        ages = rows["age_group"].map(lambda group: AGE_GROUPS.index(group) + 1)
        genders = rows["gender"].map(lambda gender: GENDERS.index(gender) + 1)
        ages_table = pd.DataFrame({"VideoName": rows["clip"], "AgeGroup": ages})
        with atomic_path(out / f"age_anno_{part}.csv") as path:
            ages_table.to_csv(path, index=False)
        eth = pd.DataFrame({"VideoName": rows["clip"], "YouTubeID": rows["source"], "Ethnicity": "", "Gender": genders})
        with atomic_path(out / f"eth_gender_annotations_{part}.csv") as path:
            eth.to_csv(path, index=False, sep=";")


def _write_truth(out: Path, table: pd.DataFrame, truth: dict[str, object]) -> None:
    """Write `truth`, the weights of ratings and voices, and the parts of each clip's labels."""
    parts = table.drop(columns="folder").round(4).to_dict("records")
    weights = {"face_to_trait": FACE_TO_TRAIT, "voice_to_trait": VOICE_TO_TRAIT}
    write_json(out / "truth.json", {**truth, **weights, "clips": parts})
