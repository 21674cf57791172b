"""A cache with the training clips of a second one, to train on two datasets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from personality.preprocessing.cache import Cache, CacheError


@dataclass(frozen=True)
class JoinedCache(Cache):
    """All clips of a cache, then the training clips of `extra`; card, tables and other splits are those of the first.

    Raises CacheError, when its clips are read, if a clip of `extra` has the name of another clip.
    """

    extra: Cache | None = None

    @cached_property
    def clips(self) -> pd.DataFrame:
        """As in Cache."""
        assert self.extra is not None
        own, more = super().clips, self.extra.labelled_clips("training")
        twice = more["clip"].isin(own["clip"])
        if twice.any():
            name = more.loc[twice, "clip"].iloc[0]
            raise CacheError(f"{self.extra.folder} and {self.folder} both have a clip {name}; rename one of them.")
        return pd.concat([own, more], ignore_index=True)

    @cached_property
    def _extra_clip_names(self) -> frozenset[str]:
        assert self.extra is not None
        return frozenset(self.extra.labelled_clips("training")["clip"])

    def entry_path(self, clip: str) -> Path:
        """As in Cache: where the entry of `clip` is, in either folder."""
        return (
            self.extra.entry_path(clip) if self.extra and clip in self._extra_clip_names else super().entry_path(clip)
        )


def open_cache(folder: Path, extra: Path | None) -> Cache:
    """The cache in `folder`, joined with the training split of `extra` if one is given."""
    return Cache(folder) if extra is None else JoinedCache(folder, extra=Cache(extra))
