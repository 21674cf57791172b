"""How the rate of learning changes over the steps of a stage."""

from __future__ import annotations

import math

WARMUP_SHARE = 0.3  # of the steps of a `one_cycle_factor`


def one_cycle_factor(step: int, steps: int) -> float:
    """The share of the highest rate at a step: from 1/25 up along a cosine for WARM_UP of the steps, then down to
    nearly nothing (after the one-cycle policy of Smith and Topin 2019)."""
    top = WARMUP_SHARE * steps
    if step < top:
        return 1 - (1 - 1 / 25) * (1 + math.cos(math.pi * step / top)) / 2
    return (1 + math.cos(math.pi * (step - top) / (steps - top))) / 2
