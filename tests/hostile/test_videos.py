from __future__ import annotations

from tests.hostile.videos import count_ends

COUNT = 360


def test_every_hostile_video_ends_in_a_result_or_a_sentence() -> None:
    counts, longest = count_ends(COUNT)
    assert counts.total() == COUNT
    assert set(counts) <= {"read", "refused in a sentence", "its process died", "too slow", "too much memory"}
    assert counts["read"] > COUNT / 20  # some wounds do not matter: the mutants are near enough to be worth trying
    assert counts["refused in a sentence"] > COUNT / 20
    assert longest < 23
