"""A dataset of synthetic people in the First Impressions layout: `python -m personality synthesize`.

The labels follow a known formula, with which the results of an analysis can be compared:

    label = 0.5 + SPREAD * (face share * standardised(face) + voice share * standardised(voice)) + rater noise

clipped to [0, 1]. `face` is the face model's own regression from the face (with its expression) to human ratings of
portraits, `voice` a weighted sum of energy, rate and melody. Both are written to `truth.json` for each clip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from personality.dataset.dataset_card import SYNTHETIC_DATASET_CARD
from personality.dataset.index import SPLITS
from personality.dataset.safe_pickle import write_annotation
from personality.preprocessing.media import write_video
from personality.synthetic.face_model import Expression, FaceModel, load_face_model
from personality.synthetic.voice import ENVELOPE_FRAME_SAMPLES, SYNTHETIC_VOICE_RATE_HZ, Voice, synthesize_voice
from personality.traits import AGE_GROUPS, EMOTIONS, GENDERS, TRAIT_NAMES, age_group
from personality.utils.atomic_files import atomic_path, write_json
from personality.utils.legacy_names import first_impressions_key

CLIPS_PER_FOLDER = 80
# Portrait ratings `age` of 18 to 60 have mean 34 and deviation 11: how years become standard deviations.
AGE_MEAN, AGE_DEVIATION = 34.0, 11.0

# The effect of an emotion on the rating `happy`, in standard deviations. The portraits smile on average, so faces
# that do not look happy have negative values.
SMILE_BY_EMOTION = {
    "happy": 0.8,
    "surprise": -1.2,
    "neutral": -1.4,
    "anger": -2.0,
    "disgust": -1.6,
    "fear": -1.8,
    "sadness": -2.0,
}

# Weights of the ratings of a face in each trait. No rating corresponds to openness; we chose alert, memorable and not
# typical for "imaginative".
FACE_TO_TRAIT = {
    "openness": {"memorable": 0.5, "alert": 0.5, "typical": -0.5},
    "conscientiousness": {"well-groomed": 0.6, "smart": 0.6},
    "extraversion": {"outgoing": 1.0},
    "agreeableness": {"trustworthy": 1.0},
    "emotional_stability": {"happy": 0.6, "smug": -0.4},
}
# Weights of the voice: loud, melodious speech sounds outgoing, fast speech conscientious, calm speech agreeable.
VOICE_TO_TRAIT = {
    "openness": {"melody": 0.8, "rate": 0.4},
    "conscientiousness": {"rate": 0.7, "energy": 0.5},
    "extraversion": {"energy": 0.8, "melody": 0.5},
    "agreeableness": {"melody": 0.6, "energy": -0.6},
    "emotional_stability": {"energy": 0.6, "rate": -0.6},
}


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
        Shares of people in training, validation and test.
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


@dataclass(frozen=True)
class Person:
    """A synthetic person: coefficients of the face at rest, a voice, a split."""

    name: str
    split: str
    gender: str
    age: float
    coefficients: np.ndarray
    voice: Voice


@dataclass(frozen=True)
class Scene:
    """One clip of a person: name, planted emotion and its strength 0.7..1, and the generator's seed."""

    clip: str
    person: Person
    emotion: str
    strength: float
    seed: tuple[int, ...]


