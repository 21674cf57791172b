"""The recipe of the real models: on a made-up dataset as a whole, and its stored weights against real labels."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from personality.inference.calibration import conformal_offsets
from personality.models import kernel_ensemble
from personality.models.checkpoint import load_model
from personality.models.network import Batch
from personality.predictions.prediction_files import read_predictions
from personality.traits import TRAIT_NAMES
from training.__main__ import main
from training.recipes import real_data as people_module
from training.recipes import real_models
from training.recipes.microphone_augmentation import MFCC_COUNT, MicrophoneVariation, augment_microphone
from training.recipes.real_data import read_real_training_data

COLUMNS = (
    *("chroma_stft", "rmse", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate"),
    *(f"mfcc{number}" for number in range(1, 21)),
)
SHIPPED = Path("personality/assets/models")


def made_up_texts(texts: dict[str, str]) -> pd.DataFrame:
    """In place of the sentence encoder: the number of words and a constant."""
    values = [[len(text.split()), 1.0] for text in texts.values()]
    return pd.DataFrame(values, pd.Index(list(texts), name="clip"), ["words/count", "embedding/0"], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """First Impressions in small: 120 sources of two clips in training, 40 clips in validation, half of their sources
    in training too. Loud voices and long texts score high."""
    monkeypatch.setattr(people_module, "describe", made_up_texts)
    plans = {"features": kernel_ensemble.KernelPlan(2, 32), "text": kernel_ensemble.KernelPlan(2, 32)}
    monkeypatch.setattr(kernel_ensemble, "KERNEL_PLANS", plans)
    random = np.random.default_rng(0)
    splits = {
        "training": [f"person{number:05}.00{clip}.mp4" for number in range(120) for clip in range(2)],
        "validation": [f"person{number:05}.007.mp4" for number in range(100, 140)],
    }
    root = tmp_path / "first-impressions"
    (root / "audio_features").mkdir(parents=True)
    for split, clips in splits.items():
        sounds = pd.DataFrame(random.normal(size=(len(clips), 26)), columns=list(COLUMNS))
        sounds["rmse"] = random.uniform(0.01, 0.2, len(clips))
        lengths = random.integers(5, 40, len(clips))
        labels = (0.3 + sounds["rmse"] + lengths / 200 + random.normal(0, 0.03, len(clips))).clip(0, 1)
        sounds.insert(0, "VideoName", clips)
        sounds.to_csv(root / "audio_features" / f"{split}.csv", index=False)
        traits = {trait: dict(zip(clips, map(float, labels), strict=True)) for trait in TRAIT_NAMES}
        texts = {clip: "word " * length for clip, length in zip(clips, lengths, strict=True)}
        (root / f"annotation_{split}.pkl").write_bytes(pickle.dumps(traits, 2))
        (root / f"transcription_{split}.pkl").write_bytes(pickle.dumps(texts, 2))
    return root


def test_recipe_makes_three_models_with_their_figures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out, table = tmp_path / "models", tmp_path / "predictions.parquet"
    assert main(["real-models", str(folder), "--out", str(out), "--predictions", str(table)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    data = read_real_training_data(folder)
    predicted = read_predictions(table).pivot(index=["clip", "model"], columns="trait", values="predicted")
    for name in ("voice", "words", "voice_words"):
        model = load_model(out / name)
        card, unseen = model.card, model.card["unseen"]
        assert card["trained_on"]["clips"] == 240
        assert card["trained_on"]["sources"] == 120
        assert (unseen["n"], unseen["sources"], unseen["folds"]["n"]) == (20, 20, 240)
        assert unseen["low"] < unseen["accuracy"] < unseen["high"]
        assert unseen["mean_baseline"] < unseen["accuracy"]
        assert 0 < unseen["r2"] < 1
        validation = data.clips_with_features.split("validation")
        again = people_module.predict_trait_array(model.network, validation)
        stored = predicted.xs(name, level="model").loc[validation.clips["clip"], list(TRAIT_NAMES)]
        np.testing.assert_allclose(again, stored, atol=1e-6)
        assert card["metrics"]["accuracy"] == pytest.approx(
            1 - np.abs(again - validation.labels.numpy()).mean(), abs=1e-6
        )
    assert load_model(out / "voice_words").card["unseen"]["r2"] > load_model(out / "voice").card["unseen"]["r2"]


def test_recipe_run_again_makes_the_same_weights(folder: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        real_models.train_real_models(folder, tmp_path / out)
    for name in ("voice", "words", "voice_words"):
        one, two = ((tmp_path / out / name / "model.safetensors").read_bytes() for out in ("one", "two"))
        assert one == two


def test_recipe_needs_descriptors(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for path in folder.glob("audio_features/*"):
        path.unlink()
    assert main(["real-models", str(folder)]) == 1
    assert "audio_features/*.csv" in capsys.readouterr().err


def test_no_source_is_on_both_sides_of_a_fold(folder: Path) -> None:
    training = read_real_training_data(folder).clips_with_features.split("training")
    times = np.zeros(len(training.clips))
    for used, held_out in real_models.split_into_source_folds(training):
        assert not set(training.sources[used]) & set(training.sources[held_out])
        times += held_out
    assert (times == 1).all()


def test_microphones_move_what_they_should() -> None:
    voices = torch.ones(20_000, 26)
    gained = (
        augment_microphone(voices, COLUMNS, MicrophoneVariation(0.0, 6.0), torch.Generator().manual_seed(0)) - voices
    )
    moved = {COLUMNS[number] for number in range(26) if gained[:, number].abs().max() > 1e-6}
    assert moved == {"mfcc1", "rmse"}
    decibels = gained[:, COLUMNS.index("mfcc1")] / 128**0.5
    assert decibels.abs().max() <= 6
    torch.testing.assert_close(gained[:, 1] + 1, 10 ** (decibels / 20))
    equalised = (
        augment_microphone(voices, COLUMNS, MicrophoneVariation(2.0, 0.0), torch.Generator().manual_seed(0)) - voices
    )
    spread = equalised[:, 7:].std(0)
    torch.testing.assert_close(spread, 8 * 2 / torch.arange(1.0, MFCC_COUNT), rtol=0.03, atol=0)
    assert (equalised[:, 6] == 0).all()
    assert (equalised[:, 0] == 0).all()


def test_shipped_voice_reaches_the_figure_of_its_card(real_data: Path) -> None:
    """The voice model requires only a CSV and was trained on training, so validation has the accuracy on its card."""
    model = load_model(SHIPPED / "voice")
    rows = pd.read_csv(real_data / "first-impressions/audio_features/validation.csv").set_index("VideoName")
    labels = people_module.load_dataset(real_data / "first-impressions").table.set_index("clip").loc[rows.index]
    with torch.inference_mode():
        features = torch.from_numpy(rows.to_numpy(np.float32))
        predicted = model.network(Batch(tables={"voice_descriptors": features})).numpy()
    errors = np.abs(predicted - labels[list(TRAIT_NAMES)].to_numpy())
    assert 1 - errors.mean() == pytest.approx(model.card["metrics"]["accuracy"], abs=2e-5)
    training = pd.read_csv(real_data / "first-impressions/audio_features/training.csv")
    seen = labels["source"].isin(training["VideoName"].str[:-8])
    assert (~seen).sum() == model.card["unseen"]["n"] == 326
    assert 1 - errors[~seen].mean() == pytest.approx(model.card["unseen"]["accuracy"], abs=2e-5)


def test_intervals_cover_nine_in_ten_people_of_other_folds(real_data: Path) -> None:
    """On training and validation together: intervals calibrated on four fifths of the sources, each clip predicted by
    a model of other sources. Here by a small voice model, so that the test is fast."""
    data = people_module.load_dataset(real_data / "first-impressions").table
    csvs = sorted((real_data / "first-impressions/audio_features").glob("*.csv"))
    sounds = pd.concat([pd.read_csv(path) for path in csvs]).set_index("VideoName")
    clips = data[data["clip"].isin(sounds.index)].reset_index(drop=True)
    tables = {people_module.VOICE_TABLE: sounds.loc[clips["clip"]].astype(np.float32)}
    people = people_module.ClipsWithFeatures(clips, tables)
    residuals = people.labels.numpy() - ridge_out_of_fold(people)
    covered = np.zeros_like(residuals)
    for used, held_out in real_models.split_into_source_folds(people):
        for trait in range(5):
            low, high = conformal_offsets(residuals[used, trait].astype(float), people.sources[used])
            covered[held_out, trait] = (residuals[held_out, trait] >= low) & (residuals[held_out, trait] <= high)
    assert len(covered) == 7_998
    assert (covered.mean(0) > 0.88).all()
    assert (covered.mean(0) < 0.92).all()


def ridge_out_of_fold(people: people_module.ClipsWithFeatures) -> np.ndarray:
    """Predictions (N, 5) of the voice branch with few features, for each clip by a model of the other folds."""
    patch = pytest.MonkeyPatch()
    with patch.context() as small:
        small.setattr(
            kernel_ensemble,
            "KERNEL_PLANS",
            {"features": kernel_ensemble.KernelPlan(1, 128), "text": kernel_ensemble.KernelPlan(1, 128)},
        )
        return real_models.predict_out_of_fold("voice", people, seed=0)
