"""Two clips side by side."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.visits import read


def test_a_model_with_fewer_inputs_in_one_clip_is_named() -> None:
    def page() -> None:
        from pages.components.two_takes import draw_two_takes
        from personality.inference.predict import Impression
        from personality.traits import TRAIT_NAMES

        traits = dict.fromkeys(TRAIT_NAMES, 0.5)
        first = [Impression("voice", traits), Impression("voice_words", traits, "no speech was found")]
        second = [Impression("voice", traits), Impression("voice_words", traits), Impression("words", traits)]
        draw_two_takes(("a.mp4", "b.mp4"), (first, second))

    app = AppTest.from_function(page, default_timeout=120).run()
    assert not app.exception
    named = [read(warning.value) for warning in app.warning]
    assert len(named) == 2
    assert "voice + words" in named[0] and "a.mp4" in named[0] and "no speech was found" in named[0]
    assert "words" in named[1] and "a.mp4" in named[1]
