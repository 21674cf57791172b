"""Untrusted files are read if they are valid, otherwise an error message names them."""

import json
import os
from pathlib import Path

import pytest

from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS
from personality.models.model_card import MODEL_CARD_FILE, read_model_card
from personality.utils.untrusted_files import (
    LOG_TAIL_BYTES,
    MAX_JSON_BYTES,
    DamagedFileError,
    is_count,
    is_number,
    is_number_or_nan,
    is_text,
    read_json,
    read_json_lines,
    read_json_object,
    read_last_log_lines,
    read_log_end,
)

TEXTS = {
    "empty": b"",
    "half": b'{"a": 1',
    "a list": b"[1]",
    "a number": b"7",
    "nothing": b"null",
    "deep": b"[" * 200_000,
    "no text": b"\xff\xfe\x00",
    "large": b'"' + b"a" * MAX_JSON_BYTES + b'"',
    "digits": b'{"a": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", TEXTS)
def test_file_without_json_object_raises_error_with_its_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(TEXTS[name])
    with pytest.raises(DamagedFileError) as found:
        read_json(path, dict)
    assert str(path) in str(found.value)
    assert len(str(found.value)) < len(str(path)) + 100


def test_missing_or_unreadable_file_raises_clear_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")  # reading it would block forever
    ends = {"link": "link", "folder": "not a file", "pipe": "not a file", "none": "missing"}
    for name, end in ends.items():
        with pytest.raises(DamagedFileError, match=f"{name} is .*{end}"):
            read_json(tmp_path / name, dict)
    with pytest.raises(DamagedFileError):
        read_json(tmp_path / "zero", dict)


def test_values_of_wrong_type_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    needed, known = {"state": is_text}, {"pid": is_count, "best": is_number_or_nan}
    for values, words in (
        ({}, "state"),
        ({"state": 1}, "state .* 1"),
        ({"state": "done", "pid": -1}, "pid .* -1"),
        ({"state": "done", "pid": True}, "pid .* True"),
        ({"state": "done", "best": [0.5]}, "best .* list"),
        ({"state": "x" * 10_000, "best": "y" * 10_000}, "best .* 'yyy"),
    ):
        path.write_text(json.dumps(values))
        with pytest.raises(DamagedFileError, match=words) as found:
            read_json_object(path, needed, known)
        assert len(str(found.value)) < len(str(path)) + 150
    good = {"state": "done", "pid": 3, "best": float("nan"), "later": [1]}  # what is not known is let be
    path.write_text(json.dumps(good))
    assert read_json_object(path, needed, known)["later"] == [1]
    assert not any(is_number(value) for value in (float("nan"), float("inf"), 10**400, "1", True, None))


def test_valid_json_lines_are_read_and_others_reported(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_json_lines(path, dict, {}) == ([], "")
    lines = ['{"epoch": 1}', "no json", '{"epoch": "2"}', "[3]", "", '{"epoch": 4}', '{"epo']
    path.write_text("\n".join(lines))
    rows, wrong = read_json_lines(path, lambda row: row, {"epoch": is_count})
    assert rows == [{"epoch": 1}, {"epoch": 4}]
    assert str(path) in wrong and "line 2" in wrong and "4 more lines" in wrong
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    rows, wrong = read_json_lines(path, dict, {})
    assert rows == [] and str(path) in wrong


def test_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert read_last_log_lines(path, 2) == ""
    path.write_text("one\ntwo\nthree\n")
    assert read_last_log_lines(path, 2) == "two\nthree"
    with path.open("ab") as file:
        file.truncate(200 * 2**20)  # a line of 200 MB
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    assert len(read_log_end(path)) <= LOG_TAIL_BYTES
    assert read_last_log_lines(path, 12).endswith("the end") and len(read_last_log_lines(path, 12)) <= 500
    path.unlink()
    path.mkdir()
    assert str(path) in read_last_log_lines(path, 12)


@pytest.mark.parametrize("folder", [*REAL_MODEL_FOLDERS, *PRACTICE_MODELS], ids=lambda folder: folder.name)
def test_included_cards_are_valid(folder: Path) -> None:
    assert read_model_card(folder)["modality"]


CARDS = {
    "modality": ["audio"],
    "preset": None,
    "data": {"name": "a"},  # it does not say whether they are synthetic
    "licence": 5,
    "trained_on": {"people": ["real"]},
    "metrics": {"n": 1, "sources": 1, "traits": {"openness": {"accuracy": "high"}}},
    "unseen": {"n": 1},
    "training_labels": {"openness": [0.1, 0.2]},
    "conformal": {"openness": [0.1]},
    "training_clips": "many",
}


@pytest.mark.parametrize("name", CARDS)
def test_invalid_card_is_named(name: str, tmp_path: Path) -> None:
    card = json.loads((PRACTICE_MODELS[0] / MODEL_CARD_FILE).read_text())
    (tmp_path / MODEL_CARD_FILE).write_text(json.dumps({**card, name: CARDS[name]}))
    with pytest.raises(DamagedFileError, match=name) as found:
        read_model_card(tmp_path)
    assert str(tmp_path / MODEL_CARD_FILE) in str(found.value)
