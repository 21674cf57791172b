"""Public mode: PERSONALITY_PUBLIC=1, as set by `make app PUBLIC=1` and `personality app --public`.

Visitors cannot train or choose models, and cannot access the operator's tables and clips; error messages have no
details, and uploads have stricter limits. See docs/serving.md for other requirements of a public server.
"""

from __future__ import annotations

import os

PUBLIC_MODE_VARIABLE = "PERSONALITY_PUBLIC"


def is_public() -> bool:
    """Return whether the app runs in public mode."""
    return os.environ.get(PUBLIC_MODE_VARIABLE, "") not in ("", "0")


def shows_estimates() -> bool:
    """Return whether age, gender and expressions are shown; in public mode only with PERSONALITY_PUBLIC_ESTIMATES=1."""
    return not is_public() or os.environ.get("PERSONALITY_PUBLIC_ESTIMATES", "") not in ("", "0")
