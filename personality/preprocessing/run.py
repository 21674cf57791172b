"""A dataset becomes a cache: every clip that has no entry yet is read, on one machine's processes or a cluster's."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from personality.dataset.index import Dataset, DatasetError, read_clip
from personality.preprocessing.cache import Cache, finish
from personality.preprocessing.media import MediaError


def preprocess(dataset: Dataset, out: Path, *, workers: int = 1, dask: str | None = None) -> pd.DataFrame:
    """Fill the cache `out` with what is missing and return its table of clips.

    A clip that cannot be read is a row with its `error`; it is tried again by the next run. With `dask` the calls go
    to the cluster at that address, whose workers see the same paths. Prints what stale entries are remade.
    """
    cache = Cache(out)
    states = {clip: cache.state(clip) for clip in dataset.table["clip"]}
    for state, count in Counter(states.values()).items():
        if state != "missing":
            print(
                f"{count:,} entries are {state}{'' if state == 'present' else ' and are made again'}", file=sys.stderr
            )
    todo = dataset.table[dataset.table["clip"].map(lambda clip: states[clip] != "present")]
    absent = dict.fromkeys(todo.loc[todo["location"] == "", "clip"], "the file is missing")
    rows = todo.loc[todo["location"] != "", ["clip", "location"]].itertuples(index=False)
    calls = [joblib.delayed(_read_one)(cache, dataset.root, clip, location) for clip, location in rows]
    with _backend(dask):
        done = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(calls)
        errors = dict(result for result in tqdm(done, total=len(calls), desc="preprocess", unit="clip") if result[1])
    card: dict[str, Any] = {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "root": str(dataset.root.resolve()),
    }
    card["synthetic"] = (dataset.root / "truth.json").is_file()
    out.mkdir(parents=True, exist_ok=True)
    return finish(cache, dataset.table, absent | errors, card)


def _read_one(cache: Cache, root: Path, clip: str, location: str) -> tuple[str, str]:
    """Write the entry of one clip; returns the clip and what went wrong, in words. Runs in a worker."""
    _use_one_thread()
    from personality.preprocessing.sample import read_sample

    try:
        cache.write(clip, read_sample(read_clip(root, location)))
    except (MediaError, DatasetError) as error:
        return clip, str(error)
    return clip, ""


def _use_one_thread() -> None:
    """Processes, not threads, share the cores."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _backend(dask: str | None) -> Any:
    if dask is None:
        return nullcontext()
    try:
        from distributed import Client
    except ImportError as error:
        raise DatasetError(
            "--dask needs the package distributed; `pip install distributed`, also on the workers."
        ) from error
    Client(dask)
    return joblib.parallel_config("dask")
