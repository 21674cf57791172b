"""The language that a page declares to the browser, by which screen readers choose a voice.

Components cannot be defined before the server runs, so `app.py`, which the server imports before, must not import this
module.
"""

import streamlit as st

# Streamlit declares every page to be in English.
DOCUMENT_LANGUAGE_SCRIPT = """
export default function ({ data }) {
  const page = document.documentElement
  page.lang = data.language
  return () => { page.lang = "en" }
}
"""

_document_language_component = st.components.v2.component("document_language", js=DOCUMENT_LANGUAGE_SCRIPT)


def declare_document_language(language: str) -> None:
    """Declare the page to be in a language, until a page without this call replaces it."""
    with st.sidebar:
        _document_language_component(data={"language": language}, key="document_language")
