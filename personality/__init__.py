"""Apparent personality: how people appear to strangers in a short video, and how fairly a machine reproduces it.

The names below are the public interface; everything else may change. They are imported when first used, so that
`import personality` takes milliseconds.

>>> import personality
>>> for impression in personality.predict("demo/sample_speech.mp4"):
...     print(impression.model, impression.traits)

>>> table = personality.read_predictions("predictions.parquet")
>>> personality.accuracy_by(table, ["gender"])
>>> personality.compare_groups(table, ["gender"]).gaps
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from personality.constants import VERSION

if TYPE_CHECKING:
    from personality.analysis.gaps import compare_groups
    from personality.analysis.groups import accuracy_by
    from personality.analysis.recalibration import recalibrate
    from personality.analysis.worst_groups import find_worst_groups
    from personality.dataset import load_dataset
    from personality.inference.evaluate import evaluate
    from personality.inference.import_predictions import import_predictions
    from personality.inference.predict import Impression, Unavailable, load_models, predict
    from personality.models.checkpoint import Model
    from personality.predictions.assemble import join_predictions
    from personality.predictions.prediction_files import read_predictions, write_predictions
    from personality.predictions.predictions_table import PredictionsError
    from personality.preprocessing.build_cache import preprocess
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.media_errors import MediaError
    from personality.preprocessing.sample import Sample, read_sample
    from personality.synthetic.people import synthesize


__version__ = VERSION
_MODULES = {
    **dict.fromkeys(("Impression", "Unavailable", "load_models", "predict"), "inference.predict"),
    **dict.fromkeys(("Sample", "read_sample"), "preprocessing.sample"),
    **dict.fromkeys(("read_predictions", "write_predictions"), "predictions.prediction_files"),
    "Model": "models.checkpoint",
    "MediaError": "preprocessing.media_errors",
    "PredictionsError": "predictions.predictions_table",
    "accuracy_by": "analysis.groups",
    "compare_groups": "analysis.gaps",
    "find_worst_groups": "analysis.worst_groups",
    "recalibrate": "analysis.recalibration",
    "join_predictions": "predictions.assemble",
    "import_predictions": "inference.import_predictions",
    "evaluate": "inference.evaluate",
    "load_dataset": "dataset",
    "preprocess": "preprocessing.build_cache",
    "Cache": "preprocessing.cache",
    "synthesize": "synthetic.people",
}

__all__ = [
    "Cache",
    "Impression",
    "MediaError",
    "Model",
    "PredictionsError",
    "Sample",
    "Unavailable",
    "accuracy_by",
    "compare_groups",
    "evaluate",
    "find_worst_groups",
    "import_predictions",
    "join_predictions",
    "load_dataset",
    "load_models",
    "predict",
    "preprocess",
    "read_predictions",
    "read_sample",
    "recalibrate",
    "synthesize",
    "write_predictions",
]

# The runtime of the age and gender network reports its use to Microsoft, from native code, unless this is set before it
# is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'personality' has no attribute {name!r}")
    value = getattr(import_module(f"personality.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
