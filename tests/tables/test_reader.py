"""Reading of tables: encodings, delimiters, limits, and small files that expand beyond the memory."""

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from personality.constants import TableLimits
from personality.tables.errors import TableError
from personality.tables.reader import read_table

LIMITS = TableLimits(file_bytes=2**20, memory_bytes=2**20, rows=10_000, columns=50, characters=100)


def read(data: bytes) -> pd.DataFrame:
    return read_table(io.BytesIO(data), "t", limits=LIMITS)


def parquet(columns: dict, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "lines",
    [
        ["clip,é", '"a, b",0.5', "NA,1e5", "", "00123,"],
        ["sep=;", "clip;é", '"a, b";0.5', "NA;1e5", "00123;"],
        ["clip\té", "a, b\t0.5", "NA \t1e5", "00123\t"],
        ["clip|é|", "a, b|0.5|", "NA|1e5|", "00123||"],
    ],
)
def test_encodings_newlines_and_delimiters_are_detected(encoding: str, newline: str, lines: list[str]) -> None:
    table = read((newline.join(lines) + newline).encode(encoding))
    assert table["clip"].tolist() == ["a, b", "NA", "00123"]
    assert table["é"].fillna("missing").tolist() == ["0.5", "1e5", "missing"]


def test_decimal_commas_are_not_delimiters() -> None:
    assert read(b"clip;o;c\na;0,5;0,25\n").loc[0].tolist() == ["a", "0,5", "0,25"]
    assert read(b"id  o c\nV1  4.9 3\n").loc[0].tolist() == ["V1", "4.9", "3"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"clip,o\n", "no rows"),
        (b"\n\n", "first line"),
        (b"clip,o\na,0,5\n", "line 2 has 3 cells"),
        (b"clip,o\nb,1\na,0,5,7\n", "line 3 has 4 cells"),
        (b'clip,o\n"a,1\n', "first line"),
        (b"clip,clip\na,b\n", "two columns .* clip"),
        (b"\x89PNG\0\0\0\0", "neither parquet nor text"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x1f\x8brest", "compressed"),
        (b"PAR1 and no more", "damaged"),
        (b"x" * (2**20 + 1), "MB"),
        (b"clip\n" + b"x" * 101, "characters"),
        (b",".join(b"c%d" % number for number in range(51)) + b"\n1", "51 columns"),
        (b"clip\n" + b"a\n" * 10_001, "rows"),
        (b",".join(b"c%d" % number for number in range(50)) + b"\n" + b"a\n" * 9_000, "cells"),
        (parquet({"a": [[1], [2]]}), "column a .*list"),
        (parquet({"a": [{"b": 1}]}), "column a .*struct"),
        (parquet({"a": [b"x"]}), "column a .*binary"),
        (parquet({"a": [0] * 10_001}), "rows"),
        (parquet({f"c{number}": [0] for number in range(51)}), "51 columns"),
        (parquet({"a": ["x" * 101]}), "bytes in a cell"),
        (parquet({"a": ["x" * 99] * 10_000, "b": ["y" * 99] * 10_000}), "bytes"),
        (parquet({"a": pa.array(["x" * 99] * 10_000).dictionary_encode()} | {"b": ["y"] * 10_000}), None),
    ],
)
def test_invalid_or_too_large_table_raises_clear_error(data: bytes, words: str | None) -> None:
    if words is None:
        assert read(data).shape == (10_000, 2)
        return
    with pytest.raises(TableError, match=words) as caught:
        read(data)
    assert str(caught.value).startswith("t cannot be read: ")
    assert len(str(caught.value).splitlines()) == 1


def test_error_names_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match=tmp_path.name):
        read_table(tmp_path)


def test_dictionary_encoded_text_cannot_exceed_the_memory_limit() -> None:
    """5,000,000 rows that refer to one text of 30,000 characters: 150 GB from less than 100 kB."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000_000, pa.int8()), ["x" * 30_000])
    data = parquet({"a": words})
    assert len(data) < 100_000
    with pytest.raises(TableError, match="150,000,000,000 bytes of text"):
        read_table(io.BytesIO(data), "t", limits=replace(TableLimits(), memory_bytes=2**30))


def test_only_boolean_attrs_are_read(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1]})
    table.attrs = {"synthetic": True, "origin": ["/operator/table.parquet", 1]}
    table.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").attrs == {"synthetic": True}


def test_parquet_types_are_kept() -> None:
    table = read(
        parquet({"i": [1, 2], "x": [0.5, None], "t": ["a", None], "d": pa.array(["u", "v"]).dictionary_encode()})
    )
    assert table.dtypes.astype(str).to_dict() == {"i": "int64", "x": "float64", "t": "str", "d": "str"}
