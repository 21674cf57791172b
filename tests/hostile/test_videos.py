"""Every hostile video ends in a result or a sentence."""

from collections.abc import Callable

from tests.hostile.videos import count_ends


def test_every_hostile_video_ends_in_a_result_or_a_sentence(
    share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    count = share(1060, 360)
    counts, longest = count_ends(count)
    assert counts.total() == count
    assert set(counts) <= {"read", "refused in a sentence", "its process died", "too slow", "too much memory"}
    assert counts["read"] > count / 20  # some wounds do not matter: the mutants are near enough to be worth trying
    assert counts["refused in a sentence"] > count / 20
    assert longest < 23
    ends = ", ".join(f"{number:,} {how}" for how, number in counts.most_common())
    outcome(
        "hostile videos: mutants of mp4, webm, avi, mov, playlists that name other files, noise",
        f"of {count:,}: {ends}; the longest took {longest:.1f} s",
    )
