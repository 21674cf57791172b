"""Which channel of a sound is heard: the mean of all, unless that would lose the voice."""

from __future__ import annotations

import numpy as np

CENTRE = "FC"  # FFmpeg's name of the channel that carries speech in surround sound
UNNAMED = "NONE"  # channels of which a file gives only the number; from five on the third is the centre by convention
MIN_CENTRE_LEVEL = 0.01  # of the loudest channel's root mean square, -40 dB; below, the centre is unused
OPPOSITE_CORRELATION = -0.8  # of two channels; below, their mean cancels what they have in common


def pick_channel(names: tuple[str, ...], samples: np.ndarray) -> tuple[int | None, str]:
    """Choose what a sound is mixed from.

    Parameters
    ----------
    names : tuple of str
        FFmpeg's name of each channel, C of them.
    samples : numpy.ndarray
        float32 (N, C).

    Returns
    -------
    tuple of (int or None, str)
        The channel, or None for the mean of all; and why it is not the mean, in words.
    """
    levels = np.sqrt(np.mean(samples**2, axis=0, dtype=np.float64)) if len(samples) else np.zeros(len(names))
    centre = _find_centre(names)
    if centre is not None and levels[centre] > MIN_CENTRE_LEVEL * levels.max():
        return centre, f"the sound has {len(names)} channels; the centre, which carries speech, was used"
    if len(names) == 2 and levels.all() and _correlation(samples, levels) < OPPOSITE_CORRELATION:
        return int(levels.argmax()), "the two channels of the sound cancel each other out; the louder one was used"
    return None, ""


def _find_centre(names: tuple[str, ...]) -> int | None:
    if len(names) > 2 and CENTRE in names:
        return names.index(CENTRE)
    return 2 if len(names) >= 5 and set(names) == {UNNAMED} else None


def _correlation(samples: np.ndarray, levels: np.ndarray) -> float:
    """Of two channels, in [-1, 1]."""
    return float(np.mean(samples[:, 0] * samples[:, 1], dtype=np.float64) / levels.prod())
