"""Pack a synthetic dataset like the distribution of First Impressions: nested zip archives and transcripts.

With it, all steps from the downloaded archives to a report can be tested without the real data.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from personality.dataset.index import SPLITS
from personality.dataset.safe_pickle import write_transcription
from personality.utils.atomic_files import atomic_path

FOLDERS_PER_ARCHIVE = 25  # inner archives, of 80 clips each, per outer archive
SENTENCES_PER_CLIP = 3
OPENINGS = ("I think that", "Last week", "You know,", "In my opinion,", "Today")
SUBJECTS = ("my brother", "our new teacher", "the whole team", "a friend of mine", "everyone I know")
PREDICATES = (
    *("talked about the game for hours", "cooked dinner for the neighbors", "forgot the keys again"),
    *("really enjoyed the trip", "did not like that movie at all", "worked late to finish the project"),
)


def pack_as_distributed(folder: Path, table: pd.DataFrame, seed: int) -> None:
    """Replace the folders of clips by nested archives, and write transcripts.

    Parameters
    ----------
    folder : Path
        A dataset that `synthesize` wrote.
    table : DataFrame
        Its clips, with columns clip, split and folder (such as `training80_01`).
    seed : int
        Seed of the sentences, which are random and unrelated to the labels.
    """
    for split in SPLITS:
        rows = table[table["split"].eq(split)]
        names = rows["folder"].unique()
        for number, first in enumerate(range(0, len(names), FOLDERS_PER_ARCHIVE), 1):
            _pack_folders(folder, f"{split}-{number}.zip", list(names[first : first + FOLDERS_PER_ARCHIVE]))
        texts = {clip: _write_sentences(clip, seed) for clip in rows["clip"]}
        write_transcription(folder / "annotation" / f"transcription_{split}.pkl", texts)


def _pack_folders(folder: Path, archive: str, names: list[str]) -> None:
    """Move folders of clips into an archive, each as a nested archive; videos are stored without compression."""
    with atomic_path(folder / archive) as path, zipfile.ZipFile(path, "w") as outer:
        for name in names:
            with outer.open(f"{name}.zip", "w", force_zip64=True) as file, zipfile.ZipFile(file, "w") as inner:
                for clip in sorted((folder / name).iterdir()):
                    inner.write(clip, f"{name}/{clip.name}")
    for name in names:
        for clip in (folder / name).iterdir():
            clip.unlink()
        (folder / name).rmdir()


def _write_sentences(clip: str, seed: int) -> str:
    random = np.random.default_rng((seed, *clip.encode()))
    parts = (OPENINGS, SUBJECTS, PREDICATES)
    return " ".join(" ".join(str(random.choice(part)) for part in parts) + "." for _ in range(SENTENCES_PER_CLIP))
