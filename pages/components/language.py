"""The language of the pages: the visitor's choice, and the translation of texts.

The pages in TRANSLATED_PAGES are translated; on the others, `translate` returns the English text. Catalogues are in
pages/locale; `docs/translations.py` extracts the texts and compiles the catalogues.
"""

from __future__ import annotations

import gettext
from functools import cache

import streamlit as st

from pages.components.plain_text import escape_markdown
from personality.utils.locations import APP_FOLDER

LOCALE_FOLDER = APP_FOLDER / "pages" / "locale"
CATALOGUE_NAME = "dashboard"
SOURCE_LANGUAGE = "en"  # of the texts in the code
LANGUAGES = {SOURCE_LANGUAGE: "English", "es": "Español"}  # by code, as their speakers call them
TRANSLATED_PAGES = ("", "predict", "live", "guess")  # by address: those that the visitors of a booth see
LANGUAGE_KEY = "lang"  # of the choice, in the address and in the session state
PAGE_LANGUAGE_STATE_KEY = "page_language"  # session state: the language of the page that is shown
# The address keeps the texts of the options, so these are the codes; the label explains them in every language.
LANGUAGE_LABEL = " · ".join(f"{name} ({code})" for code, name in LANGUAGES.items())


def draw_language_choice() -> None:
    """The choice of the language, in the sidebar; by default, the language of the browser."""
    browser = (st.context.locale or "").split("-")[0].lower()
    st.sidebar.segmented_control(
        LANGUAGE_LABEL,
        list(LANGUAGES),
        default=browser if browser in LANGUAGES else SOURCE_LANGUAGE,
        required=True,
        key=LANGUAGE_KEY,
        bind="query-params",
    )


def chosen_language() -> str:
    """The language that `draw_language_choice` shows as chosen."""
    return st.session_state[LANGUAGE_KEY]


def set_page_language(address: str) -> None:
    """Set the language of the page with this address; if the page is not translated, say so above it."""
    chosen = chosen_language()
    st.session_state[PAGE_LANGUAGE_STATE_KEY] = chosen if address in TRANSLATED_PAGES else SOURCE_LANGUAGE
    if page_language() != chosen:
        st.caption(f":material/translate: {translate('This page is in English.', language=chosen)}")
    elif chosen != SOURCE_LANGUAGE:
        from pages.components.document_language import declare_document_language

        declare_document_language(chosen)


def page_language() -> str:
    """The code of the language of the page that is shown."""
    return st.session_state.get(PAGE_LANGUAGE_STATE_KEY, SOURCE_LANGUAGE)


@cache
def load_catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; the source language has none."""
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    return gettext.translation(CATALOGUE_NAME, LOCALE_FOLDER, [language])


def translate(text: str, *, language: str | None = None) -> str:
    """The text in the language of the page.

    Parameters
    ----------
    text : str
        The English text, literally, so that it is extracted; data are inserted into the result with `str.format`.
        Texts of constants are extracted by `mark_text`, those of `personality` are listed in `docs/translations.py`.
    language : str, optional
        Another language than that of the page.
    """
    return load_catalogue(language or page_language()).gettext(text) if text else ""


def translate_plural(one: str, many: str, count: int) -> str:
    """The singular or the plural of a text in the language of the page, by the rules of that language."""
    return load_catalogue(page_language()).ngettext(one, many, count)


def translate_plain(text: str) -> str:
    """The text in the language of the page, escaped by `escape_markdown`; also for options of widgets."""
    return escape_markdown(translate(text))


def mark_text(text: str) -> str:
    """The same text, which is extracted for the catalogues: for constants, which are translated where they are used."""
    return text
