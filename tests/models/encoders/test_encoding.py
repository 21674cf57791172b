"""Names of encoders and of their tables."""

import pytest

from personality.models.encoders.encoding import (
    EncoderError,
    Encoding,
    count_steps,
    describe_columns,
    name_columns,
    parse_encoder,
    parse_table,
    read_columns,
)


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding("timm:vit_small_patch14_dinov2.lvd142m", "0123456789ab"),
        Encoding("torchaudio:WAVLM_BASE", "0123456789ab", window=True),
        Encoding("sentence-transformers:org/name", "ffffffffffff"),
    ],
)
def test_table_name_identifies_its_encoder(encoding: Encoding) -> None:
    assert parse_table(encoding.table) == encoding


@pytest.mark.parametrize(
    "name", ["voice_descriptors", "timm:x", "x@0123456789ab", "timm:x@0123", "timm:x@0123456789ab,6s"]
)
def test_other_tables_have_no_encoder(name: str) -> None:
    assert parse_table(name) is None


@pytest.mark.parametrize(
    "name", ["", "timm", "timm:", "hub:x", "timm:a@b", "timm:a,5s", "timm:a\nb", "timm:" + "a" * 200]
)
def test_invalid_encoder_name_raises(name: str) -> None:
    with pytest.raises(EncoderError):
        parse_encoder(name)


def test_column_names_and_steps_by_hand() -> None:
    assert name_columns(2, 3) == ("0/0", "0/1", "0/2", "1/0", "1/1", "1/2")
    assert count_steps(name_columns(2, 3)) == 2
    assert count_steps(("embedding/0", "embedding/1", "words/pace")) == 1
    assert count_steps(("a", "b")) == 1


@pytest.mark.parametrize("columns", [name_columns(8, 5), name_columns(1, 4), ("a", "b"), ("embedding/0", "words/a")])
def test_column_description_is_read_back(columns: tuple[str, ...]) -> None:
    assert read_columns(describe_columns(columns)) == columns


def test_regular_columns_are_described_by_their_numbers() -> None:
    assert describe_columns(name_columns(8, 1280)) == {"steps": 8, "size": 1280}


@pytest.mark.parametrize(
    "described", [[], [1], "ab", {"steps": 0, "size": 3}, {"steps": 10**6, "size": 10**6}, {}, None]
)
def test_invalid_column_description_raises(described: object) -> None:
    with pytest.raises(ValueError, match="tables"):
        read_columns(described)
