import numpy as np
import pandas as pd

from personality.plots.clip_plots import change_grid, trait_dots, trait_timeline, waveform_envelope


def test_envelope_by_hand() -> None:
    samples = np.array([0.1, -0.2, 0.3, 0.0, -0.5, 0.4, 9.0], np.float32)
    np.testing.assert_allclose(waveform_envelope(samples, 3), [[-0.2, 0.1], [0.0, 0.3], [-0.5, 0.4]])


def test_trait_dots_draw_one_trace_per_model() -> None:
    values = pd.DataFrame([{"model": m, "trait": "openness", "value": v} for m, v in (("audio", 0.2), ("visual", 0.7))])
    assert [(trace.name, list(trace.x)) for trace in trait_dots(values).data] == [("audio", [0.2]), ("visual", [0.7])]


def test_prediction_interval_is_drawn_if_known() -> None:
    rows = [("audio", 0.5, 0.4, 0.7), ("visual", 0.6, np.nan, np.nan)]
    values = pd.DataFrame(rows, columns=["model", "value", "low", "high"]).assign(trait="openness")
    known, unknown = trait_dots(values).data
    np.testing.assert_allclose([known.error_x.array[0], known.error_x.arrayminus[0]], [0.2, 0.1])
    assert unknown.error_x.array is None


def test_timeline_has_one_line_per_model() -> None:
    rows = pd.DataFrame({"model": ["a", "a", "b"], "time": [2.5, 5.0, 2.5], "value": [0.4, 0.5, 0.6]})
    first, second = trait_timeline(rows, 10.0).data
    assert (list(first.x), list(first.y), list(second.y)) == ([2.5, 5.0], [0.4, 0.5], [0.6])


def test_change_colours_are_centered_at_zero() -> None:
    rows = pd.DataFrame(
        {"change": ["age: 20", "age: 60"], "trait": "openness", "value": 0.5, "difference": [0.02, -0.05]}
    )
    drawn = change_grid(rows).to_dict()
    assert drawn["layer"][0]["encoding"]["color"]["scale"]["domain"] == [-0.05, 0, 0.05]
    (data,) = drawn["datasets"].values()
    assert [row["text"] for row in data] == ["+.020", "-.050"]
