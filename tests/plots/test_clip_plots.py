import numpy as np
import pandas as pd

from personality.plots.clip_plots import (
    before_and_after,
    change_grid,
    paired_face_ratings,
    trait_dots,
    trait_timeline,
    waveform_envelope,
)


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


def test_ratings_of_two_faces_are_paired() -> None:
    ratings = pd.DataFrame({"Person 1": [0.2, 0.5], "Person 2": [0.6, 0.4]}, index=["well_groomed", "smart"])
    figure = paired_face_ratings(ratings)
    *lines, first, second = figure.data
    assert [(list(one.x), list(one.y)) for one in lines] == [
        ([20, 60], ["well-groomed"] * 2),
        ([50, 40], ["smart"] * 2),
    ]
    assert [(one.name, list(one.x), list(one.y)) for one in (first, second)] == [
        ("Person 1", [20, 50], ["well-groomed", "smart"]),
        ("Person 2", [60, 40], ["well-groomed", "smart"]),
    ]
    assert list(figure.layout.yaxis.categoryarray) == ["smart", "well-groomed"]  # from bottom to top


def test_before_and_after_are_in_the_order_of_the_traits() -> None:
    rows = pd.DataFrame({"model": "voice", "trait": ["extraversion", "openness"], "before": 0.4, "after": [0.5, 0.3]})
    figure = before_and_after(rows)
    assert [(one.name, list(one.x)) for one in figure.data[-2:]] == [("before", [0.4, 0.4]), ("after", [0.5, 0.3])]
    assert figure.layout.yaxis.categoryarray[-1] == "Openness"
