"""The preset `encoders`: it learns from tables over time, does without one, and answers for a clip as for a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from personality.inference.evaluate import evaluate
from personality.inference.predict import Impression, Unavailable, load_models, predict_impressions
from personality.models.checkpoint import CheckpointError, load_model
from personality.models.encoders.encoding import Encoding, name_columns
from personality.models.encoders.load import describe_encoding, load_encoder
from personality.preprocessing.cache import Cache
from personality.preprocessing.feature_tables import write_feature_table
from personality.traits import TRAIT_NAMES
from personality.utils.untrusted_files import read_json
from tests.training.helpers import run_to_end
from training.config.run_config import Config, Stage, preset
from training.data.dataloader import TrainingError

FACES, SOUND = "timm:tf_efficientnet_lite0", "torchaudio:WAVLM_BASE"


@pytest.fixture
def store(cache: Cache, tmp_path: Path) -> Cache:
    """The cache with tables of two encoders; the label of openness is in the last second of the sound."""
    (tmp_path / "entries").symlink_to(cache.folder / "entries")
    (tmp_path / "card.json").write_text((cache.folder / "card.json").read_text())
    clips = pd.concat([cache.clips.assign(clip=cache.clips["clip"] + f"#{n}") for n in range(12)], ignore_index=True)
    random = np.random.default_rng(0)
    clips[list(TRAIT_NAMES)] = random.random((len(clips), 5)).astype(np.float32) * 0.4 + 0.3
    clips.to_parquet(tmp_path / "clips.parquet")
    names = pd.Index(clips["clip"], name="clip")
    sound = random.standard_normal((len(clips), 8 * 16)).astype(np.float32)
    sound[:, 7 * 16 :] += (clips[["openness"]].to_numpy() - 0.5) * 20
    faces = random.standard_normal((len(clips), 8 * 1280)).astype(np.float32)
    store = Cache(tmp_path)
    write_feature_table(store, Encoding(SOUND, "0" * 12).table, pd.DataFrame(sound, names, name_columns(8, 16)))
    found = pd.DataFrame(faces.astype(np.float16), names, name_columns(8, 1280))
    write_feature_table(store, describe_encoding(FACES, window=True).table, found.iloc[5:])
    return store


def config(epochs: int = 2, **changes: object) -> Config:
    return preset("fusion", "encoders", tables=(FACES, SOUND), stages=(Stage(epochs, "head", 2e-3),), **changes)


def test_it_finds_what_one_step_of_one_encoder_tells(store: Cache, tmp_path: Path) -> None:
    run_to_end(
        tmp_path / "run", store, preset("fusion", "encoders", tables=(SOUND,), stages=(Stage(30, "head", 3e-3),))
    )
    table, skipped = evaluate([tmp_path / "run"], store, "validation")
    assert skipped == {"run": 0}
    each = table.groupby("trait", observed=True).apply(lambda rows: rows["predicted"].corr(rows["actual"]))
    assert each["openness"] > 0.6
    assert each.drop("openness").max() < each["openness"] - 0.2


def test_a_run_answers_where_an_encoder_is_missing_and_from_a_clip(store: Cache, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", store, config())
    card = read_json(tmp_path / "run" / "card.json", dict)
    assert card["tables"] == {
        describe_encoding(FACES, window=True).table: {"steps": 8, "size": 1280},
        f"{SOUND}@{'0' * 12}": {"steps": 8, "size": 16},
    }
    assert evaluate([tmp_path / "run"], store, "training")[1] == {"run": 0}, "five clips have no faces"
    (model,) = load_models([tmp_path / "run"])
    sample = store.read(store.clips["clip"].iloc[0].partition("#")[0])
    (found,) = predict_impressions(sample, [model])
    assert isinstance(found, Impression)
    assert "torchaudio:WAVLM_BASE" in found.caveat, "its weights are not on this machine"
    table = describe_encoding(FACES, window=True).table
    row = load_encoder(describe_encoding(FACES, window=True)).encode([sample])[0].ravel()
    features = torch.cat([torch.from_numpy(row), torch.zeros(8 * 16), torch.tensor([1.0, 0.0])])[None]
    with torch.inference_mode():
        expected = model.network.head(features)[0].tolist()
    assert list(found.traits.values()) == pytest.approx(expected, abs=1e-5)
    assert model.network.tables == [table, f"{SOUND}@{'0' * 12}"]
    (gone,) = predict_impressions(replace(sample, faces=sample.faces[:0]), [model])
    assert isinstance(gone, Unavailable)


def test_steps_have_an_order(store: Cache, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", store, config())
    network = load_model(tmp_path / "run").network
    features = torch.randn(4, 8 * 1280 + 8 * 16 + 2)
    features[:, -2:] = 1
    turned = features.clone()
    turned[:, 8 * 1280 : 8 * 1280 + 8 * 16] = features[:, 8 * 1280 : -2].unflatten(1, (8, 16)).flip(1).flatten(1)
    with torch.inference_mode():
        assert (network.head(features) - network.head(turned)).abs().max() > 1e-5


def test_a_missing_table_changes_nothing_whatever_its_row_holds(store: Cache, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", store, config())
    network = load_model(tmp_path / "run").network
    features = torch.randn(3, 8 * 1280 + 8 * 16 + 2)
    features[:, -2:] = torch.tensor([0.0, 1.0])
    other = features.clone()
    other[:, : 8 * 1280] = 7.0
    with torch.inference_mode():
        torch.testing.assert_close(network.head(features), network.head(other))


def test_what_is_missing_is_a_sentence(store: Cache, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="personality embed"):
        run_to_end(tmp_path / "a", store, replace(config(), tables=("timm:resnet18",)))
    with pytest.raises(ValueError, match="tables"):
        preset("fusion", "encoders")
    with pytest.raises(ValueError, match="tables"):
        preset("audio", "modern", tables=(SOUND,))
    table = store.table(f"{SOUND}@{'0' * 12}")
    write_feature_table(store, f"{SOUND}@{'1' * 12}", table)
    with pytest.raises(TrainingError, match="several"):
        run_to_end(tmp_path / "b", store, config())


def test_a_card_that_was_changed_is_refused(store: Cache, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", store, config())
    path = tmp_path / "run" / "card.json"
    path.write_text(path.read_text().replace('"size": 16', '"size": 999999999'))
    with pytest.raises(CheckpointError, match="tables"):
        load_model(tmp_path / "run")
