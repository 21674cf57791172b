"""Learning rate schedule: the factor of the learning rate at each step of a stage."""

from __future__ import annotations

import math

WARMUP_SHARE = 0.3  # share of the steps in which the learning rate rises


def one_cycle_factor(step: int, steps: int) -> float:
    """The factor of the highest learning rate at a step: it rises from 1/25 to 1 along a cosine for WARMUP_SHARE of the
    steps, then falls to almost 0 (after the one-cycle policy of Smith and Topin 2019)."""
    top = WARMUP_SHARE * steps
    if step < top:
        return 1 - (1 - 1 / 25) * (1 + math.cos(math.pi * step / top)) / 2
    return (1 + math.cos(math.pi * (step - top) / (steps - top))) / 2
