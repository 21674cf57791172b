import io
import json

import numpy as np
import pandas as pd

from personality.analysis.export import rows_to_csv, rows_to_json, rows_to_safe_csv
from personality.analysis.jackknife import INTERVAL_METHOD


def test_exports_contain_the_interval_method() -> None:
    rows = pd.DataFrame({"model": ["a"], "accuracy": [0.9], "low": [np.nan]})
    back = pd.read_csv(io.StringIO(rows_to_csv(rows)))
    assert back.iloc[0][["model", "accuracy", "method", "level"]].tolist() == [
        "a",
        0.9,
        INTERVAL_METHOD,
        0.95,
    ]
    made = json.loads(rows_to_json(rows))
    assert made["rows"] == [{"model": "a", "accuracy": 0.9, "low": None}]
    assert (made["method"], made["level"]) == (INTERVAL_METHOD, 0.95)


def test_spreadsheet_formulas_are_escaped() -> None:
    names = ["=1+1", "+1", "-0Ssq.mp4", "@sum", "\tx", "\rx", "a\r=1", "", None]
    rows = pd.DataFrame({"clip": names, "group": pd.Categorical(names), "gap": [-0.5] * len(names)})
    back = pd.read_csv(io.StringIO(rows_to_safe_csv(rows)), keep_default_na=False)
    for column in ("clip", "group"):
        assert back[column].tolist() == ["'=1+1", "'+1", "'-0Ssq.mp4", "'@sum", "'\tx", "' x", "a =1", "", ""]
    assert back["gap"].tolist() == [-0.5] * len(names)
    assert pd.read_csv(io.StringIO(rows_to_csv(rows)))["clip"][0] == "'=1+1"
