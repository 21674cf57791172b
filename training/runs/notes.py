"""The note of a run: a short text by a person, in `note.txt` of the run's folder. Words that begin with # are tags."""

from __future__ import annotations

from personality.utils.atomic_files import write_bytes
from personality.utils.untrusted_files import DamagedFileError, read_bounded_bytes
from training.runs.run import Run

NOTE_FILE = "note.txt"
MAX_NOTE_CHARACTERS = 500


def read_note(run: Run) -> str:
    """Return the note of a run as one line of at most `MAX_NOTE_CHARACTERS`; empty if there is none."""
    try:
        data = read_bounded_bytes(run.folder / NOTE_FILE, 4 * MAX_NOTE_CHARACTERS)  # at most four bytes per character
    except DamagedFileError:
        return ""
    return " ".join(data.decode(errors="replace").split())[:MAX_NOTE_CHARACTERS]


def read_tags(run: Run) -> list[str]:
    """Return the tags in the note of a run, in lower case and without #."""
    words = (word.strip(",.;:").lower() for word in read_note(run).split() if word.startswith("#"))
    return list(dict.fromkeys(word[1:] for word in words if len(word) > 1))


def write_note(run: Run, text: str) -> None:
    """Replace the note of a run; an empty text removes it. Raises ValueError if the text is too long."""
    if len(text) > MAX_NOTE_CHARACTERS:
        raise ValueError(f"A note of {len(text):,} characters; at most {MAX_NOTE_CHARACTERS:,} are kept, shorten it.")
    if text.strip():
        write_bytes(run.folder / NOTE_FILE, text.strip().encode())
    else:
        (run.folder / NOTE_FILE).unlink(missing_ok=True)
