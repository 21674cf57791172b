"""Attributes of a cache: the tables, what is missing from them, and resuming."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.cli.main import main
from personality.dataset.index import DatasetError
from personality.preprocessing import describe_cache as module
from personality.preprocessing.build_cache import VIDEO_MISSING_MESSAGE
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.clip_attributes import ATTRIBUTE_TABLES
from personality.preprocessing.describe_cache import describe_cache
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.speech_to_text import SpeechModelError
from personality.utils.atomic_files import write_json

VALUES = {name: float(number) for number, name in enumerate(sum(ATTRIBUTE_TABLES.values(), ()))}
del VALUES["speech_rate"]
VALUES["speech_seconds"] = 2.0


@pytest.fixture
def store(cache: Cache, people: Path, tmp_path: Path) -> Cache:
    """A copy of the cache and the dataset of four clips."""
    folder, root = tmp_path / "cache", tmp_path / "people"
    shutil.copytree(cache.folder, folder)
    shutil.copytree(people, root)
    write_json(folder / "card.json", cache.card | {"root": str(root)})
    cache.clips.head(4).to_parquet(folder / "clips.parquet")
    return Cache(folder)


def file_of(store: Cache, number: int) -> Path:
    return Path(store.card["root"]) / store.clips["location"].iloc[number]


def test_command_adds_tables_and_leaves_out_what_is_missing(
    store: Cache, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file_of(store, 0).unlink()
    store.clips.head(2).to_parquet(store.folder / "clips.parquet")
    assert main(["describe", str(store.folder), "--workers", "1"]) == 0
    output, described = capsys.readouterr().out, Cache(store.folder)
    assert VIDEO_MISSING_MESSAGE in output or file_of(store, 0).name in output
    clip = described.clips["clip"].iloc[1]
    for name in ("head", "speech", "prosody"):
        table = described.table(name)
        assert table.index.tolist() == [clip]
        assert tuple(table.columns) == ATTRIBUTE_TABLES[name]
        assert set(table.dtypes) == {np.dtype(np.float32)}
        assert np.isfinite(table.to_numpy()).all()
    assert not {"background", "speech_rate"} & {*described.tables}, "the faces fill the picture; no transcripts"


def test_clips_are_described_once_and_again_if_their_file_changes(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[Path] = []

    def describe(path: Path, *, threads: int) -> dict[str, float]:
        described.append(path)
        if len(described) == 3:
            raise KeyboardInterrupt
        if path == file_of(store, 3):
            raise MediaError("This file is damaged.")
        return VALUES

    monkeypatch.setattr(module, "describe_clip", describe)
    with pytest.raises(KeyboardInterrupt):
        describe_cache(store)
    counts, errors = describe_cache(store)
    assert errors == {store.clips["clip"].iloc[3]: "This file is damaged."}
    assert counts == {name: 3 * (name != "speech_rate") for name in ATTRIBUTE_TABLES}
    assert sorted(described) == sorted(file_of(store, number) for number in (0, 1, 2, 2, 3))
    described.clear()
    with file_of(store, 0).open("ab") as file:
        file.write(b"changed")
    describe_cache(store)
    assert sorted(described) == sorted([file_of(store, 0), file_of(store, 3)])


def test_rate_follows_the_transcripts_and_missing_values_remain_missing(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = store.clips["clip"].tolist()
    of_clip = {
        file_of(store, 0): VALUES,
        file_of(store, 1): {name: value for name, value in VALUES.items() if not name.startswith("head_")},
        file_of(store, 2): {name: VALUES[name] for name in ATTRIBUTE_TABLES["head"]},
        file_of(store, 3): {},
    }
    monkeypatch.setattr(module, "describe_clip", lambda path, threads: of_clip[path])
    assert describe_cache(store)[0]["speech_rate"] == 0
    texts = pd.DataFrame({"text": ["one two three", "", "four", "five"]}, pd.Index(clips, name="clip"))
    texts.to_parquet(store.transcripts_path)
    counts, errors = describe_cache(store)
    assert errors == {}
    assert counts == {"head": 2, "background": 2, "speech": 2, "pauses": 2, "speech_rate": 1, "prosody": 2}
    assert store.table("head").index.tolist() == [clips[0], clips[2]]
    assert store.table("speech_rate")["speech_rate"].to_dict() == {clips[0]: 1.5}


def test_unfinished_caches_and_missing_archives_are_reported(
    store: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CacheError):
        describe_cache(Cache(tmp_path / "empty"))

    def fail(root: Path, location: str) -> str:
        raise DatasetError("The archive cannot be read.")

    monkeypatch.setattr(module, "clip_file_signature", fail)
    counts, errors = describe_cache(store)
    assert set(counts.values()) == {0}
    assert set(errors.values()) == {"The archive cannot be read."}


def test_an_unexpected_error_costs_one_clip_and_a_missing_library_ends_the_run(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_first(path: Path, threads: int) -> dict[str, float]:
        return VALUES if path != file_of(store, 0) else {"head_speed": 1 // 0}

    def require_library(path: Path, threads: int) -> dict[str, float]:
        raise SpeechModelError("Speech to text requires faster-whisper.")

    monkeypatch.setattr(module, "describe_clip", fail_for_first)
    counts, errors = describe_cache(store)
    assert counts["head"] == 3
    assert list(errors) == [store.clips["clip"].iloc[0]]
    monkeypatch.setattr(module, "describe_clip", require_library)
    with pytest.raises(SpeechModelError):
        describe_cache(store)
