"""Tables with changed bytes, and small files that expand to gigabytes: a table, or a one-sentence error."""

import io
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from personality.constants import PUBLIC_TABLE_LIMITS
from personality.tables.errors import TableError
from personality.tables.reader import read_table


def parquet(columns: dict, **how: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **how)
    return stream.getvalue()


def files() -> list[bytes]:
    table = pd.DataFrame({"clip": ["a", "b"] * 50, "openness": 0.5, "n": range(100)})
    text = table.to_csv(index=False)
    return [parquet(dict(table.items())), text.encode(), text.replace(",", ";").encode("utf-16")]


def test_mutants_are_read_or_rejected(share: Callable[[int, int], int], outcome: Callable[[str, str], None]) -> None:
    random, count, longest = np.random.default_rng(0), share(1500, 150), 0.0
    ended: dict[str, int] = {"read": 0, "rejected": 0}
    for number in range(count):
        mutant = np.frombuffer(files()[number % 3], np.uint8).copy()
        places = random.integers(0, len(mutant), random.integers(1, 4))
        mutant[places] = random.integers(0, 256, len(places))
        began = time.perf_counter()
        try:
            read_table(io.BytesIO(mutant.tobytes()), "t", limits=PUBLIC_TABLE_LIMITS)
            ended["read"] += 1
        except TableError as error:
            assert len(str(error).splitlines()) == 1
            ended["rejected"] += 1
        longest = max(longest, time.perf_counter() - began)
    assert longest < 5
    assert min(ended.values()) > count / 100
    words = ", ".join(f"{number} {how}" for how, number in ended.items())
    outcome("mutated tables (Parquet and text)", f"of {count:,}: {words}; at most {longest:.2f} s")


@pytest.mark.parametrize(
    "make",
    [
        lambda: parquet({"a": pa.DictionaryArray.from_arrays(pa.array([0] * 400_000, pa.int8()), ["x" * 4_000])}),
        lambda: parquet({f"c{number}": np.zeros(400_000) for number in range(100)}, compression="zstd"),
        lambda: parquet({"a": np.zeros(1_000_000)}),
        lambda: b",".join(b"c%d" % number for number in range(500)) + b"\n" + b"a\n" * 400_000,
        lambda: b"a\n" + b"\n" * 600_000 + b"1",
    ],
)
def test_small_files_that_expand_are_rejected(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) < PUBLIC_TABLE_LIMITS.file_bytes / 4
    with pytest.raises(TableError):
        read_table(io.BytesIO(data), "t", limits=PUBLIC_TABLE_LIMITS)
