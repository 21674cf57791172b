"""Features of a cache by encoders: stored tables, resuming, and equality with the features of predictions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from personality.cli.main import main
from personality.inference import embed_cache
from personality.inference.embed_cache import EmbedJob
from personality.models.batching import make_batch, read_batch
from personality.models.encoders.encoding import name_columns
from personality.models.network import Needs
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.speech_to_text import Transcript

FACES = "timm:tf_efficientnet_lite0"


@pytest.fixture
def store(cache: Cache, tmp_path: Path) -> Cache:
    """A cache in a separate folder with the first six clips of the cache and its faces and sounds."""
    (tmp_path / "entries").symlink_to(cache.folder / "entries")
    (tmp_path / "card.json").write_text((cache.folder / "card.json").read_text())
    clips = cache.clips.copy()
    clips.loc[0, "faces"] = 0  # as if no face had been found
    clips.head(6).to_parquet(tmp_path / "clips.parquet")
    return Cache(tmp_path)


def test_face_table_equals_features_computed_for_prediction(store: Cache, capsys: pytest.CaptureFixture) -> None:
    assert main(["embed", str(store.folder), "--encoder", FACES, "--device", "cpu", "--batch", "2"]) == 0
    assert "5 clips, 0.1 MB" in capsys.readouterr().out
    job = EmbedJob(store, FACES)
    table = store.table(job.encoding.table)
    clips = store.clips["clip"]
    assert table.index.tolist() == clips.tolist()[1:]
    assert tuple(table.columns) == name_columns(8, 1280)
    assert set(table.dtypes) == {np.dtype(np.float16)}
    needs = Needs(tables=frozenset({(job.encoding.table, tuple(table.columns))}))
    stored = read_batch(store, store.clips.head(2), needs, 1)
    computed = make_batch([store.read(clip) for clip in clips.head(2)], 1, tables=needs.tables)
    assert stored.present[job.encoding.table].tolist() == [False, True]
    assert computed.present[job.encoding.table].tolist() == [True, True]
    np.testing.assert_allclose(
        computed.tables[job.encoding.table][1], stored.tables[job.encoding.table][1], atol=5e-3, rtol=1e-3
    )
    assert main(["embed", str(store.folder), "--encoder", FACES]) == 0
    assert "the cache has this table" in capsys.readouterr().out


@pytest.mark.trial
def test_interrupted_run_resumes(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_cache, "PART_CLIPS", 2)
    job, encoded = EmbedJob(store, FACES, device="cpu", batch=2), []
    encode = type(job.encoder).encode

    def die_at_the_third_batch(self: Any, samples: list) -> np.ndarray:
        encoded.append(len(samples))
        if len(encoded) == 3:
            raise KeyboardInterrupt
        return encode(self, samples)

    with monkeypatch.context() as patch:
        patch.setattr(type(job.encoder), "encode", die_at_the_third_batch)
        with pytest.raises(KeyboardInterrupt):
            job.run()
        assert not job.is_done
        assert job.run() == 5
    assert encoded == [2, 2, 1, 1], "finished parts are not repeated"
    assert job.is_done
    assert not any((store.folder / "parts").iterdir())


def test_transcript_table_equals_features_computed_for_prediction(store: Cache, tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="add-text"):
        EmbedJob(store, "sentence-transformers:all-MiniLM-L6-v2")
    clips = store.clips["clip"].tolist()
    for clip in clips[:3]:
        (tmp_path / f"{Path(clip).stem}.txt").write_text(f"My clip is {clip}.")
    texts = [str(path) for path in tmp_path.glob("*.txt")]
    assert main(["add-text", str(store.folder), *texts]) == 0
    assert store.transcripts == {clip: f"My clip is {clip}." for clip in clips[:3]}
    job = EmbedJob(store, "sentence-transformers:all-MiniLM-L6-v2", device="cpu")
    assert job.run() == 3
    table = store.table(job.encoding.table)
    pd.testing.assert_frame_equal(
        table.astype(np.float32).set_axis(range(384), axis=1),
        store.table("text").filter(like="embedding/").loc[table.index].set_axis(range(384), axis=1),
        atol=1e-3,
    )
    needs = Needs(tables=frozenset({(job.encoding.table, tuple(table.columns))}))
    sample = dataclasses.replace(store.read(clips[0]), transcript=Transcript(f"My clip is {clips[0]}.", ()))
    row = make_batch([sample], 1, tables=needs.tables).tables[job.encoding.table][0]
    np.testing.assert_allclose(row, table.loc[clips[0]], atol=1e-3)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["hub:x"], 1),
        (["timm:vit_small_patch14_dinov2.lvd142m"], 1),
        ([FACES, "dlib:resnet", "--weights", "x.safetensors"], 1),
    ],
)
def test_errors_are_one_line(store: Cache, words: list[str], status: int, capsys: pytest.CaptureFixture) -> None:
    assert main(["embed", str(store.folder), "--encoder", *words]) == status
    assert capsys.readouterr().err.count("\n") == 1
