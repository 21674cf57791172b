"""Fuzz the probe of videos and stills: it tells or raises MediaError, whatever comes. `make fuzz` runs it.

FFmpeg itself is not instrumented: what is searched is our way through it, and what kills the process.
"""

import sys
from pathlib import Path

import atheris
import cv2

with atheris.instrument_imports(include=["personality"]):
    from personality.preprocessing.media import Metadata, probe
    from personality.preprocessing.media_errors import MediaError

from tests.hostile.videos import KINDS, good_clip
from tests.preprocessing.clips import sample_picture


def seeds(folder: Path) -> None:
    """A good clip of every kind, and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        good_clip(folder, *kind)
    cv2.imwrite(str(folder / "good.png"), sample_picture()[::8, ::8])


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
