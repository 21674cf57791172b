"""Summarize the predictions for the windows of a video as one document: their means and standard deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median, mode, stdev
from typing import Any

from personality.inference.video_prediction import Document
from personality.traits import EMOTIONS

FIELDS_OF_WINDOW = ("start", "end", "traits", "intervals", "face_impressions", "transcript", "warnings", "error")


def summarise_windows(clip: str, windows: Sequence[Document]) -> Document:
    """Summarize the documents of the windows of a video.

    Parameters
    ----------
    clip : str
        Name of the clip.
    windows : sequence of Document
        Their documents in order of time, with start and end in seconds; at least one.

    Returns
    -------
    Document
        As `prediction_to_json` returns it, with the means over the windows; `spread`, the standard deviation of each
        trait over the windows by model; and `windows`. Times are those of the video. Percentiles and intervals are
        empty, because they apply to single clips. Only an error if no window could be predicted.
    """
    good = [window for window in windows if "error" not in window]
    if not good:
        return {"clip": clip, "error": windows[0]["error"]}
    traits, spread = _summarise_traits(good)
    ages = [window["age"] for window in good if window["age"] is not None]
    genders = [window["gender"] for window in good if window["gender"] is not None]
    return {
        "clip": clip,
        "duration": round(sum(window["duration"] for window in good), 3),
        "faces": [
            face | {"time": round(window["start"] + face["time"], 3)} for window in good for face in window["faces"]
        ],
        "audio": {
            "seconds": round(sum(window["audio"]["seconds"] for window in good), 3),
            "rate": good[0]["audio"]["rate"],
        },
        "age": median(ages) if ages else None,
        "gender": mode(genders) if genders else None,
        "emotions": {name: round(fmean(window["emotions"][name] for window in good), 4) for name in EMOTIONS},
        "transcript": " ".join(filter(None, (window["transcript"] for window in good))) or None,
        "face_impressions": _mean_ratings(good),
        "traits": traits,
        "spread": spread,
        "percentiles": {model: {} for model in traits},
        "intervals": {model: {} for model in traits},
        "models": good[0]["models"],
        "warnings": list(_list_warnings(windows)),
        "windows": [{name: window[name] for name in FIELDS_OF_WINDOW if name in window} for window in windows],
    }


def _summarise_traits(windows: Sequence[Document]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return mean and standard deviation of each trait by model, over the windows with a prediction."""
    means: dict[str, dict[str, float]] = {}
    spreads: dict[str, dict[str, float]] = {}
    for model in dict.fromkeys(model for window in windows for model in window["traits"]):
        rows = [window["traits"][model] for window in windows if model in window["traits"]]
        means[model] = {trait: round(fmean(row[trait] for row in rows), 4) for trait in rows[0]}
        if len(rows) > 1:
            spreads[model] = {trait: round(stdev(row[trait] for row in rows), 4) for trait in rows[0]}
    return means, spreads


def _mean_ratings(windows: Sequence[Document]) -> dict[str, float]:
    rated = [window["face_impressions"] for window in windows if window["face_impressions"]]
    return {name: round(fmean(ratings[name] for ratings in rated), 4) for name in rated[0]} if rated else {}


def _list_warnings(windows: Sequence[Document]) -> Iterator[str]:
    """Yield each warning once, with the number of windows that have it."""
    yield f"the values are means over {len(windows)} windows"
    every = [warning for window in windows for warning in window.get("warnings", [window.get("error", "")])]
    for warning in dict.fromkeys(every):
        yield f"{every.count(warning)} of {len(windows)} windows: {warning}"


def window_lines(document: Document) -> Iterator[str]:
    """Yield a result of `summarise_windows` as lines of text: the spread by model, then each window."""
    for model, spread in document.get("spread", {}).items():
        yield f"  {'spread of ' + model:<22}" + "  ".join(f"{name} {value:.2f}" for name, value in spread.items())
    for window in document.get("windows", []):
        values = window.get("traits", {})
        predicted = "; ".join(
            f"{model} " + " ".join(f"{value:.2f}" for value in traits.values()) for model, traits in values.items()
        )
        yield f"  {window['start']:8.1f} to {window['end']:.1f} s: {predicted or window.get('error', 'unavailable')}"
