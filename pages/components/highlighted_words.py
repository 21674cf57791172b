"""Words as HTML, with a background colour that shows a value for each word."""

from __future__ import annotations

import html
from collections.abc import Sequence

BLUE, ORANGE = "86, 180, 233", "230, 159, 0"  # above 0, below 0
MAX_HIGHLIGHT_OPACITY = 0.75  # opacity for the largest absolute value


def coloured_words(words: Sequence[str], values: Sequence[float]) -> str:
    """A paragraph of the words; opacity is proportional to the absolute value, the colour shows its sign."""
    largest = max((abs(value) for value in values), default=0.0) or 1.0
    spans = (
        f'<span title="{value:+.3f}" style="background: rgba({BLUE if value > 0 else ORANGE}, '
        f"{MAX_HIGHLIGHT_OPACITY * abs(value) / largest:.2f}); border-radius: 3px; padding: 1px "
        f'2px">{html.escape(word)}</span>'
        for word, value in zip(words, values, strict=True)
    )
    return f'<p style="line-height: 1.9">{" ".join(spans)}</p>'
