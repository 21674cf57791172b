"""Constants of preprocessing, and limits of the files that are accepted."""

from __future__ import annotations

from dataclasses import dataclass

from personality.utils.public_mode import is_public

VERSION = "0.2.0.dev0"  # as in pyproject.toml
# Suffixes of the files that are read.
VIDEO_SUFFIXES = (
    *(".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".flv"),
    *(".3gp", ".gif", ".heic"),
)
SOUND_SUFFIXES = (".wav", ".mp3", ".m4a")  # of which voice and words can be predicted
PREDICTED_SUFFIXES = VIDEO_SUFFIXES + SOUND_SUFFIXES
INTERRUPTED_STATUS = 130  # exit status of a command that Ctrl-C ended, as shells report it


@dataclass(frozen=True)
class Preprocessing:
    """What is read from a clip. Caches and checkpoints made with other values are rejected."""

    sample_rate: int = 16_000  # Hz
    audio_seconds: float = 5.0
    faces: int = 16  # per clip, spread evenly in time
    face_size: int = 224  # pixels, side of a crop
    face_padding: float = 0.25  # of dlib's aligned chip
    detection_width: int = 640  # pixels; frames are resized to this width for face detection

    @property
    def samples(self) -> int:
        """Audio samples in a clip's window."""
        return round(self.sample_rate * self.audio_seconds)


@dataclass(frozen=True)
class Limits:
    """Upper limits of media files and archives, the same everywhere. For those of uploads, see `upload_limits`."""

    seconds: float = 60.0
    width: int = 4096
    height: int = 2160
    streams: int = 64
    annotation_bytes: int = 16 * 2**20
    zip_clip_bytes: int = 64 * 2**20
    zip_archive_bytes: int = 4 * 2**30
    zip_members: int = 20_000
    reader_bytes: int = 1536 * 2**20  # memory of the process that reads an upload, beyond what it uses at its start
    readers: int = 2  # number of uploads that are read at the same time; others wait

    @property
    def pixels(self) -> int:
        """The largest area of a picture, whatever its sides."""
        return self.width * self.height


@dataclass(frozen=True)
class UploadLimits:
    """Upper limits of an upload and of the process that reads it."""

    file_bytes: int = 50 * 2**20
    reader_seconds: float = 20.0


@dataclass(frozen=True)
class TableLimits:
    """Upper limits of a table file, checked before and while it is read."""

    file_bytes: int = 1024 * 2**20
    memory_bytes: int = 4096 * 2**20  # all cells after reading
    rows: int = 20_000_000
    columns: int = 20_000
    characters: int = 32_768  # per cell
    models: int = 200  # per predictions table


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
LIMITS = Limits()
LOCAL_UPLOAD_LIMITS = UploadLimits()
PUBLIC_UPLOAD_LIMITS = UploadLimits(file_bytes=20 * 2**20, reader_seconds=10.0)
LOCAL_TABLE_LIMITS = TableLimits()
PUBLIC_TABLE_LIMITS = TableLimits(
    PUBLIC_UPLOAD_LIMITS.file_bytes, 256 * 2**20, rows=500_000, columns=500, characters=4_096, models=50
)


def upload_limits() -> UploadLimits:
    """The limits of uploads, stricter on a public server (`public_mode.is_public`)."""
    return PUBLIC_UPLOAD_LIMITS if is_public() else LOCAL_UPLOAD_LIMITS


def table_limits() -> TableLimits:
    """The limits of tables, stricter on a public server (`public_mode.is_public`)."""
    return PUBLIC_TABLE_LIMITS if is_public() else LOCAL_TABLE_LIMITS
