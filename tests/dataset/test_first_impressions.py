import zipfile
from pathlib import Path

import pytest

from personality.dataset import DatasetError, load_dataset
from personality.dataset.archives import get_clip_path_or_bytes
from personality.dataset.safe_pickle import write_annotation
from personality.traits import TRAIT_NAMES


def labels(**clips: float) -> dict[str, dict[str, float]]:
    return {trait: dict(clips) for trait in TRAIT_NAMES}


def test_real_labels_load(real_data: Path) -> None:
    dataset = load_dataset(real_data / "first-impressions")
    report = dataset.summarize()
    assert dataset.table["split"].value_counts().to_dict() == {"training": 6000, "validation": 2000}
    assert dataset.table["gender"].notna().all()
    assert dataset.table["age_group"].notna().all()
    assert "7,998 labels without a clip file" in report
    assert (
        dataset.table.set_index("clip").loc["_G3kw9HwCqY.000.mp4", "location"]
        == "videos/training80_01/_G3kw9HwCqY.000.mp4"
    )


def test_mismatches_are_reported_and_other_clips_are_kept(tmp_path: Path) -> None:
    write_annotation(
        tmp_path / "annotation_training.pkl", labels(**{"-a.000.mp4": 0.5, "b.001.mp4": 1.5, "c.000.mp4": 0.1})
    )
    (tmp_path / "training80_01").mkdir()
    for name in ("-a.000.mp4", "b.001.mp4", "d.000.mp4"):
        (tmp_path / "training80_01" / name).write_bytes(b"x")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "b.001.mp4").write_bytes(b"x")
    dataset = load_dataset(tmp_path)
    assert dataset.problems == {
        "clip files that occur twice, first kept": ["b.001.mp4"],
        "clips without labels": ["d.000.mp4"],
        "labels without a clip file": ["c.000.mp4"],
        "clips with a label outside [0, 1], label ignored": ["b.001.mp4"],
    }
    table = dataset.table.set_index("clip")
    assert table.loc["-a.000.mp4", "source"] == "-a"
    assert table.loc["d.000.mp4", "split"] == "training"
    assert table.loc["b.001.mp4", list(TRAIT_NAMES)].isna().all()


def test_clips_in_nested_zips_are_read_in_place(tmp_path: Path) -> None:
    write_annotation(tmp_path / "annotation_training.pkl", labels(**{"a.000.mp4": 0.5}))
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("training80_01/a.000.mp4", b"video")
        inner.writestr("../escape.txt", b"no")
    with zipfile.ZipFile(tmp_path / "train-1.zip", "w") as outer:
        outer.write(tmp_path / "inner.zip", "training80_01.zip")
    (tmp_path / "inner.zip").unlink()
    dataset = load_dataset(tmp_path)
    location = dataset.table.loc[0, "location"]
    assert location == "train-1.zip::training80_01.zip::training80_01/a.000.mp4"
    assert get_clip_path_or_bytes(tmp_path, location) == b"video"
    assert {path.name for path in tmp_path.rglob("*")} == {"annotation_training.pkl", "train-1.zip"}


def test_empty_folder_raises_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="annotation_"):
        load_dataset(tmp_path)


def test_missing_trait_is_named(tmp_path: Path) -> None:
    write_annotation(tmp_path / "annotation_training.pkl", {"openness": {"a.000.mp4": 0.5}})
    with pytest.raises(DatasetError, match="conscientiousness"):
        load_dataset(tmp_path)
