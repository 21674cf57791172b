"""Every hostile video ends in a result or a sentence."""

from collections import Counter
from collections.abc import Callable

from personality.constants import upload_limits
from tests.hostile.videos import GIANT, LURE, MUTANT, NOISE, REFUSED, count_ends


def test_every_hostile_video_ends_in_a_result_or_a_sentence(
    share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    count = share(1060, 360)
    counts, longest = count_ends(count)
    assert counts.total() == count
    ends = Counter(how for kind, how in counts.elements())
    assert set(ends) <= {"read", REFUSED, "its process died", "too slow", "too much memory"}
    for kind in (LURE, NOISE, GIANT):  # no other file is read, no picture of absurd size decoded
        assert {how for one, how in counts if one == kind} == {REFUSED}, kind
    assert ends["read"] > count / 20  # some wounds do not matter: the mutants are near enough to be worth trying
    assert counts[MUTANT, REFUSED] > count / 20
    assert longest < upload_limits().reader_seconds
    words = ", ".join(f"{number:,} {how}" for how, number in ends.most_common())
    outcome(
        "hostile videos: mutants of mp4, webm, avi, mov, playlists that name other files, giant pictures, noise",
        f"of {count:,}: {words}; the longest took {longest:.1f} s",
    )
