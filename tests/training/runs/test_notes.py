"""Notes of runs: what is written is read; a file of someone else cannot fill a table."""

import json
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from training.__main__ import main
from training.config.run_config import preset
from training.runs.compare import format_run_summaries, summarise_runs
from training.runs.notes import MAX_NOTE_CHARACTERS, NOTE_FILE, read_note, read_tags, write_note
from training.runs.run import Run


@pytest.fixture
def run(cache: Cache, tmp_path: Path) -> Run:
    created = Run(tmp_path / "audio")
    created.create(preset("audio"), cache.folder)
    return created


def test_a_note_is_written_listed_replaced_and_removed(run: Run) -> None:
    assert read_note(run) == ""
    write_note(run, " wider window, größer\n")
    assert read_note(run) == "wider window, größer"
    (summary,) = summarise_runs([run])
    assert summary.note == "wider window, größer"
    assert format_run_summaries([summary])[1].endswith("wider window, größer")
    write_note(run, "  ")
    assert not (run.folder / NOTE_FILE).exists()
    assert read_note(run) == ""


def test_a_note_that_is_too_long_is_refused_and_the_old_one_kept(run: Run) -> None:
    write_note(run, "first")
    with pytest.raises(ValueError, match="501"):
        write_note(run, "a" * (MAX_NOTE_CHARACTERS + 1))
    assert read_note(run) == "first"


def test_a_note_file_of_any_content_is_one_short_line(run: Run) -> None:
    (run.folder / NOTE_FILE).write_bytes(b"a\n\xff\x00b " * 10_000)
    note = read_note(run)
    assert len(note) <= MAX_NOTE_CHARACTERS
    assert "\n" not in note
    (run.folder / NOTE_FILE).unlink()
    (run.folder / NOTE_FILE).mkdir()
    assert read_note(run) == ""


def test_words_with_a_number_sign_are_tags_and_select_runs(run: Run, capsys: pytest.CaptureFixture) -> None:
    write_note(run, "#Ablation: wider window, #größe. # alone, not#this #ablation")
    assert read_tags(run) == ["ablation", "größe"]
    found = {}
    for tag in ("ablation", "GRÖSSE", "größe", "alone"):
        assert main(["list", str(run.folder.parent), "--tag", tag, "--json"]) == 0
        found[tag] = [row["run"] for row in json.loads(capsys.readouterr().out)]
    assert found == {"ablation": ["audio"], "GRÖSSE": [], "größe": ["audio"], "alone": []}