def synthesize(
    out: Path, *, people: int, seed: int, knobs: SynthesisOptions | None = None, workers: int = -1
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
    knobs : SynthesisOptions, optional
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
        Fewer than 3 people.
    FileExistsError
        `out` is not empty.
    """
    knobs = knobs or SynthesisOptions()
    if people < 3:
        raise ValueError(f"{people} people cannot fill three splits; use --people 3 or more")
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; choose a new folder")
    model = load_face_model()
    scenes = [
        scene for person in _create_people(model, people, seed, knobs) for scene in _create_scenes(person, seed, knobs)
    ]
    table = _label_scenes(model, scenes, seed, knobs)
    _write_annotations(out, table)
    scale = _compute_face_scale(_predict_face_ratings(model, scenes))
    SYNTHETIC_DATASET_CARD.write(out)
    _write_truth(out, table, {"people": people, "seed": seed, "knobs": asdict(knobs), "face_scale": scale})
    _write_scene_videos(out, scenes, table["folder"].tolist(), knobs, workers)
    return table


def _create_people(model: FaceModel, people: int, seed: int, knobs: SynthesisOptions) -> Iterator[Person]:
    splits = _assign_splits(people, knobs.shares)
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
    """The split of each person, by the shares, with at least one person in validation and in test."""
    validation, test = (max(1, round(share * people)) for share in shares[1:])
    return np.repeat(SPLITS, (people - validation - test, validation, test))


def _create_scenes(person: Person, seed: int, knobs: SynthesisOptions) -> Iterator[Scene]:
    base = int(person.name[:8], 16)
    for number in range(knobs.clips_per_person):
        random = np.random.default_rng((seed, base, number))
        emotion = str(random.choice(EMOTIONS, p=(0.12, 0.06, 0.08, 0.28, 0.12, 0.10, 0.24)))
        yield Scene(
            f"{person.name}.{number:03d}.mp4", person, emotion, float(random.uniform(0.7, 1)), (seed, base, number, 1)
        )


def pose_face(model: FaceModel, scene: Scene) -> np.ndarray:
    """The face's coefficients in this clip: a smile also changes the texture (teeth, cheeks)."""
    return scene.person.coefficients + model.attribute_shift(
        {"happy": SMILE_BY_EMOTION[scene.emotion] * scene.strength}
    )


def _label_scenes(model: FaceModel, scenes: list[Scene], seed: int, knobs: SynthesisOptions) -> pd.DataFrame:
    random = np.random.default_rng((seed, 2))
    table = pd.DataFrame([_describe_scene(scene) for scene in scenes])
    impressions = _predict_face_ratings(model, scenes)
    voices = pd.DataFrame([asdict(scene.person.voice) for scene in scenes])
    table["folder"] = _assign_folders(table["split"])
    deviation = table["gender"].map(knobs.noise) * np.where(table["age"] >= 46, knobs.noise_from_46, 1.0)
    table["rater_noise"] = deviation
    for trait in TRAIT_NAMES:
        face = _standardise_column(sum_weighted_columns(impressions, FACE_TO_TRAIT[trait]))
        voice = _standardise_column(sum_weighted_columns(voices, VOICE_TO_TRAIT[trait]))
        table[f"face_{trait}"], table[f"voice_{trait}"] = face, voice
        expected = 0.5 + knobs.spread * (knobs.face_share * face + knobs.voice_share * voice)
        table[trait] = np.clip(expected + deviation * random.standard_normal(len(table)), 0, 1).round(6)
    return table


def _predict_face_ratings(model: FaceModel, scenes: list[Scene]) -> pd.DataFrame:
    """The face model's ratings of each scene's face, in standard deviations over the portraits."""
    return pd.DataFrame([model.predict_ratings(pose_face(model, scene)) for scene in scenes])


def _compute_face_scale(impressions: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Per trait the mean and the standard deviation of the weighted ratings, before standardisation."""
    sums = {trait: sum_weighted_columns(impressions, weights) for trait, weights in FACE_TO_TRAIT.items()}
    return {trait: (float(values.mean()), float(values.std())) for trait, values in sums.items()}


def _describe_scene(scene: Scene) -> dict[str, object]:
    person = scene.person
    return {
        "clip": scene.clip,
        "source": person.name,
        "split": person.split,
        "gender": person.gender,
        "age": round(person.age, 1),
        "age_group": age_group(person.age),
        "emotion": scene.emotion,
    }


def _assign_folders(splits: pd.Series) -> list[str]:
    numbers = splits.groupby(splits).cumcount() // CLIPS_PER_FOLDER + 1
    return [f"{split}80_{number:02d}" for split, number in zip(splits, numbers, strict=True)]


def sum_weighted_columns(table: pd.DataFrame, weights: dict[str, float]) -> pd.Series:
    """The weighted sum of some columns."""
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


def _write_scene_videos(
    out: Path, scenes: list[Scene], folders: list[str], knobs: SynthesisOptions, workers: int
) -> None:
    for folder in set(folders):
        (out / folder).mkdir(exist_ok=True)
    calls = (
        joblib.delayed(_write_scene_video)(scene, out / folder, knobs)
        for scene, folder in zip(scenes, folders, strict=True)
    )
    done = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(calls)
    for _ in tqdm(done, total=len(scenes), desc="synthesize", unit="clip"):
        pass


def _write_scene_video(scene: Scene, folder: Path, knobs: SynthesisOptions) -> None:
    cv2.setNumThreads(1)
    model, random = load_face_model(), np.random.default_rng(scene.seed)
    sound, opening = synthesize_voice(scene.person.voice, knobs.seconds, random)
    puppet = model.animate(pose_face(model, scene))
    pictures = (puppet.draw(expression) for expression in generate_expressions(scene, opening, knobs, random))
    with atomic_path(folder / scene.clip) as path:
        write_video(path, pictures, sound, fps=knobs.fps)


def generate_expressions(
    scene: Scene, opening: np.ndarray, knobs: SynthesisOptions, random: np.random.Generator
) -> Iterator[Expression]:
    """The expressions of a clip's frames: mouth in sync with the sound, blinks, sway, and a varying emotion."""
    count = int(knobs.seconds * knobs.fps)
    blinks = random.uniform(0, knobs.seconds, max(1, round(knobs.seconds / 3)))
    phase = random.uniform(0, 2 * np.pi, 3)
    for number in range(count):
        time = number / knobs.fps
        blink = float(np.clip(1 - np.abs(time - blinks).min() / 0.16, 0, 1))
        sway = (2.2 * np.sin(1.7 * time + phase[0]), 1.4 * np.sin(2.3 * time + phase[1]))
        strength = scene.strength * (0.75 + 0.25 * np.sin(1.1 * time + phase[2]))
        mouth = float(opening[min(int(time * SYNTHETIC_VOICE_RATE_HZ / ENVELOPE_FRAME_SAMPLES), len(opening) - 1)])
        yield Expression(mouth, blink, ((scene.emotion, float(strength)),), sway)
