"""Matching of clip names: full paths, other slashes, other case, no extension."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

FILE_EXTENSION_PATTERN = re.compile(r"\.(?!\d+$)\w{1,5}$")  # .mp4, .npy; .003 is a running number


def match_clips(given: Iterable[str], known: Iterable[str]) -> dict[str, str | None]:
    """Match names to known clips.

    A name matches exactly; otherwise ignoring case, drive, `./` and the kind of slashes, if one is the end of the path
    of the other; otherwise also ignoring the extension.

    Returns
    -------
    dict
        The known clip for each given name, None if no clip or more than one clip matches.
    """
    whole = list(dict.fromkeys(known))
    exact = set(whole)
    finders = [_make_clip_finder(whole, form) for form in (_normalize_path, _normalize_path_stem)]
    found: dict[str, str | None] = {}
    for name in dict.fromkeys(given):
        found[name] = name if name in exact else _single_match(find(name) for find in finders)
    return found


def _single_match(found: Iterator[set[str]]) -> str | None:
    """The clip found by the first step with any match, if it is the only one."""
    matches = next((clips for clips in found if clips), set())
    return next(iter(matches)) if len(matches) == 1 else None


def _make_clip_finder(known: list[str], form: Callable[[str], str]) -> Callable[[str], set[str]]:
    by_whole: dict[str, set[str]] = defaultdict(set)
    by_end: dict[str, set[str]] = defaultdict(set)
    for clip in known:
        for place, end in enumerate(_path_endings(form(clip))):
            (by_end if place else by_whole)[end].add(clip)

    def find(name: str) -> set[str]:
        # First as it is: a name without extension may contain a full stop (anna.happy).
        for one in dict.fromkeys((_normalize_path(name), form(name))):
            matches = next((by_whole[end] for end in _path_endings(one) if end in by_whole), set()) or by_end.get(
                one, set()
            )
            if matches:
                return matches
        return set()

    return find


def _path_endings(path: str) -> Iterator[str]:
    """A path and its endings, longest first: a/b/c, b/c, c."""
    parts = path.split("/")
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _normalize_path(name: str) -> str:
    path = unicodedata.normalize("NFC", name.strip()).casefold().replace("\\", "/")
    return "/".join(part for part in re.sub(r"^(file://|[a-z]:)", "", path).split("/") if part not in ("", "."))


def _normalize_path_stem(name: str) -> str:
    return FILE_EXTENSION_PATTERN.sub("", _normalize_path(name))
