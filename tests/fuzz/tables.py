"""Fuzz the reader of uploaded tables: it returns a table or raises TableError for any bytes. `make fuzz` runs it."""

import io
import sys
from pathlib import Path

import atheris
import pandas as pd

with atheris.instrument_imports(include=["personality"]):
    from personality.constants import PUBLIC_TABLE_LIMITS
    from personality.tables.errors import TableError
    from personality.tables.long_form import widen_long_table
    from personality.tables.reader import read_table


def seeds(folder: Path) -> None:
    """A valid table in several formats, wide and long."""
    folder.mkdir(parents=True, exist_ok=True)
    wide = pd.DataFrame({"clip": ["a", "b"] * 5, "openness": 0.5, "n": range(10)})
    wide.to_parquet(folder / "wide.parquet")
    text = wide.to_csv(index=False)
    (folder / "wide.csv").write_text(text)
    (folder / "semicolons.csv").write_bytes(text.replace(",", ";").replace(".", ",").encode("utf-16"))
    wide.melt(["clip", "n"], var_name="trait", value_name="predicted").to_csv(folder / "long.csv", index=False)


def one(data: bytes) -> None:
    """What must hold for any bytes."""
    try:
        found = widen_long_table(read_table(io.BytesIO(data), "t", limits=PUBLIC_TABLE_LIMITS))
    except TableError as error:
        assert "\n" not in str(error), error
    else:
        assert isinstance(found, pd.DataFrame) and len(found.columns), found


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
