"""The names of encoders, and of the tables of their features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FACE_KINDS, SOUND_KINDS = ("timm", "dlib"), ("torchaudio", "opensmile", "speaker")
WORD_KINDS = ("sentence-transformers",)
ENCODER_KINDS = (*FACE_KINDS, *SOUND_KINDS, *WORD_KINDS)
IDENTITY_KINDS = ("dlib", "speaker")  # biometric: trained to tell who a person is
DIGEST_DIGITS = 12
WINDOW_MARK = ",5s"  # of a table whose encoder read the first 5 s of the sound only
MAX_ENCODER_NAME_CHARS = 120
MAX_ENCODER_COLUMNS = 1_000_000  # of a table: steps times size
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
        The first digits of the sha256 of its weights: features of other weights are another table.
    window : bool
        Whether a sound encoder read the first 5 s only, because the cache holds no more.
    """

    encoder: str
    digest: str
    window: bool = False

    @property
    def kind(self) -> str:
        """One of ENCODER_KINDS."""
        return self.encoder.partition(":")[0]

    @property
    def table(self) -> str:
        """The name of the table."""
        return f"{self.encoder}@{self.digest}{WINDOW_MARK if self.window else ''}"

    @property
    def reads_words(self) -> bool:
        """Whether the encoder reads the transcript."""
        return self.kind in WORD_KINDS


def parse_encoder(text: str) -> str:
    """An encoder's name as it was typed, checked. Raises EncoderError."""
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
    """The encoding of a table's name; None for other tables."""
    found = TABLE_PATTERN.fullmatch(name)
    if found is None:
        return None
    return Encoding(parse_encoder(found["encoder"]), found["digest"], found["window"] is not None)


def name_columns(steps: int, size: int) -> tuple[str, ...]:
    """The columns STEP/NUMBER of features (steps, size), row by row."""
    return tuple(f"{step}/{number}" for step in range(steps) for number in range(size))


def count_steps(columns: tuple[str, ...]) -> int:
    """How many steps over time the columns of a table describe: those of `name_columns`; any other table has one.

    The columns of an encoder are checked: a table whose steps are not complete counts as one step.
    """
    groups = [column.partition("/")[0] for column in columns]
    steps = len(set(groups))
    return steps if steps and columns == name_columns(steps, len(columns) // steps) else 1


def describe_columns(columns: Sequence[str]) -> list[str] | dict[str, int]:
    """The columns of a table for a model's card: of an encoder's thousands, only steps and size."""
    steps = count_steps(tuple(columns))
    return {"steps": steps, "size": len(columns) // steps} if steps > 1 or columns[:1] == ("0/0",) else list(columns)


def read_columns(described: Any) -> tuple[str, ...]:
    """The columns that a card describes. Raises ValueError if the description is not one of `describe_columns`."""
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
