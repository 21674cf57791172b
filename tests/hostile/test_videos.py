"""Every hostile video gives a result or a one-sentence error."""

from collections import Counter
from collections.abc import Callable

from personality.constants import upload_limits
from tests.hostile.videos import GIANT, LURE, MUTANT, NOISE, REFUSED, count_ends


def test_every_hostile_video_gives_a_result_or_an_error(
    share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    count = share(1060, 120)
    counts, longest = count_ends(count)
    assert counts.total() == count
    ends = Counter(how for kind, how in counts.elements())
    assert set(ends) <= {"read", REFUSED, "its process died", "too slow", "too much memory"}
    for kind in (LURE, NOISE, GIANT):  # no other file is read, no huge frame is decoded
        assert {how for one, how in counts if one == kind} == {REFUSED}, kind
    assert ends["read"] > count / 20  # some changes are harmless: the mutants are close to valid files
    assert counts[MUTANT, REFUSED] > count / 20
    assert longest < upload_limits().reader_seconds
    words = ", ".join(f"{number:,} {how}" for how, number in ends.most_common())
    outcome(
        "hostile videos: mutated mp4, webm, avi and mov, playlists that refer to other files, huge frames, noise",
        f"of {count:,}: {words}; the longest took {longest:.1f} s",
    )
