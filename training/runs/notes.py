"""The note of a run: a short text by a person, in `note.txt` of the run's folder."""

from __future__ import annotations

from personality.utils.atomic_files import write_bytes
from training.runs.run import Run

NOTE_FILE = "note.txt"
MAX_NOTE_CHARACTERS = 500


def read_note(run: Run) -> str:
    """Return the note of a run as one line of at most `MAX_NOTE_CHARACTERS`; empty if there is none."""
    try:
        with (run.folder / NOTE_FILE).open("rb") as file:
            text = file.read(4 * MAX_NOTE_CHARACTERS).decode("utf-8", "replace")  # at most four bytes per character
    except OSError:
        return ""
    return " ".join(text.split())[:MAX_NOTE_CHARACTERS]


def write_note(run: Run, text: str) -> None:
    """Replace the note of a run; an empty text removes it. Raises ValueError if the text is too long."""
    if len(text) > MAX_NOTE_CHARACTERS:
        raise ValueError(f"A note of {len(text):,} characters; at most {MAX_NOTE_CHARACTERS:,} are kept, shorten it.")
    if text.strip():
        write_bytes(run.folder / NOTE_FILE, text.strip().encode())
    else:
        (run.folder / NOTE_FILE).unlink(missing_ok=True)
