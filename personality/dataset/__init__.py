"""Datasets: clips with their labels and attributes."""

from __future__ import annotations

from pathlib import Path

from personality.dataset.first_impressions import is_first_impressions, read_first_impressions
from personality.dataset.index import Dataset, DatasetError
from personality.dataset.tabular import CLIPS_TABLE_FILE, read_clips_table
from personality.dataset.youtube_vlogs import find_youtube_vlogs, read_youtube_vlogs
from personality.tables.scales import Scale

__all__ = ["Dataset", "DatasetError", "load_dataset"]


def load_dataset(folder: Path, *, scale: Scale | None = None, is_reversed: bool = False) -> Dataset:
    """Load a dataset: First Impressions or the YouTube Personality vlogs as distributed, or your own videos.

    Parameters
    ----------
    folder
        The folder of the dataset; for your own videos, with the table `clips.csv` (docs/datasets.md).
    scale
        Lowest and highest value of the labels in clips.csv; by default 0 and 1.
    is_reversed
        Whether the fifth trait in clips.csv is neuroticism instead of emotional stability.

    Raises
    ------
    DatasetError
        If the folder does not exist, has none of these layouts, or has files that cannot be read.
    """
    if not folder.is_dir():
        raise DatasetError(f"The folder {folder} does not exist; expected a dataset.")
    if (folder / CLIPS_TABLE_FILE).is_file():
        return read_clips_table(folder, scale=scale, is_reversed=is_reversed)
    if is_first_impressions(folder):
        return read_first_impressions(folder)
    if find_youtube_vlogs(folder):
        return read_youtube_vlogs(folder)
    raise DatasetError(
        f"{folder} contains no annotation_*.pkl (First Impressions), no impression scores (YouTube Personality vlogs) "
        f"and no {CLIPS_TABLE_FILE} (your own videos); docs/datasets.md describes these layouts."
    )
