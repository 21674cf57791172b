"""The numbers of the project in one place, in two frozen objects."""

from __future__ import annotations

from dataclasses import dataclass

from personality.utils.public_mode import is_public

VERSION = "0.2.0.dev0"  # as in pyproject.toml


@dataclass(frozen=True)
class Preprocessing:
    """What a machine takes from a clip. A cache and a checkpoint made with other values are refused."""

    sample_rate: int = 16_000  # Hz
    audio_seconds: float = 5.0
    faces: int = 16  # per clip, spread evenly in time
    face_size: int = 224  # pixels, side of a crop
    face_padding: float = 0.25  # of dlib's aligned chip
    detection_width: int = 640  # pixels; frames are reduced to this width to look for faces

    @property
    def samples(self) -> int:
        """Audio samples in a clip's window."""
        return round(self.sample_rate * self.audio_seconds)


@dataclass(frozen=True)
class Limits:
    """What a file from a person may be at most."""

    upload_bytes: int = 50 * 2**20
    seconds: float = 60.0
    width: int = 4096
    height: int = 2160
    streams: int = 8
    annotation_bytes: int = 16 * 2**20
    zip_clip_bytes: int = 64 * 2**20
    zip_archive_bytes: int = 4 * 2**30
    zip_members: int = 20_000
    reader_seconds: float = 20.0  # for the process that reads an upload
    reader_bytes: int = 1536 * 2**20  # of memory, beside what it starts with
    readers: int = 2  # at once; other uploads wait

    @property
    def pixels(self) -> int:
        """Of a picture, however long its sides are."""
        return self.width * self.height


@dataclass(frozen=True)
class TableLimits:
    """What a table from a person may be at most; checked before it is read."""

    file_bytes: int = 1024 * 2**20
    memory_bytes: int = 4096 * 2**20  # of all its cells once they are read
    rows: int = 20_000_000
    columns: int = 20_000
    characters: int = 32_768  # in a cell
    models: int = 200  # in a predictions table


# The warnings against misuse: on model cards and exported predictions, and on pages that show a person's traits.
_MEANING, _NOT_FOR = (
    "impressions of strangers, not personality",
    ("Not for hiring, education, policing or any decision about a person."),
)
MISUSE_WARNING = f"{_MEANING.capitalize()}. {_NOT_FOR}"
IMPRESSION_NOTICE = (
    f"These numbers are **{_MEANING}**: predictions of how people who do not know a person would rate them after a few "
    f"seconds of video. {_NOT_FOR}"
)
PREPROCESSING = Preprocessing()
LIMITS = Limits(upload_bytes=20 * 2**20, reader_seconds=10.0) if is_public() else Limits()
PUBLIC_TABLE_LIMITS = TableLimits(
    LIMITS.upload_bytes, 256 * 2**20, rows=500_000, columns=500, characters=4_096, models=50
)
TABLE_LIMITS = PUBLIC_TABLE_LIMITS if is_public() else TableLimits()
