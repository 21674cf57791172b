"""Bounded reading of parquet: compression and dictionaries can expand a small file to any amount of memory."""

from __future__ import annotations

import json
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from personality.constants import TableLimits
from personality.tables.errors import TableError, check_table_size

PARQUET_BATCH_ROWS = 65_536
PARQUET_FOOTER_LIMITS = {"thrift_string_size_limit": 16 * 2**20, "thrift_container_size_limit": 1_000_000}
PLAIN_TYPE_CHECKS = (
    *(kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_null),
    *(kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_date, kinds.is_timestamp),
)
INDEX_COLUMN_PREFIX = "__index_level_"  # prefix that pandas uses for an index without a name
PANDAS_ATTRS_KEY = b"PANDAS_ATTRS"  # metadata key under which pandas stores the attrs of a table


def read_parquet(file: BinaryIO, limits: TableLimits) -> pd.DataFrame:
    """Read a parquet file, with the boolean attrs that pandas stored. Raises TableError if the file is damaged, exceeds
    the limits, or has columns of lists, bytes or other nested values."""
    try:
        schema = pq.ParquetFile(file, **PARQUET_FOOTER_LIMITS).schema_arrow
        _check_schema(schema, limits)
        text = [field.name for field in schema if _is_text_type(field.type)]
        # Text stays dictionary-encoded until its decoded size is checked: a long text may occur in every row.
        opened = pq.ParquetFile(file, read_dictionary=text, **PARQUET_FOOTER_LIMITS)
        _check_metadata(opened.metadata, limits)
        table = _decode_text_columns(_read_batches(opened, limits), limits)
        frame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError("it is a damaged parquet file") from error
    frame = frame.drop(columns=[name for name in frame if str(name).startswith(INDEX_COLUMN_PREFIX)])
    frame.attrs = read_boolean_attrs(schema)
    return frame


def _check_schema(schema: pa.Schema, limits: TableLimits) -> None:
    check_table_size("columns", len(schema), limits.columns)
    for field in schema:
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        if not any(is_kind(kind) for is_kind in PLAIN_TYPE_CHECKS):
            raise TableError(f"the column {field.name[:60]} contains {str(kind)[:60]}; expected numbers or text")
    names = [field.name for field in schema]
    if len(set(names)) < len(names):
        raise TableError(f"it has two columns named {max(names, key=names.count)[:60]}")


def _check_metadata(metadata: pq.FileMetaData, limits: TableLimits) -> None:
    check_table_size("rows", metadata.num_rows, limits.rows)
    sizes = (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    check_table_size("bytes once decompressed", sum(sizes), limits.memory_bytes)


def _read_batches(opened: pq.ParquetFile, limits: TableLimits) -> pa.Table:
    """All rows, counted while they are read, because the footer may be wrong."""
    batches, rows, size = [], 0, 0
    for batch in opened.iter_batches(batch_size=PARQUET_BATCH_ROWS):
        rows, size = rows + batch.num_rows, size + batch.nbytes
        check_table_size("rows", rows, limits.rows)
        check_table_size("bytes in memory", size, limits.memory_bytes)
        batches.append(batch)
    return pa.Table.from_batches(batches, opened.schema_arrow if not batches else None)


def _decode_text_columns(table: pa.Table, limits: TableLimits) -> pa.Table:
    """Decode text columns after checking their decoded size."""
    size = 0
    for place, field in enumerate(table.schema):
        if not _is_text_type(field.type):
            continue
        for chunk in table.column(place).chunks:
            encoded = chunk if kinds.is_dictionary(chunk.type) else chunk.dictionary_encode()
            lengths = pc.binary_length(encoded.dictionary.cast(pa.large_string()))
            check_table_size(f"bytes in a cell of {field.name[:60]}", pc.max(lengths).as_py() or 0, limits.characters)
            size += pc.sum(lengths.take(encoded.indices)).as_py() or 0
        check_table_size("bytes of text", size, limits.memory_bytes)
    text = pa.schema([pa.field(f.name, pa.large_string()) if _is_text_type(f.type) else f for f in table.schema])
    return table.cast(text)


def _is_text_type(kind: pa.DataType) -> bool:
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def read_boolean_attrs(schema: pa.Schema) -> dict[str, bool]:
    """The boolean attrs in the metadata of a file. Others are ignored, because pages store attrs of their own that an
    uploaded file must not set."""
    try:
        found = json.loads((schema.metadata or {}).get(PANDAS_ATTRS_KEY, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, bool)} if isinstance(found, dict) else {}
