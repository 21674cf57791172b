"""Whether strangers are served: PERSONALITY_PUBLIC=1, as `make app PUBLIC=1` sets it.

Then nobody trains, chooses which models are asked or sees the operator's tables and clips; errors are a sentence,
uploads are smaller and have less time. docs/serving.md says what else a public server wants.
"""

from __future__ import annotations

import os

PUBLIC_MODE_VARIABLE = "PERSONALITY_PUBLIC"


def is_public() -> bool:
    """Whether the app serves strangers."""
    return os.environ.get(PUBLIC_MODE_VARIABLE, "") not in ("", "0")


def shows_estimates() -> bool:
    """Whether age, gender and expressions are shown: to strangers only where the operator sets
    PERSONALITY_PUBLIC_ESTIMATES=1."""
    return not is_public() or os.environ.get("PERSONALITY_PUBLIC_ESTIMATES", "") not in ("", "0")
