import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from personality.dataset import load_dataset
from personality.models.batching import can_predict, make_batch
from personality.models.network import Needs
from personality.preprocessing import cache_entry
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.cache_entry import CACHE_FORMAT_VERSION, encode_entry
from personality.preprocessing.cache_tables import write_cache_tables
from personality.preprocessing.feature_tables import add_table
from personality.preprocessing.sample import read_sample
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS
from personality.traits import ANNOTATED, ESTIMATED, TRAIT_NAMES
from tests.preprocessing.clips import write_clip


def test_entry_restores_the_sample(cache: Cache, people: Path) -> None:
    clip = cache.clips["clip"].iloc[0]
    (path,) = people.rglob(clip)
    fresh, stored = read_sample(path), cache.read(clip)
    assert np.abs(fresh.faces.astype(int) - stored.faces).mean() < 2.5
    assert np.abs(fresh.audio - stored.audio).max() < 1e-4
    np.testing.assert_array_equal(fresh.boxes, stored.boxes)
    np.testing.assert_array_equal(fresh.voice_descriptors, stored.voice_descriptors)
    assert stored.voice_descriptors.dtype == np.float32
    np.testing.assert_allclose(fresh.emotion_confidences, stored.emotion_confidences, atol=1e-5)  # one thread there
    assert (fresh.age, fresh.gender, fresh.warnings) == (stored.age, stored.gender, stored.warnings)
    assert cache.entry_path(clip).stat().st_size < 0.5e6


def test_annotated_gender_has_priority_over_estimate(cache: Cache, people: Path) -> None:
    truth = {row["clip"]: row for row in json.loads((people / "truth.json").read_text())["clips"]}
    for _, row in cache.clips.iterrows():
        assert row["gender"] == truth[row["clip"]]["gender"]
        assert row["age_group"] == truth[row["clip"]]["age_group"]
        assert cache.sample(row).gender == row["gender"]
    assert set(cache.clips["gender_from"]) == set(cache.clips["age_group_from"]) == {ANNOTATED}
    assert set(cache.clips["age_from"]) == {ESTIMATED}  # the dataset knows ranges, not years


def test_estimates_are_marked_where_annotations_are_missing(cache: Cache, tmp_path: Path) -> None:
    """Annotations of the first two clips are removed: one has estimates from its face, the other was not read."""
    table = cache.clips[["clip", "source", "split", "location", *TRAIT_NAMES, "gender", "age_group"]].copy()
    table.loc[:1, ["gender", "age_group"]] = None
    copy = Cache(tmp_path / "cache")
    shutil.copytree(cache.folder, copy.folder)
    clips = write_cache_tables(copy, table, {table["clip"][1]: "unread"}, cache.card)
    assert clips["gender_from"].fillna("missing").tolist()[:3] == [ESTIMATED, "missing", ANNOTATED]
    assert clips["age_group_from"].fillna("missing").tolist()[:3] == [ESTIMATED, "missing", ANNOTATED]
    assert clips["age_from"].fillna("missing").tolist()[:3] == [ESTIMATED, "missing", ESTIMATED]  # no age in years
    assert clips.loc[0, "gender"] == cache.clips.loc[0, "gender_estimated"]


def test_clip_with_silent_window_has_no_audio_seconds(cache: Cache, tmp_path: Path) -> None:
    """As in prediction, sound after the window is ignored."""
    copy = Cache(tmp_path / "cache")
    shutil.copytree(cache.folder, copy.folder)
    table = cache.clips[["clip", "source", "split", "location", *TRAIT_NAMES]].copy()
    clip = table["clip"][0]
    sample = cache.read(clip)
    copy.write(clip, replace(sample, audio=np.zeros_like(sample.audio)), "")
    clips = write_cache_tables(copy, table, {}, cache.card)
    audio = Needs(frozenset({"audio"}))
    assert can_predict(copy, clips, audio).tolist() == [False, *can_predict(cache, cache.clips, audio)[1:]]
    assert clips["audio_seconds"].tolist() == [0.0, *cache.clips["audio_seconds"][1:]]


