"""HDF5 files of features: supported layouts, hostile files and damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from personality.cli.main import main
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.feature_tables import add_table, read_hdf5_table
from personality.tables.errors import TableError
from personality.tables.hdf5 import MAX_HDF5_CHUNK_BYTES, list_hdf5, read_hdf5_features, read_hdf5_splits

CLIPS = ["a.000.mp4", "b.000.mp4", "b.001.mp4"]


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """A file with a matrix, a sequence, a group of clips, names and splits."""
    path = tmp_path / "fi.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("features")
        group.create_dataset("egemaps", data=np.arange(6, dtype=np.float64).reshape(3, 2), compression="gzip")
        group["egemaps"].attrs["dim"] = 2
        steps = np.zeros((3, 4, 2), np.float16)  # the last two steps are padding
        steps[:, 0], steps[:, 1] = [1, 10], [3, 20]
        group.create_dataset("wavlm", data=steps)
        clips = group.create_group("openface")
        clips.attrs["dim"] = 3
        for number, clip in enumerate(CLIPS[:2]):
            clips[clip] = np.full((5, 3), number + 1.0)
        file["ids"], file["subset"] = CLIPS, ["train", "train", "valid"]
    return path


def test_each_layout_is_read(features: Path) -> None:
    table = read_hdf5_features(features, ["egemaps", "features/wavlm"], "ids")
    assert table.columns.tolist() == [
        *("egemaps/0", "egemaps/1", "wavlm/mean 0", "wavlm/mean 1", "wavlm/deviation 0", "wavlm/deviation 1"),
    ]
    assert table.index.tolist() == CLIPS
    assert table.loc["b.000.mp4"].tolist() == [2, 3, 2, 15, 1, 5]
    groups = read_hdf5_features(features, ["openface"], None)
    assert groups.loc["b.000.mp4"].tolist() == [2, 2, 2, 0, 0, 0]
    both = read_hdf5_features(features, ["egemaps", "openface"], "ids")
    assert both.index.tolist() == CLIPS[:2], "only clips with all features are kept"
    assert set(both.dtypes) == {np.dtype(np.float32)}
    assert read_hdf5_splits(features, "ids", "subset").to_dict() == {
        **dict.fromkeys(CLIPS[:2], "train"),
        CLIPS[2]: "valid",
    }


def test_inspect_lists_objects_and_shortens_long_groups(
    features: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    with h5py.File(features, "a") as file:
        for number in range(20):
            file[f"features/many/{number:02d}"] = [1.0]
    assert main(["inspect", str(features)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "features/egemaps  float64 (3, 2)  dim=2" in lines
    assert "features/openface  group of 2  dim=3" in lines
    assert "ids  object (3,)" in lines
    assert len([line for line in lines if line.startswith("features/many/")]) == 6
    (tmp_path / "a.csv").write_text("clip,pitch\na,1\nb,\n")
    assert main(["inspect", str(tmp_path / "a.csv")]) == 0
    assert capsys.readouterr().out.splitlines() == ["2 rows", "clip  str  0 missing", "pitch  str  1 missing"]


@pytest.fixture
def store(cache: Cache, tmp_path: Path) -> Cache:
    cache.clips.to_parquet(tmp_path / "clips.parquet")
    return Cache(tmp_path)


def test_feature_is_added_to_the_cache(store: Cache, tmp_path: Path) -> None:
    clips, path = store.clips.set_index("clip"), tmp_path / "some.h5"
    with h5py.File(path, "w") as file:
        file["names"] = ["unknown", *(clip.removesuffix(".mp4") for clip in clips.index)]
        file["subset"] = ["test", *clips["split"]]
        file["pitch"] = np.arange(len(clips) + 1.0)
    command, asked = ["add-table", str(store.folder), "pitch", str(path)], ["--features", "pitch", "--clips", "names"]
    assert main([*command, *asked, "--splits", "subset"]) == 0
    table = Cache(store.folder).table("pitch")
    assert table.loc[clips.index, "pitch/0"].tolist() == list(range(1, len(clips) + 1))
    assert len(table) == len(clips)
    assert main([*command, str(path), *asked]) == 1, "one file"


def test_splits_that_differ_from_the_cache_are_refused(store: Cache, tmp_path: Path) -> None:
    clips = store.clips
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["names"], file["pitch"] = clips["clip"].tolist(), np.ones(len(clips))
        file["subset"] = clips["split"].replace({"training": "test", "test": "training"}).tolist()
    with pytest.raises(CacheError, match="another split"):
        read_hdf5_table(tmp_path / "some.h5", store, ["pitch"], clips="names", splits="subset")
    table = read_hdf5_table(tmp_path / "some.h5", store, ["pitch"], clips="names")
    assert add_table(store, "pitch", table) == 0


def damages(path: Path) -> Iterator[tuple[str, str]]:
    """Write files that must be refused; yields part of the expected message, and the feature to read."""
    with h5py.File(path, "w") as file:
        file["secret"] = h5py.ExternalLink("/etc/hostname", "/a")
    yield "is a link", "secret"
    with h5py.File(path, "w") as file:
        file["x"] = h5py.SoftLink("/y")
    yield "is a link", "x"
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (3, 2))
        file.create_virtual_dataset("x", layout)
        file["ids"] = CLIPS
    yield "in other files", "x"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (3, 2), "u1", external=[("/etc/hostname", 0, 6)])
        file["ids"] = CLIPS
    yield "in other files", "x"
    with h5py.File(path, "w") as file:  # a petabyte that takes no space
        file.create_dataset("x", (3, 2**48), "f4", chunks=(1, 2**20))
        file["ids"] = CLIPS
    yield "bytes in x", "x"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (3, MAX_HDF5_CHUNK_BYTES // 4 + 1), "f4", chunks=(3, MAX_HDF5_CHUNK_BYTES // 4 + 1))
        file["ids"] = CLIPS
    yield "in a chunk of x", "x"
    with h5py.File(path, "w") as file:
        file["x"], file["ids"] = np.ones((3, 2)), [*CLIPS[:2], CLIPS[0]]
    yield "occurs twice", "x"
    with h5py.File(path, "w") as file:
        file["x"], file["ids"] = np.ones((2, 2)), CLIPS
    yield "2 rows for 3 clips", "x"
    with h5py.File(path, "w") as file:
        file["x"], file["ids"] = ["a", "b", "c"], CLIPS
    yield "expected numbers", "x"
    with h5py.File(path, "w") as file:
        file["x"], file["ids"] = np.ones((3, 2)), [*CLIPS[:2], "c" * 40_000]
    yield "characters in a row of ids", "x"
    path.write_bytes(b"no HDF5 file")
    yield "not an HDF5 file", "x"


def test_hostile_files_raise_clear_error(tmp_path: Path) -> None:
    for words, name in damages(tmp_path / "some.h5"):
        with pytest.raises(TableError, match=words):
            read_hdf5_features(tmp_path / "some.h5", [name], "ids")


def test_cyclic_groups_are_listed_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["a/x"] = [1.0]
        file["a/b"] = file["a"]
    assert [item.path for item in list_hdf5(tmp_path / "some.h5")] == ["a", "a/x"]


@pytest.mark.parametrize("features_asked", [["nothing"], ["0"]])
def test_missing_or_ambiguous_name_raises_clear_error(tmp_path: Path, features_asked: list[str]) -> None:
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["a/0"], file["b/0"] = [1.0], [1.0]
    with pytest.raises(TableError, match="expected one"):
        read_hdf5_features(tmp_path / "some.h5", features_asked, None)


def test_damaged_files_are_read_or_raise_clear_error(features: Path) -> None:
    """Bytes changed anywhere, and files cut short; a crash of the library would end this process."""
    whole, random = features.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole[: random.integers(8, len(whole) + 1)] if random.random() < 0.2 else whole)
        for place in random.integers(8, len(damaged), 8):
            damaged[place] = random.integers(256)
        features.write_bytes(damaged)
        try:
            read_hdf5_features(features, ["egemaps", "wavlm", "openface"], "ids")
        except TableError:
            refused += 1
    assert refused > 20
