"""Words of strangers as they are, whatever Streamlit's Markdown would make of them."""

import re

JOINER = "\u2060"  # takes no room and breaks no line
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all that Markdown lets a backslash stand before
# What Streamlit looks for after Markdown is read, when no backslash is left to hold it off: emoji and links (`:x:`,
# `https://`), addresses of mail, www., arrows and dashes that stand alone.
LOOKED_FOR = re.compile(r"[:@](?=\S)|www(?=\.)|(?<!\S)[<>~-](?=(?:->|[-=>])(?!\S))", re.IGNORECASE)


def plain(text: object) -> str:
    """A text in which nothing is Markdown: no picture, link, formula, colour, emoji or icon. Lines become one.

    Everything that comes from a file goes through this before a label, a sentence or a caption has it;
    `tests/pages/test_plain_text.py` holds the pages to it. Charts, tables, code and lists to choose from take words as
    they are.
    """
    line = " ".join(str(text).split())
    return PUNCTUATION.sub(r"\\\g<0>", LOOKED_FOR.sub(rf"\g<0>{JOINER}", line))
