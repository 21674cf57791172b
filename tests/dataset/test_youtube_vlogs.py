"""The layout of the YouTube Personality vlogs, on generated files and, if available, on the original ones."""

from pathlib import Path

import pytest

from personality.dataset import DatasetError, load_dataset
from personality.dataset.youtube_vlogs import VLOG_GENDER_FILE, VLOG_SCORES_FILE
from personality.preprocessing.cache import CacheError
from personality.preprocessing.feature_tables import read_table_files, read_transcript_files
from personality.traits import TRAIT_NAMES

ROWS = "vlogId Extr Agr Cons Emot Open\nVLOG1 7 1 4 2.5 5.5\nVLOG3 1 7 4 4 4\n"


def test_impressions_are_rescaled_and_reordered(tmp_path: Path) -> None:
    inside = tmp_path / "deeper"
    inside.mkdir()
    (inside / VLOG_SCORES_FILE).write_text(ROWS)
    (inside / VLOG_GENDER_FILE).write_text("vlogId gender\nVLOG3 Female\nVLOG1 Male\n")
    dataset = load_dataset(tmp_path)
    table = dataset.table.set_index("clip")
    assert table.loc["VLOG1", list(TRAIT_NAMES)].tolist() == [0.75, 0.5, 1, 0, 0.25]
    assert table["gender"].to_dict() == {"VLOG1": "male", "VLOG3": "female"}
    assert table["source"].tolist() == ["VLOG1", "VLOG3"]
    assert dataset.root == tmp_path and dataset.name == tmp_path.name


def test_damaged_file_raises_clear_error(tmp_path: Path) -> None:
    (tmp_path / VLOG_SCORES_FILE).write_text("vlogId Extr\nVLOG1 7\n")
    with pytest.raises(DatasetError, match="column for openness"):
        load_dataset(tmp_path)
    (tmp_path / VLOG_SCORES_FILE).write_text(ROWS)
    (tmp_path / VLOG_GENDER_FILE).write_text("a b\n1 2\n")
    with pytest.raises(DatasetError, match="gender"):
        load_dataset(tmp_path)
    (tmp_path / VLOG_SCORES_FILE).write_text(ROWS.replace("2.5", "9"))
    with pytest.raises(DatasetError, match=r"1 of 10 .* 1 to 7"):
        load_dataset(tmp_path)


def test_text_files_are_transcripts_of_clips_with_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "VLOG1.txt").write_bytes("caf\u00e9 XXXX".encode("latin-1"))
    (tmp_path / "a.txt").write_text("hello")
    assert read_transcript_files([tmp_path / "VLOG1.txt", tmp_path / "a.txt"], ["VLOG1", "a.mp4"]) == {
        "VLOG1": "caf\u00e9 XXXX",
        "a.mp4": "hello",
    }
    with pytest.raises(CacheError, match=r"a\.txt is the text of no clip"):
        read_transcript_files([tmp_path / "a.txt"], ["VLOG1"])


def test_original_vlogs_dataset_is_read(real_data: Path) -> None:
    folder = real_data / "youtube-vlogs"
    dataset = load_dataset(folder)
    assert len(dataset.table) == 404
    assert dataset.table["gender"].value_counts().to_dict() == {"female": 210, "male": 194}
    assert dataset.table[list(TRAIT_NAMES)].notna().all(axis=None)
    cues = read_table_files([folder / "YouTube-Personality-audiovisual_features.csv"])
    assert cues.shape == (404, 25)
    assert set(cues.index) == set(dataset.table["clip"])
