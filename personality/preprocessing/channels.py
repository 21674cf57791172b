"""Select the channel of a sound: the mean of all channels, unless the voice would be lost."""

from __future__ import annotations

import numpy as np

CENTRE = "FC"  # FFmpeg's name of the channel that contains speech in surround sound
UNNAMED = "NONE"  # channel without a name in the file; of five or more, the third is the center by convention
MIN_CENTRE_LEVEL = 0.1  # share of the loudest channel's root mean square (-20 dB); below, the voice is elsewhere
MIN_CHANNEL_LEVEL = 0.01  # the same share (-40 dB); below, a channel of three or more carries nothing
OPPOSITE_CORRELATION = -0.8  # correlation of two channels; below, they cancel each other out in their mean


def pick_channels(names: tuple[str, ...], samples: np.ndarray) -> tuple[list[int], str]:
    """Choose the channels of a sound whose mean is used.

    Parameters
    ----------
    names : tuple of str
        FFmpeg's name of each of the C channels.
    samples : numpy.ndarray
        float32 (N, C), in [-1, 1].

    Returns
    -------
    tuple of (list of int, str)
        Indices of the channels; and the reason if they are not all, otherwise "".
    """
    levels = np.sqrt(np.mean(samples**2, axis=0, dtype=np.float64)) if len(samples) else np.zeros(len(names))
    centre = _find_centre(names)
    if centre is not None and levels[centre] > MIN_CENTRE_LEVEL * levels.max():
        return [centre], f"the sound has {len(names)} channels; the center channel, which contains speech, was used"
    if len(names) == 2 and levels.all() and _correlation(samples, levels) < OPPOSITE_CORRELATION:
        return [int(levels.argmax())], "the two channels of the sound cancel each other out; the louder one was used"
    used = [int(one) for one in np.flatnonzero(levels >= MIN_CHANNEL_LEVEL * levels.max(initial=0))]
    if len(names) <= 2 or len(used) == len(names):
        return list(range(len(names))), ""
    return used, f"{len(used)} of the {len(names)} channels of the sound carry something; their mean was used"


def _find_centre(names: tuple[str, ...]) -> int | None:
    if len(names) > 2 and CENTRE in names:
        return names.index(CENTRE)
    return 2 if len(names) >= 5 and set(names) == {UNNAMED} else None


def _correlation(samples: np.ndarray, levels: np.ndarray) -> float:
    """Compute the (uncentered) correlation of two channels, in [-1, 1]."""
    return float(np.mean(samples[:, 0] * samples[:, 1], dtype=np.float64) / levels.prod())
