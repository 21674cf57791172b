"""The prediction for one clip as one self-contained HTML page, without scripts, for screen and print."""

from __future__ import annotations

from typing import Any

from personality.assets.shipped_models import model_label
from personality.report.page import draw_interval_strip, template_environment
from personality.traits import TRAITS

PREDICTION_TEMPLATE_FILE = "prediction.html.j2"


def render_prediction(document: dict[str, Any]) -> str:
    """The HTML page of a prediction. Text from the clip is escaped.

    Parameters
    ----------
    document : dict
        From `prediction_document.prediction_to_json`, with `program`, `date` and `not_for`.

    Returns
    -------
    str
        The page, without a picture of the person.
    """
    models = [
        {"label": model_label(name), "facts": document["models"][name], "rows": _trait_rows(document, name)}
        for name in document["traits"]
    ]
    return (
        template_environment()
        .get_template(PREDICTION_TEMPLATE_FILE)
        .render(
            document=document,
            models=models,
            program=document["program"],
            date=document["date"],
            not_for=document["not_for"],
            seen=_describe_faces(document),
            heard=f"{document['audio']['seconds']:.1f} s of sound" if document["audio"]["seconds"] else "no sound",
            read=f"“{document['transcript']}”" if document["transcript"] else "no words",
        )
    )


def _describe_faces(document: dict[str, Any]) -> str:
    count = len(document["faces"])
    faces = f"{count:,} faces" if count != 1 else "1 face"
    return f"{faces if count else 'no face'} in a video of {document['duration']:.1f} s"


def _trait_rows(document: dict[str, Any], model: str) -> list[dict[str, Any]]:
    values, intervals = document["traits"][model], document["intervals"].get(model, {})
    rows = []
    for trait in TRAITS:
        value, bounds = values[trait.name], intervals.get(trait.name)
        low, high = bounds or (float("nan"), float("nan"))
        strip = draw_interval_strip((value, low, high), _place_on_scale)
        rows.append({"trait": trait, "value": value, "interval": _format_bounds(bounds), "strip": strip})
    return rows


def _place_on_scale(number: float) -> float:
    """The horizontal position of a value from 0 to 1 in a strip of 160 pixels."""
    return round(4 + 152 * number, 1)


def _format_bounds(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if bounds else "no interval"
