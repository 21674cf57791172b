"""Escape text from files and visitors so that Streamlit does not interpret it as Markdown."""

import re

WORD_JOINER = "\u2060"  # zero width, does not allow a line break
MARKDOWN_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all characters that a backslash escapes in Markdown
# What Streamlit replaces after the Markdown parser has removed the backslashes: emoji (`:x:`), links (`https://`,
# `www.`), e-mail addresses, arrows and dashes.
STREAMLIT_AUTO_MARKUP = re.compile(r"[:@](?=\S)|www(?=\.)|(?<!\S)[<>~-](?=(?:->|[-=>])(?!\S))", re.IGNORECASE)


def escape_markdown(text: object) -> str:
    """Escape a text so that Markdown shows it literally: no image, link, formula, colour, emoji or icon.

    All text from files must pass through this function before it is used in a label, sentence or caption;
    `tests/pages/test_plain_text.py` checks this for every page. Charts, tables, code and select boxes do not
    interpret Markdown and take the text unchanged.

    Parameters
    ----------
    text : object
        Anything; it is converted with `str`.

    Returns
    -------
    str
        One line; white space is collapsed.
    """
    line = " ".join(str(text).split())
    return MARKDOWN_PUNCTUATION.sub(r"\\\g<0>", STREAMLIT_AUTO_MARKUP.sub(rf"\g<0>{WORD_JOINER}", line))
