"""Fuzz the probe of videos and stills: it tells or raises MediaError, whatever comes. `make fuzz` runs it.

FFmpeg itself is not instrumented: what is searched is our way through it, and what kills the process.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["personality"]):
    from personality.preprocessing.media import Metadata, probe
    from personality.preprocessing.refusal import MediaError

from tests.preprocessing.clips import tone, write_clip

KINDS = ((".mp4", "libx264", "aac"), (".webm", "libvpx", "libopus"), (".avi", "mpeg4", "mp3"), (".mov", "mpeg4", "aac"))


def seeds(folder: Path) -> None:
    """A good clip of every kind, and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, codec, audio_codec in KINDS:
        sound = tone(0.3, 48_000, 2)
        path = folder / f"good{suffix}"
        write_clip(path, times=[0.0, 0.1, 0.2], codec=codec, audio_codec=audio_codec, sound=sound, size=(32, 32))


def one(data: bytes) -> None:
    """What must hold of any bytes."""
    try:
        found = probe(data)
    except MediaError as error:
        assert "\n" not in str(error), error
    else:
        assert isinstance(found, Metadata) and min(found.width, found.height) > 0 <= found.duration, found


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
