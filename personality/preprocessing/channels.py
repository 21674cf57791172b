"""Select the channel of a sound: the mean of all channels, unless the voice would be lost."""

from __future__ import annotations

import numpy as np

CENTRE = "FC"  # FFmpeg's name of the channel that contains speech in surround sound
UNNAMED = "NONE"  # channel without a name in the file; of five or more, the third is the center by convention
MIN_CENTRE_LEVEL = 0.01  # share of the loudest channel's root mean square (-40 dB); below, the center is unused
OPPOSITE_CORRELATION = -0.8  # correlation of two channels; below, they cancel each other out in their mean


def pick_channel(names: tuple[str, ...], samples: np.ndarray) -> tuple[int | None, str]:
    """Choose a channel of a sound, or the mean of all.

    Parameters
    ----------
    names : tuple of str
        FFmpeg's name of each of the C channels.
    samples : numpy.ndarray
        float32 (N, C), in [-1, 1].

    Returns
    -------
    tuple of (int or None, str)
        Index of the channel, or None for the mean of all; and the reason if it is not the mean, otherwise "".
    """
    levels = np.sqrt(np.mean(samples**2, axis=0, dtype=np.float64)) if len(samples) else np.zeros(len(names))
    centre = _find_centre(names)
    if centre is not None and levels[centre] > MIN_CENTRE_LEVEL * levels.max():
        return centre, f"the sound has {len(names)} channels; the center channel, which contains speech, was used"
    if len(names) == 2 and levels.all() and _correlation(samples, levels) < OPPOSITE_CORRELATION:
        return int(levels.argmax()), "the two channels of the sound cancel each other out; the louder one was used"
    return None, ""


def _find_centre(names: tuple[str, ...]) -> int | None:
    if len(names) > 2 and CENTRE in names:
        return names.index(CENTRE)
    return 2 if len(names) >= 5 and set(names) == {UNNAMED} else None


def _correlation(samples: np.ndarray, levels: np.ndarray) -> float:
    """Compute the (uncentered) correlation of two channels, in [-1, 1]."""
    return float(np.mean(samples[:, 0] * samples[:, 1], dtype=np.float64) / levels.prod())
