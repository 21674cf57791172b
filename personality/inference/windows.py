"""The predictions of a video's windows as one document: their means, and how much they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median, mode, stdev
from typing import Any

from personality.inference.video_prediction import Document
from personality.traits import EMOTIONS

FIELDS_OF_WINDOW = ("start", "end", "traits", "intervals", "face_impressions", "transcript", "warnings", "error")


def summarise_windows(clip: str, windows: Sequence[Document]) -> Document:
    """The document of a video that was predicted in windows.

    Parameters
    ----------
    clip : str
        Name of the clip.
    windows : sequence of Document
        Their documents in the order of time, with start and end in seconds; at least one.

    Returns
    -------
    Document
        As `prediction_to_json` gives it, of the means over the windows, with `spread`, the standard deviation of each
        trait over them by model, and `windows`. Times are those of the video; there are no percentiles and intervals,
        which are for clips of some seconds. Only an error where no window could be predicted.
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
    """Mean and standard deviation of each trait, by model, over the windows that it could predict."""
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
    """Each warning once, with the number of windows that it is of."""
    yield f"the values are means over {len(windows)} windows"
    every = [warning for window in windows for warning in window.get("warnings", [window.get("error", "")])]
    for warning in dict.fromkeys(every):
        yield f"{every.count(warning)} of {len(windows)} windows: {warning}"


def window_lines(document: Document) -> Iterator[str]:
    """The windows of a result of `summarise_windows` as lines of text: mean and spread by model, then each window."""
    for model, spread in document.get("spread", {}).items():
        yield f"  {'spread of ' + model:<22}" + "  ".join(f"{name} {value:.2f}" for name, value in spread.items())
    for window in document.get("windows", []):
        values = window.get("traits", {})
        predicted = "; ".join(
            f"{model} " + " ".join(f"{value:.2f}" for value in traits.values()) for model, traits in values.items()
        )
        yield f"  {window['start']:8.1f} to {window['end']:.1f} s: {predicted or window.get('error', 'unavailable')}"
