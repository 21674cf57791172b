"""The language of the pages: how it is chosen, and that a page in Spanish has no English sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from pages.components import live_session
from pages.components.language import TRANSLATED_PAGES, load_catalogue
from personality.assets import demo
from personality.constants import IMPRESSION_NOTICE
from personality.inference.live_prediction import LiveAnswer
from personality.inference.predict import Impression, Unavailable
from personality.preprocessing.speech_to_text import NO_SPEECH
from personality.traits import EMOTIONS, TRAIT_NAMES
from tests.pages.test_live import StandIn
from tests.pages.visits import ROOT, visit, words

BOOTH = ("overview", "predict", "live", "guess")
# Words of English sentences that are no words of Spanish.
ENGLISH = re.compile(r"\b(the|of|and|is|are|with|for|this|was|from|not|by|to|in|on|at|an|your|its|none|each)\b")
# What stays English on Spanish pages: what people say in the samples, names, and the choice of the language.
TRANSCRIPT = demo.read_sample_prediction()["transcript"]
ENGLISH_TEXTS = (TRANSCRIPT, "BU-NKU 2017", "frozen encoders 2026")
HIDDEN = (
    "id",
    "url",
    "page",
    "field",
    "type",
    "template",
    "key",
    "fileUrlsJson",
    "jsContent",
    "cssContent",
    "htmlContent",
    "columns",
    "queryString",
)


def spanish(text: str) -> str:
    return load_catalogue("es").gettext(text)


def shown_texts(block: Block) -> Iterator[str]:
    """All texts of the elements in a block: also in charts, tables, components, and for screen readers."""
    for child in block.children.values():
        if isinstance(child, Block):
            yield from shown_texts(child)
        if child.proto is not None and hasattr(child.proto, "DESCRIPTOR"):
            yield from texts_in(MessageToDict(child.proto))
        if not isinstance(child, Block) and child.type in ("arrow_data_frame", "dataframe"):
            configured = json.loads(child.proto.columns or "{}")
            yield from (str(configured.get(name, {}).get("label") or name) for name in child.value.columns)
            yield from texts_in(child.value.astype(object).to_numpy().tolist())


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for key, one in value.items() if key not in HIDDEN for text in texts_in(one))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in texts_in(one))
    elif isinstance(value, str):
        yield from texts_in(json.loads(value)) if value.startswith(('{"', '[{"')) else filter(None, [value])


def english_texts(app: AppTest) -> list[str]:
    """The texts of a page in Spanish that are English: sentences, and texts that the catalogue translates."""
    found = []
    for text in [*shown_texts(app.main), *shown_texts(app.sidebar)]:
        plain = re.sub(r"(?<!\*)\*\w+\*(?!\*)", "", re.sub(r"\\(\W)", r"\1", text))  # without a quoted word
        for allowed in ENGLISH_TEXTS:
            plain = plain.replace(allowed, "")
        is_said = text in TRANSCRIPT
        if not is_said and (ENGLISH.search(plain) or spanish(text) != text):
            found.append(text)
    return found


def test_the_choice_is_kept_in_the_address_and_changes_titles() -> None:
    app = visit("overview")
    assert app.title[0].value == "Apparent personality"
    app.segmented_control(key="lang").set_value("es").run()
    assert not app.exception
    assert app.query_params["lang"] == "es"
    assert app.title[0].value == "Personalidad aparente"
    app.segmented_control(key="lang").set_value("en").run()
    assert "lang" not in app.query_params  # the default
    assert app.title[0].value == "Apparent personality"


def test_the_language_stays_on_the_next_page() -> None:
    app = visit("overview", lang="es")
    app.button(key="try").click().run()
    assert not app.exception
    assert app.query_params["lang"] == "es"
    assert app.title[0].value == "Predecir"


@pytest.mark.parametrize(("locale", "title"), [("es-MX", "Personalidad"), ("es", "Personalidad"), ("ca", "Apparent")])
def test_without_a_choice_the_browser_decides(locale: str, title: str) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.context["locale"] = locale
    app.run()
    assert app.title[0].value.startswith(title)
    assert "lang" not in app.query_params


def test_an_unknown_language_is_ignored() -> None:
    app = visit("guess", lang="<b>xx</b>")
    assert app.title[0].value == "Guess first"


def test_a_page_that_is_not_translated_says_so_and_is_wholly_english() -> None:
    app = visit("traits", lang="es")
    assert app.title[0].value == "Accuracy by trait"
    assert "Esta página está en inglés." in words(app)
    assert "mean baseline" in words(app)
    assert "Esta página" not in words(visit("traits"))


def test_translated_pages_are_those_of_a_booth() -> None:
    assert {name or "overview" for name in TRANSLATED_PAGES} == set(BOOTH)


@pytest.mark.parametrize("page", BOOTH)
def test_a_first_visit_in_spanish_has_no_english_text(page: str) -> None:
    app = visit(page, lang="es")
    assert english_texts(app) == []
    assert spanish(IMPRESSION_NOTICE) in words(app)


def test_guessing_in_spanish_has_no_english_text() -> None:
    app = visit("guess", lang="es")
    for _ in range(5):
        app.button(key="reveal").click().run()
        app.button(key="next_person").click().run()
    app.button(key="reveal").click().run()
    assert not app.exception
    assert english_texts(app) == []


def test_the_tour_in_spanish_has_no_english_text() -> None:
    app = visit("overview", lang="es")
    app.button(key="tour_start").click().run()
    while app.session_state["tour_step"] < 3:
        assert english_texts(app) == []
        app.button(key="tour_next").click().run()
    assert english_texts(app) == []


def test_a_prediction_in_spanish_has_no_english_text() -> None:
    app = visit("predict", lang="es")
    app.button(key="sample").click().run()
    assert not app.exception
    assert english_texts(app) == []
    for view in ("Change the video", "Word contribution", "Downloads"):
        app.session_state["open_explanation"] = spanish(view)
        app.run()
        assert not app.exception
        assert english_texts(app) == [], view
    app.segmented_control(key="lang").set_value("en").run()  # the open tab has another name now
    assert not app.exception
    assert "Predicted first impression" in words(app)


def test_a_live_prediction_in_spanish_has_no_english_text() -> None:
    app = visit("live", lang="es")
    assert spanish("Start the camera") in "".join(shown_texts(app.main))  # the texts of the component are searched
    app.session_state[live_session.PREDICTION_STATE_KEY] = prediction = StandIn()
    reasons = (NO_SPEECH, "the sound lasts 1 s, the rest of 2 s is silence", "no face was found")
    for reason in reasons:
        prediction.answers = [LiveAnswer(2.0, Unavailable("voice", reason))]
        assert english_texts(app.run()) == []
        assert spanish("Prediction unavailable: {reason}.").split("{")[0] in "".join(shown_texts(app.main))
    prediction.is_running, prediction.recording = False, b"recording"
    for caveat in ("", *reasons):
        prediction.answers = [LiveAnswer(2.0, Impression("voice", dict.fromkeys(TRAIT_NAMES, 0.5), caveat))]
        assert english_texts(app.run()) == []
    assert app.button(key="use_recording").label == spanish("Use this recording")


def test_the_chosen_model_of_live_stays_in_another_language() -> None:
    app = visit("live")
    app.selectbox(key="live_model").select("words").run()
    for code, name in (("es", "palabras"), ("en", "words")):
        app.segmented_control(key="lang").set_value(code).run()
        assert not app.exception
        model = app.selectbox(key="live_model")
        assert model.value == "words"
        # Otherwise, the browser keeps the name in the other language.
        assert (model.proto.set_value, model.proto.raw_value) == (True, name)


def test_charts_are_translated() -> None:
    def page() -> None:
        import pandas as pd
        import streamlit as st

        from pages.components.figure_texts import translate_chart
        from pages.components.language import PAGE_LANGUAGE_STATE_KEY
        from personality.plots import clip_plots
        from personality.traits import EMOTIONS, TRAIT_NAMES

        st.session_state[PAGE_LANGUAGE_STATE_KEY] = "es"
        changes = ("gender: female", "expression: happy only", "+ words: voice + words − practice: audio")
        rows = [(change, trait, 0.5, 0.1) for change in changes for trait in TRAIT_NAMES]
        table = pd.DataFrame(rows, columns=["change", "trait", "value", "difference"])
        ratings = clip_plots.face_ratings({"well_groomed": 0.5}, {"well_groomed": 50}, {"well_groomed": 0.4})
        st.session_state["charts"] = (
            translate_chart(clip_plots.change_grid(table)).to_json(),
            translate_chart(clip_plots.emotion_bars(dict.fromkeys(EMOTIONS, 0.1))).to_json(),
            translate_chart(ratings).to_json(),
        )

    app = AppTest.from_function(page).run()
    assert not app.exception
    grid, emotions, ratings = app.session_state["charts"]
    assert (
        "género: mujer" in grid
        and "expresión: solo alegría" in grid
        and "+ palabras: voz + palabras − práctica: audio" in grid
    )
    assert '\\"Estabilidad\\": \\"Es\\"' in grid and "Emotional" not in grid
    assert all(spanish(emotion) in emotions for emotion in EMOTIONS) and "proporción de caras" in emotions
    assert "aspecto cuidado" in ratings and "> 50 %" in ratings and '"title": "atributo"' in ratings
