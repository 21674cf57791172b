"""Words of strangers as they are, whatever Streamlit's Markdown would make of them."""

import re

WORD_JOINER = "\u2060"  # takes no room and breaks no line
MARKDOWN_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all that Markdown lets a backslash stand before
# What Streamlit looks for after Markdown is read, when no backslash is left to hold it off: emoji and links (`:x:`,
# `https://`), addresses of mail, www., arrows and dashes that stand alone.
STREAMLIT_AUTO_MARKUP = re.compile(r"[:@](?=\S)|www(?=\.)|(?<!\S)[<>~-](?=(?:->|[-=>])(?!\S))", re.IGNORECASE)


def escape_markdown(text: object) -> str:
    """A text in which nothing is Markdown: no picture, link, formula, colour, emoji or icon. Lines become one.

    Everything that comes from a file goes through this before a label, a sentence or a caption has it;
    `tests/pages/test_plain_text.py` holds the pages to it. Charts, tables, code and lists to choose from take words as
    they are.
    """
    line = " ".join(str(text).split())
    return MARKDOWN_PUNCTUATION.sub(r"\\\g<0>", STREAMLIT_AUTO_MARKUP.sub(rf"\g<0>{WORD_JOINER}", line))
