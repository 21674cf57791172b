import numpy as np
import pandas as pd

from personality.charts import MODEL_COLOURS, accuracy_dots, envelope, model_colours, trait_dots

ROW = {"sources": 2, "low": 0.8, "high": 0.95, "signed_error": 0.0, "baseline": 0.85, "trait": "mean"}


def test_envelope_by_hand() -> None:
    samples = np.array([0.1, -0.2, 0.3, 0.0, -0.5, 0.4, 9.0], np.float32)
    np.testing.assert_allclose(envelope(samples, 3), [[-0.2, 0.1], [0.0, 0.3], [-0.5, 0.4]])


def test_dots_stand_where_the_figures_are_and_empty_groups_are_left_out() -> None:
    cells = [("a", "male", 4, 0.9), ("a", "female", 6, 0.8), ("a", "other", 0, np.nan)]
    rows = pd.DataFrame([{**ROW, "model": m, "group": g, "n": n, "accuracy": a} for m, g, n, a in cells])
    figure = accuracy_dots(rows, line="group", colour="model", colours={"a": "#000000"})
    dots, ticks = figure.data
    assert list(dots.x) == [0.9, 0.8]
    assert list(ticks.x) == [0.85, 0.85]
    np.testing.assert_allclose(dots.error_x.array, [0.05, 0.15])
    assert list(figure.layout.yaxis.ticktext) == ["male · n = 4", "female · n = 6"]


def test_shipped_models_keep_their_colours_and_others_get_their_own() -> None:
    colours = model_colours(["audio", "audio-2"])
    assert colours["audio"] == MODEL_COLOURS["audio"]
    assert colours["audio-2"] not in MODEL_COLOURS.values()


def test_trait_dots_draw_one_trace_per_model() -> None:
    values = pd.DataFrame([{"model": m, "trait": "openness", "value": v} for m, v in (("audio", 0.2), ("visual", 0.7))])
    assert [(trace.name, list(trace.x)) for trace in trait_dots(values).data] == [("audio", [0.2]), ("visual", [0.7])]
