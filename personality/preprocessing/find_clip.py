"""Find the video of a clip that is in a cache of the workspace."""

from __future__ import annotations

from pathlib import Path

from personality.dataset.archives import get_clip_path_or_bytes
from personality.dataset.index import DatasetError
from personality.preprocessing.cache import Cache
from personality.utils.workspace import list_finished_caches


def find_clip(clip: str) -> Path | bytes | None:
    """Return the path of a clip's video (its bytes if it is in an archive) from the first dataset in the workspace that
    has it; None if no cache includes the clip or the file is missing."""
    for folder in list_finished_caches():
        cache = Cache(folder)
        location = cache.clips.loc[cache.clips["clip"].eq(clip), "location"]
        if len(location) and location.iloc[0]:
            try:
                found = get_clip_path_or_bytes(Path(cache.card["root"]), location.iloc[0])
            except DatasetError:
                continue
            if isinstance(found, bytes) or found.is_file():
                return found
    return None
