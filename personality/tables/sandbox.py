"""Reading of uploaded tables in a separate process, so that malicious files only crash or exhaust that process.

`python -m personality.tables.sandbox NAME SECONDS` is the process: it reads the file from standard input and writes a
table in Arrow's stream format, or an error message, to standard output.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from typing import BinaryIO

import pandas as pd
import pyarrow as pa

from personality.constants import LIMITS, table_limits, upload_limits
from personality.tables.errors import TableError
from personality.tables.parquet import PANDAS_ATTRS_KEY, read_boolean_attrs
from personality.tables.reader import read_table
from personality.utils.locations import IMPORT_ROOT

TABLE_READER_START_SECONDS = 30.0  # maximum time to start the process
TABLE_REFUSED_STATUS = 3  # exit status with an error message on standard output
TABLE_READER_DIED = "it is damaged or too large: the process that read it ended"


def read_table_in_sandbox(data: bytes, name: str, *, seconds: float | None = None) -> pd.DataFrame:
    """`read_table` in a separate process with limits of CPU time (by default `upload_limits().reader_seconds`) and
    memory (LIMITS.reader_bytes). Raises TableError as `read_table`, and if the process exceeds a limit or dies."""
    seconds = upload_limits().reader_seconds if seconds is None else seconds
    # Unnamed files, which are removed when they are closed.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as found:
        given.write(data)
        given.seek(0)
        command = [sys.executable, "-m", __name__, name, str(round(seconds))]
        environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # others reserve more memory than they use
        try:
            done = subprocess.run(
                command,
                cwd=IMPORT_ROOT,
                stdin=given,
                stdout=found,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=seconds + TABLE_READER_START_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise TableError(f"{name} cannot be read: it took more than {seconds:.0f} s") from error
        found.seek(0)
        return _receive_table(found, done.returncode, name)


def _receive_table(found: BinaryIO, status: int, name: str) -> pd.DataFrame:
    if status == TABLE_REFUSED_STATUS:
        raise TableError(found.read(2_000).decode(errors="replace"))
    try:
        if status:
            raise EOFError
        table = pa.ipc.open_stream(found).read_all()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise TableError(f"{name} cannot be read: {TABLE_READER_DIED}.") from error
    frame = table.to_pandas(ignore_metadata=True)
    frame.attrs = read_boolean_attrs(table.schema)
    return frame


def _run_reader_process(name: str, seconds: int) -> int:
    for what, most in (
        (resource.RLIMIT_DATA, LIMITS.reader_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, table_limits().memory_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    try:
        frame = read_table(sys.stdin.buffer, name)
    except TableError as error:
        sys.stdout.write(str(error))
        return TABLE_REFUSED_STATUS
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(
        {PANDAS_ATTRS_KEY: json.dumps(frame.attrs)}
    )
    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as stream:
        stream.write_table(table)
    return 0


if __name__ == "__main__":
    sys.exit(_run_reader_process(sys.argv[1], int(sys.argv[2])))
