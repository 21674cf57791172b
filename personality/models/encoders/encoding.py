"""Names of encoders and of the tables of their features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FACE_KINDS, SOUND_KINDS = ("timm", "dlib"), ("torchaudio", "opensmile", "speaker")
WORD_KINDS = ("sentence-transformers",)
ENCODER_KINDS = (*FACE_KINDS, *SOUND_KINDS, *WORD_KINDS)
IDENTITY_KINDS = ("dlib", "speaker")  # biometric: trained to identify people
DIGEST_DIGITS = 12
WINDOW_MARK = ",5s"  # marks tables whose encoder read only the first 5 s of the sound
MAX_ENCODER_NAME_CHARS = 120
MAX_ENCODER_COLUMNS = 1_000_000  # columns of a table: steps times size
TABLE_PATTERN = re.compile(
    rf"(?P<encoder>[^@,:]+:[^@,]+)@(?P<digest>[0-9a-f]{{{DIGEST_DIGITS}}})(?P<window>{WINDOW_MARK})?"
)


class EncoderError(ValueError):
    """An encoder that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Encoding:
    """Features of one encoder, as a table of a cache and as inputs of a model.

    Attributes
    ----------
    encoder : str
        KIND:NAME, such as `timm:vit_small_patch14_dinov2.lvd142m`.
    digest : str
        The first digits of the SHA-256 hash of its weights; features of other weights are stored in another table.
    window : bool
        Whether a sound encoder read only the first 5 s, because the cache stores no more.
    """

    encoder: str
    digest: str
    window: bool = False

    @property
    def kind(self) -> str:
        """Return the kind, one of ENCODER_KINDS."""
        return self.encoder.partition(":")[0]

    @property
    def table(self) -> str:
        """Return the name of the table."""
        return f"{self.encoder}@{self.digest}{WINDOW_MARK if self.window else ''}"

    @property
    def reads_words(self) -> bool:
        """Return whether the encoder reads the transcript."""
        return self.kind in WORD_KINDS

    @property
    def reads_faces(self) -> bool:
        """Return whether the encoder reads faces."""
        return self.kind in FACE_KINDS


def parse_encoder(text: str) -> str:
    """Return a name of an encoder after checking it. Raises EncoderError if it is not valid."""
    kind, colon, name = text.partition(":")
    if kind not in ENCODER_KINDS or not colon or not name or "@" in text or "," in text or not text.isprintable():
        raise EncoderError(
            f"{text[:MAX_ENCODER_NAME_CHARS]!r} is no encoder; expected KIND:NAME, such as timm:tf_efficientnet_lite0, "
            f"with one of {', '.join(ENCODER_KINDS)}."
        )
    if len(text) > MAX_ENCODER_NAME_CHARS:
        raise EncoderError(f"The name of an encoder has {len(text)} characters; at most {MAX_ENCODER_NAME_CHARS}.")
    return text


def parse_table(name: str) -> Encoding | None:
    """Return the encoding that the name of a table describes; None for tables that are not of an encoder."""
    found = TABLE_PATTERN.fullmatch(name)
    if found is None:
        return None
    return Encoding(parse_encoder(found["encoder"]), found["digest"], found["window"] is not None)


def name_columns(steps: int, size: int) -> tuple[str, ...]:
    """Return the column names STEP/NUMBER of features (steps, size), row by row."""
    return tuple(f"{step}/{number}" for step in range(steps) for number in range(size))


def count_steps(columns: tuple[str, ...]) -> int:
    """Return the number of steps over time of a table with these columns: one unless they are named by `name_columns`.

    All names are compared: a table with incomplete steps has one step.
    """
    groups = [column.partition("/")[0] for column in columns]
    steps = len(set(groups))
    return steps if steps and columns == name_columns(steps, len(columns) // steps) else 1


def describe_columns(columns: Sequence[str]) -> list[str] | dict[str, int]:
    """Return the columns of a table for a model's card; for the many columns of an encoder, only steps and size."""
    steps = count_steps(tuple(columns))
    return {"steps": steps, "size": len(columns) // steps} if steps > 1 or columns[:1] == ("0/0",) else list(columns)


def read_columns(described: Any) -> tuple[str, ...]:
    """Return the columns that a card describes. Raises ValueError unless the format is that of `describe_columns`."""
    if isinstance(described, dict):
        steps, size = described.get("steps"), described.get("size")
        if not isinstance(steps, int) or not isinstance(size, int) or min(steps, size) < 1:
            raise ValueError(f"tables: got {steps!r} steps of {size!r} numbers; expected whole numbers above 0")
        if steps * size > MAX_ENCODER_COLUMNS:
            raise ValueError(f"tables: {steps * size:,} columns; at most {MAX_ENCODER_COLUMNS:,} are accepted")
        return name_columns(steps, size)
    if not isinstance(described, list) or not all(isinstance(one, str) for one in described) or not described:
        raise ValueError("tables: expected names of columns, or the steps and size of an encoder's features")
    return tuple(described)
