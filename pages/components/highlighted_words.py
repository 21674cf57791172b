"""Words as HTML, each with a background by a figure of its own."""

from __future__ import annotations

import html
from collections.abc import Sequence

BLUE, ORANGE = "86, 180, 233", "230, 159, 0"  # above 0, below 0
MAX_HIGHLIGHT_OPACITY = 0.75  # opacity of the largest figure


def coloured_words(words: Sequence[str], figures: Sequence[float]) -> str:
    """A paragraph of the words; the larger a word's figure is beside the others, the stronger its colour."""
    most = max((abs(figure) for figure in figures), default=0.0) or 1.0
    spans = (
        f'<span title="{figure:+.3f}" style="background: rgba({BLUE if figure > 0 else ORANGE}, '
        f"{MAX_HIGHLIGHT_OPACITY * abs(figure) / most:.2f}); border-radius: 3px; padding: 1px "
        f'2px">{html.escape(word)}</span>'
        for word, figure in zip(words, figures, strict=True)
    )
    return f'<p style="line-height: 1.9">{" ".join(spans)}</p>'
