import io
import json

import numpy as np
import pandas as pd

from personality.analysis.export import as_csv, as_json
from personality.analysis.jackknife import METHOD


def test_every_export_says_how_it_was_made() -> None:
    rows = pd.DataFrame({"model": ["a"], "accuracy": [0.9], "low": [np.nan]})
    back = pd.read_csv(io.StringIO(as_csv(rows)))
    assert back.iloc[0][["model", "accuracy", "method", "level"]].tolist() == [
        "a",
        0.9,
        METHOD,
        0.95,
    ]
    made = json.loads(as_json(rows))
    assert made["rows"] == [{"model": "a", "accuracy": 0.9, "low": None}]
    assert (made["method"], made["level"]) == (METHOD, 0.95)
