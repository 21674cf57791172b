"""What the clips are and what people said of them."""

from __future__ import annotations

from pathlib import Path

from personality.dataset.first_impressions import is_first_impressions, read_first_impressions
from personality.dataset.index import Dataset, DatasetError
from personality.dataset.tabular import CLIPS_TABLE_FILE, read_clips_table
from personality.dataset.youtube_vlogs import find_youtube_vlogs, read_youtube_vlogs
from personality.tables.scales import Scale

__all__ = ["Dataset", "DatasetError", "load_dataset"]


def load_dataset(folder: Path, *, scale: Scale | None = None, is_reversed: bool = False) -> Dataset:
    """The dataset in `folder`: First Impressions or the YouTube Personality vlogs as distributed, or anyone's
    `clips.csv`.

    scale, is_reversed: of the labels in clips.csv, as `read_clips_table`.

    Raises DatasetError where there is no such folder, it is none of these, or what it holds cannot be read.
    """
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}; name one that holds a dataset.")
    if (folder / CLIPS_TABLE_FILE).is_file():
        return read_clips_table(folder, scale=scale, is_reversed=is_reversed)
    if is_first_impressions(folder):
        return read_first_impressions(folder)
    if find_youtube_vlogs(folder):
        return read_youtube_vlogs(folder)
    raise DatasetError(
        f"{folder} holds no annotation_*.pkl (First Impressions), no impression scores (YouTube Personality vlogs) and "
        f"no {CLIPS_TABLE_FILE} (your own videos); docs/datasets.md describes these layouts."
    )