def test_second_run_reads_only_missing_clips(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    part = type(dataset)(dataset.name, dataset.root, dataset.table.head(3))
    first = preprocess(part, tmp_path / "c")
    store = Cache(tmp_path / "c")
    names = list(first["clip"])
    kept, torn, gone = (store.entry_path(name) for name in names)
    before = {path: path.read_bytes() for path in (kept, torn, gone)}
    stamp = kept.stat().st_mtime_ns
    torn.write_bytes(before[torn][:1000])
    gone.unlink()
    assert [store.entry_state(name)[0] for name in names] == ["present", "torn", "missing"]
    second = preprocess(part, tmp_path / "c")
    assert {path: path.read_bytes() for path in before} == before
    assert kept.stat().st_mtime_ns == stamp
    assert second.equals(first)


def test_entry_with_other_constants_is_stale(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = cache.clips["clip"].iloc[0]
    monkeypatch.setattr(cache_entry, "CACHE_FORMAT_VERSION", 99)
    assert cache.entry_state(clip) == ("stale", f"format was {CACHE_FORMAT_VERSION} and is 99")
    with pytest.raises(CacheError, match=r"is stale \(format was \d+ and is 99\)"):
        cache.read(clip)


def test_stale_entries_are_replaced_only_on_request(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset(people)
    part = type(dataset)(dataset.name, dataset.root, dataset.table.head(2))
    preprocess(part, tmp_path / "c")
    entries = [Cache(tmp_path / "c").entry_path(clip) for clip in part.table["clip"]]
    before = [path.read_bytes() for path in entries]
    monkeypatch.setattr(cache_entry, "CACHE_FORMAT_VERSION", 99)
    with pytest.raises(CacheError, match=r"2 entries of .* are stale: format was \d+ and is 99; .*--remake"):
        preprocess(part, tmp_path / "c")
    assert [path.read_bytes() for path in entries] == before
    preprocess(part, tmp_path / "c", remake=True)
    assert all(path.read_bytes() != old for path, old in zip(entries, before, strict=True))


def test_whole_sound_is_stored_on_request_and_in_later_runs(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    part, more = (type(dataset)(dataset.name, dataset.root, dataset.table.head(count)) for count in (1, 2))
    preprocess(part, tmp_path / "c")
    (clip,) = part.table["clip"]
    store = Cache(tmp_path / "c")
    assert (len(store.read(clip).rest), store.has_whole_sound) == (0, False)
    with pytest.raises(CacheError, match=r"1 entries of .* are stale: the sound after 5 s was not kept; .*--remake"):
        preprocess(part, tmp_path / "c", whole_sound=True)
    preprocess(part, tmp_path / "c", whole_sound=True, remake=True)
    preprocess(more, tmp_path / "c")
    store = Cache(tmp_path / "c")
    assert store.has_whole_sound
    for clip, location in more.table[["clip", "location"]].itertuples(index=False):
        fresh, stored = read_sample(dataset.root / location), store.read(clip)
        assert len(stored.rest) == len(fresh.rest) > 8_000
        np.testing.assert_allclose(stored.rest, fresh.rest, atol=1e-4)
    batch = make_batch([stored], 1, 60.0)
    assert batch.sound_lengths is not None and batch.audio is not None
    assert batch.sound_lengths.tolist() == [80_000 + len(fresh.rest)]
    assert batch.audio[0, batch.sound_lengths[0] - 100 :].count_nonzero() <= 100


def test_entry_of_a_replaced_file_is_stale(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    root = tmp_path / "data"
    root.mkdir()
    first, second = (dataset.root / location for location in dataset.table["location"].head(2))
    table = dataset.table.head(1).assign(location="a.mp4")
    (root / "a.mp4").write_bytes(first.read_bytes())
    preprocess(type(dataset)("data", root, table), tmp_path / "c")
    (root / "a.mp4").write_bytes(second.read_bytes())
    with pytest.raises(CacheError, match="made of other files of the same names"):
        preprocess(type(dataset)("data", root, table), tmp_path / "c")


def test_entry_of_a_deleted_file_is_kept(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    table = dataset.table.head(2)
    preprocess(type(dataset)("data", dataset.root, table.head(1)), tmp_path / "c")
    clips = preprocess(type(dataset)("data", dataset.root, table.assign(location="")), tmp_path / "c")
    assert clips["error"].tolist() == ["", "the file is missing"]
    assert len(Cache(tmp_path / "c").read(clips["clip"].iloc[0]).faces) == 16


def test_unreadable_and_missing_clips_are_rows_with_a_reason(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    table = dataset.table.head(2).copy()
    broken = tmp_path / "root"
    (broken / "training80_01").mkdir(parents=True)
    table["location"] = ["training80_01/a.mp4", ""]
    (broken / "training80_01" / "a.mp4").write_text("not a video")
    clips = preprocess(type(dataset)("broken", broken, table), tmp_path / "c")
    assert clips["error"].str.contains("cannot be read as a video").tolist() == [True, False]
    assert clips["error"].iloc[1] == "the file is missing"
    store = Cache(tmp_path / "c")
    assert not can_predict(store, store.labelled_clips("training"), Needs(frozenset({"audio"}))).any()


def test_equal_samples_give_equal_bytes(cache: Cache) -> None:
    sample = cache.read(cache.clips["clip"].iloc[0])
    assert encode_entry("x", sample, "file") == encode_entry("x", sample, "file")


def test_unfinished_cache_raises_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="not a finished cache"):
        _ = Cache(tmp_path).clips


def test_finished_cache_has_voice_descriptors_of_clips_with_sound(people: Path, tmp_path: Path) -> None:
    dataset = load_dataset(people)
    table = dataset.table.head(3).copy()
    root = tmp_path / "data"
    root.mkdir()
    heard, silent, _ = table["clip"]
    (root / "heard.mp4").write_bytes((dataset.root / table["location"].iloc[0]).read_bytes())
    write_clip(root / "silent.mp4", times=[number / 10 for number in range(20)])
    table["location"] = ["heard.mp4", "silent.mp4", ""]
    store = Cache(tmp_path / "c")
    preprocess(type(dataset)("data", root, table), store.folder)
    voices = store.table("voice_descriptors")
    assert (voices.index.tolist(), voices.index.name, tuple(voices.columns)) == (
        [heard],
        "clip",
        VOICE_DESCRIPTOR_COLUMNS,
    )
    assert set(voices.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(voices.loc[heard], store.read(heard).voice_descriptors)
    assert not store.read(silent).voice_descriptors.any()
    needs = Needs(frozenset(), tables=frozenset({("voice_descriptors", VOICE_DESCRIPTOR_COLUMNS)}))
    assert can_predict(store, store.clips, needs).tolist() == [True, False, False]


def test_added_table_has_priority_over_computed_table(cache: Cache, tmp_path: Path) -> None:
    copy = Cache(tmp_path / "cache")
    shutil.copytree(cache.folder, copy.folder)
    computed = copy.table("voice_descriptors")
    assert computed.index.tolist() == cache.clips["clip"].tolist()
    names = list(copy.tables)  # other tests may have added some
    assert "voice_descriptors" in names
    add_table(copy, "voice_descriptors", computed.head(2) + 1)
    np.testing.assert_array_equal(copy.table("voice_descriptors"), computed.head(2) + 1)
    assert list(copy.tables) == names
