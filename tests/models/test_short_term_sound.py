import numpy as np
import pytest

from personality.models.short_term_sound import SHORT_TERM_RATE, SHORT_TERM_WINDOW, short_term_descriptors


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * SHORT_TERM_RATE)) / SHORT_TERM_RATE)


def test_descriptors_of_a_tone() -> None:
    found = short_term_descriptors(tone(1000.0))
    assert found.shape == (34, 10)
    zero_crossings, energy, entropy, centroid, spread, _, flux, rolloff = found[:8, 1]
    assert zero_crossings == pytest.approx(2000 / SHORT_TERM_RATE, rel=0.02)
    assert energy == pytest.approx(0.5, rel=0.01)  # mean square of a sine
    assert entropy == pytest.approx(np.log2(10), abs=0.01)  # equal energy in ten blocks
    assert centroid == pytest.approx(1000 / (SHORT_TERM_RATE / 2), rel=0.1)
    assert spread < 0.05
    assert flux == pytest.approx(0, abs=1e-6)  # a constant spectrum
    assert rolloff == pytest.approx(1000 / (SHORT_TERM_RATE / 2), abs=2 / 1102)


def test_descriptors_do_not_depend_on_loudness_and_offset() -> None:
    sound = np.random.default_rng(0).normal(size=SHORT_TERM_RATE)
    np.testing.assert_allclose(short_term_descriptors(sound), short_term_descriptors(0.01 * sound + 3), atol=1e-6)


def test_descriptors_equal_pyaudioanalysis() -> None:
    """Reference: first and last frame of `ShortTermFeatures.feature_extraction` in pyAudioAnalysis 0.3.14."""
    steps = np.arange(3 * SHORT_TERM_WINDOW)
    sound = (8000 * np.sin(steps * steps / 1e5) + 2000 * np.cos(steps / 7)).round()
    found = short_term_descriptors(sound)
    np.testing.assert_allclose(found[:, [0, -1]].T, ORACLE, atol=1e-6)


def test_silence_and_short_sounds() -> None:
    assert np.isfinite(short_term_descriptors(np.zeros(SHORT_TERM_RATE))).all()
    assert short_term_descriptors(np.zeros(100)).shape == (34, 0)


ORACLE = [
    [
        0.0122505,
        0.3010927,
        3.2106744,
        0.075019,
        0.174557,
        0.0145832,
        0.0,
        0.0136116,
        -22.1251216,
        3.8435099,
        0.8034445,
        1.1657838,
        0.3809166,
        -0.3792832,
        -0.2409193,
        0.1947495,
        -0.299093,
        -0.4176542,
        0.1506743,
        0.2239784,
        -0.2354737,
        0.0183898,
        0.000228,
        0.0686481,
        0.0289758,
        0.0410025,
        0.0146931,
        0.0711236,
        6.41e-05,
        0.0029704,
        0.0155581,
        0.0427739,
        0.0003943,
        0.0244671,
    ],
    [
        0.0353902,
        0.3252712,
        3.3152758,
        0.0675359,
        0.126915,
        0.0064432,
        0.0432638,
        0.0417423,
        -21.9183026,
        2.1901492,
        -3.2339037,
        -0.369009,
        1.2006152,
        0.4101782,
        -0.6624211,
        -0.1469008,
        0.214537,
        0.0454579,
        -0.0456648,
        0.0900068,
        -0.0604629,
        0.0245718,
        0.0081265,
        0.0016846,
        0.0007735,
        0.0010528,
        0.0016475,
        0.0053504,
        0.0096199,
        0.0249831,
        0.0187206,
        0.016838,
        0.0178654,
        0.0088522,
    ],
]
