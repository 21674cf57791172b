"""The downloads of a prediction, and the time that it took."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import streamlit as st

from pages.components import model_store
from pages.components.language import mark_text, translate, translate_plain
from personality import __version__
from personality.analysis.export import rows_to_safe_csv
from personality.constants import MISUSE_WARNING
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import Impression
from personality.inference.prediction_document import prediction_rows, prediction_to_json
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.sample import DetectedPeople, Sample
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech_to_text import Transcript
from personality.report.prediction import render_prediction


def draw_downloads(name: str, arrived: list) -> None:
    """Download buttons, and the time spent in each stage."""
    pieces, models = [piece for piece, _ in arrived], model_store.load_models_for_clip()
    stamp = {
        "program": f"personality {__version__}",
        "date": datetime.now(UTC).date().isoformat(),
        "not_for": MISUSE_WARNING,
    }
    document = {**stamp, **prediction_to_json(name, pieces, models), "seconds": sum_stage_seconds(arrived)}
    rows = prediction_rows([piece for piece in pieces if isinstance(piece, Impression)], models).assign(**stamp)
    with st.container(horizontal=True):
        st.download_button(
            translate("Report to print (HTML)"),
            lambda: render_prediction(document).encode(),
            "impression.html",
            "text/html",
            icon=":material/print:",
            key="take_report",
        )
        st.download_button("JSON", json.dumps(document), "impression.json", icon=":material/download:", key="take_json")
        csv = rows_to_safe_csv(rows)
        st.download_button("CSV", csv, "impression.csv", icon=":material/download:", key="take_csv")
    spent = " · ".join(
        f"{translate_plain(name)} {seconds:.2f} s" for name, seconds in sum_stage_seconds(arrived).items()
    )
    text = translate(
        "To save a chart as a picture, use the camera button in its top right corner. Processing time: {spent}. The "
        "video is not stored on disk. The server keeps it in memory until you delete it or close the page."
    )
    st.caption(text.format(spent=spent))


def sum_stage_seconds(arrived: list) -> dict[str, float]:
    """Seconds spent in each stage, from the arrival times of the pieces."""
    names = {
        Metadata: mark_text("opening"),
        DetectedPeople: mark_text("faces"),
        Face: mark_text("faces"),
        Sound: mark_text("sound"),
        Sample: mark_text("age, gender, expressions"),
        FaceImpressions: mark_text("face ratings"),
        Transcript: mark_text("words"),
    }
    spent: dict[str, float] = {}
    before = 0.0
    for piece, arrival in arrived:
        name = names.get(type(piece), mark_text("models"))
        spent[name], before = spent.get(name, 0.0) + arrival - before, arrival
    return spent
