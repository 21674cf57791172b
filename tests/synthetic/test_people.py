import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.dataset import load_dataset
from personality.synthetic.face_model import Expression, compute_landmark_motion, load_face_model
from personality.synthetic.people import _create_people, _create_scenes, _label_scenes, synthesize
from personality.synthetic.scenes import SynthesisOptions
from personality.synthetic.voice import Voice, synthesize_voice
from personality.traits import TRAIT_NAMES


def table(people: int = 200, seed: int = 0, options: SynthesisOptions | None = None) -> pd.DataFrame:
    options, model = options or SynthesisOptions(), load_face_model()
    scenes = [
        scene
        for person in _create_people(model, people, seed, options)
        for scene in _create_scenes(person, seed, options)
    ]
    return _label_scenes(model, scenes, seed, options)


def test_dataset_loads_as_first_impressions_without_problems(people: Path) -> None:
    dataset = load_dataset(people)
    assert dataset.problems == {}
    assert len(dataset.table) == 16
    assert set(dataset.table["split"]) == {"training", "validation", "test"}
    assert dataset.table.groupby("source")["split"].nunique().max() == 1


def test_labels_equal_those_in_truth_json(people: Path) -> None:
    truth = {row["clip"]: row for row in json.loads((people / "truth.json").read_text())["clips"]}
    labels = load_dataset(people).table.set_index("clip")
    for clip, row in truth.items():
        assert labels.loc[clip, list(TRAIT_NAMES)].tolist() == pytest.approx([row[t] for t in TRAIT_NAMES], abs=1e-4)


def test_seed_determines_the_people() -> None:
    first, again, other = table(20), table(20), table(20, seed=1)
    assert first.equals(again)
    assert not set(first["clip"]) & set(other["clip"])


def test_simulated_noise_differs_by_group_and_by_age() -> None:
    clips = table()
    options = SynthesisOptions()
    for gender in ("male", "female"):
        young = clips[clips["gender"].eq(gender) & clips["age"].lt(46)]
        residual = [
            young[trait]
            - 0.5
            - options.spread
            * (options.face_share * young[f"face_{trait}"] + options.voice_share * young[f"voice_{trait}"])
            for trait in TRAIT_NAMES
        ]
        assert np.std(residual) == pytest.approx(options.noise[gender], rel=0.08)
    assert clips.loc[clips["age"] >= 46, "rater_noise"].min() > options.noise["female"]


def test_modalities_have_the_order_of_the_thesis() -> None:
    clips = table()
    for trait in TRAIT_NAMES:
        voice = np.corrcoef(clips[f"voice_{trait}"], clips[trait])[0, 1]
        face = np.corrcoef(clips[f"face_{trait}"], clips[trait])[0, 1]
        both = np.corrcoef(0.75 * clips[f"face_{trait}"] + 0.55 * clips[f"voice_{trait}"], clips[trait])[0, 1]
        assert 0.2 < voice < both
        assert face < both
    assert np.mean([np.corrcoef(clips[f"face_{t}"], clips[t])[0, 1] for t in TRAIT_NAMES]) > 0.6


def test_few_people_and_a_full_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 people cannot fill three splits"):
        synthesize(tmp_path / "a", people=2, seed=0)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty"):
        synthesize(tmp_path, people=3, seed=0)


def test_voice_has_the_pitch_of_its_gender_and_loudness_follows_energy() -> None:
    pitch, loud = {}, {}
    for gender in ("male", "female"):
        sound, opening = synthesize_voice(Voice(gender, 40, 0, 0, -2), 4, np.random.default_rng(0))
        frame = max(np.split(sound, 40), key=lambda part: np.abs(part).sum())
        lags = np.correlate(frame, frame, "full")[len(frame) :]
        pitch[gender] = 16_000 / (np.argmax(lags[50:250]) + 51)
        assert 0 <= opening.min() <= opening.max() <= 1
    for energy in (-1.0, 1.0):
        sound, _ = synthesize_voice(Voice("male", 40, energy, 0, 0), 4, np.random.default_rng(0))
        loud[energy] = np.sqrt((sound**2).mean())
    assert pitch["male"] < 150 < pitch["female"]
    assert 20 * np.log10(loud[1.0] / loud[-1.0]) == pytest.approx(10, abs=1)


def test_mouth_opens_and_eyes_close() -> None:
    model = load_face_model()
    points = model.shape(np.zeros(len(model.residual)))
    opened = compute_landmark_motion(points, Expression(mouth=1.0))
    assert opened[57, 1] > 5
    assert opened[51, 1] < 0
    closed = points + compute_landmark_motion(points, Expression(blink=1.0))
    assert abs(closed[37, 1] - closed[41, 1]) < 0.5 * abs(points[37, 1] - points[41, 1])


def test_a_smile_looks_happier_and_older_looks_older() -> None:
    model = load_face_model()
    for name in ("happy", "age"):
        low, high = (model.predict_ratings(model.attribute_shift({name: value})) for value in (-1.0, 1.0))
        assert high[name] > low[name] + 0.8
