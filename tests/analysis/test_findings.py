"""Findings as sentences: the gaps that they name, and their figures."""

import re

import pandas as pd

from personality.analysis.findings import (
    describe_gaps,
    describe_largest_gap,
    describe_model_gains,
    select_significant_gaps,
)


def gap(model: str, gap: float, p: float, **changes: object) -> dict:
    row = {"model": model, "trait": "mean", "group": "male", "reference": "female", "n": 40, "n_reference": 50}
    size = {"gap": gap, "tested_gap": gap, "low": gap - 0.01, "high": gap + 0.01, "p_holm": p, "detectable": 0.02}
    return {**row, **size, "measure": "signed_error", **changes}


def test_models_with_the_same_finding_share_a_sentence() -> None:
    gaps = pd.DataFrame([gap("a", -0.02, 0.03), gap("b", -0.03, 0.0004), gap("c", 0.04, 0.01), gap("d", 0.9, 0.06)])
    assert describe_gaps(gaps) == [
        "**Underrates men compared with women** (n = 40 and 50): a by 0.020 [0.010, 0.030], p = .030; b by 0.030 "
        "[0.020, 0.040], p < .001.",
        "**Overrates men compared with women** (n = 40 and 50): c by 0.040 [0.030, 0.050], p = .010.",
    ]
    brief = "**Underrates men compared with women** (n = 40 and 50): 2 of 4 models, most b, by 0.030 [0.020, 0.040], "
    assert describe_gaps(gaps, brief=True)[0] == brief + "p < .001."
    assert ": 1 of 4 models, c, by 0.040" in describe_gaps(gaps, brief=True)[1]
    assert select_significant_gaps(gaps)["model"].tolist() == ["a", "b", "c"]
    assert select_significant_gaps(gaps, trait="openness").empty


def test_no_significant_gap_gives_minimum_detectable_difference() -> None:
    gaps = pd.DataFrame([gap("a", 0.01, 0.2), gap("b", 0.01, 0.05, detectable=0.031)])
    (words,) = describe_gaps(gaps)
    assert words.endswith("0.020 to 0.031.")
    (words,) = describe_gaps(gaps.assign(detectable=float("nan"), p_holm=float("nan")))
    assert not any(letter.isdigit() for letter in words)


def test_the_largest_gap_in_one_sentence() -> None:
    gaps = pd.DataFrame([gap("a", -0.02, 0.03), gap("a", 0.05, 0.2), gap("a", -0.03, 0.04)])
    assert describe_largest_gap(gaps) == "**It underrates men compared with women**, by 0.030 [0.020, 0.040]."
    people = describe_largest_gap(gaps.assign(measure="actual_mean"))
    assert people == "**People rated men lower than women**, by 0.030 [0.020, 0.040]."
    assert "0.020" in describe_largest_gap(gaps.assign(p_holm=0.5))
    assert "0.030" not in describe_largest_gap(gaps.assign(p_holm=0.5))


def test_gaps_in_ratings_are_listed_once_for_all_models() -> None:
    gaps = pd.DataFrame([gap(model, 0.02, 0.01, measure="actual_mean") for model in "abc"])
    expected = "**People rated men higher than women** (n = 40 and 50) by 0.020 [0.010, 0.030], p = .010."
    assert describe_gaps(gaps) == describe_gaps(gaps, brief=True) == [expected]


def test_gains_of_shipped_models_and_of_best_other_model() -> None:
    rows = pd.DataFrame({"model": ["voice", "x", "y"], "gain": [0.01, 0.02, 0.03], "baseline": 0.88})
    rows = rows.assign(gain_low=rows["gain"] - 0.005, gain_high=rows["gain"] + 0.005)
    words = describe_model_gains(rows, shipped=["voice", "words"])
    figures = ["0.8800", "0.0100", "0.0050", "0.0150", "voice", "0.0300", "0.0250", "0.0350", "y"]
    assert re.findall(r"\d\.\d{4}|(?<=\()\w+", words) == figures
