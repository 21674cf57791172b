"""Compute features of the clips of a cache with frozen encoders, and store them as tables of the cache."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from personality.models.encoders.encoding import FACE_KINDS, name_columns
from personality.models.encoders.load import Encoder, describe_encoding, load_encoder
from personality.preprocessing.cache import Cache
from personality.preprocessing.feature_tables import write_feature_table
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample
from personality.preprocessing.speech_to_text import Transcript
from personality.utils.atomic_files import atomic_path

PART_CLIPS = 256  # clips per file while an encoder runs; an interruption loses at most as many
TIMED_CLIPS = 4  # clips encoded to estimate the time
READER_THREADS = 2


@dataclass(frozen=True)
class EmbedEstimate:
    """Estimated cost of running an encoder: number of clips, size of the table in MiB, and seconds."""

    clips: int
    megabytes: float
    seconds: float


class EmbedJob:
    """An encoder and the clips of a cache that it can read."""

    def __init__(self, cache: Cache, encoder: str, *, device: str | None = None, batch: int = 16) -> None:
        """
        Parameters
        ----------
        cache : Cache
            A finished cache; it must include all sound for an encoder to read more than the first 5 s.
        encoder : str
            KIND:NAME.
        device : str, optional
            Device of torch; by default a CUDA GPU if there is one.
        batch : int
            Clips per step.

        Raises
        ------
        EncoderError
            The weights are missing or do not fit.
        CacheError
            The encoder reads words, and the cache has no transcripts.
        """
        self.cache, self.batch = cache, batch
        self.encoding = describe_encoding(encoder, window=not cache.has_whole_sound)
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._texts = cache.transcripts if self.encoding.reads_words else {}
        self._parts = cache.folder / "parts" / cache.table_path(self.encoding.table).stem

    @property
    def is_done(self) -> bool:
        """Return whether the cache has the table."""
        return self.encoding.table in self.cache.tables

    @property
    def encoder(self) -> Encoder:
        """Return the encoder, which is loaded at the first use."""
        return load_encoder(self.encoding, self._device)

    @property
    def clips(self) -> list[str]:
        """Return the clips that have the input of the encoder."""
        table = self.cache.clips
        if self.encoding.reads_words:
            return [clip for clip in table["clip"] if clip in self._texts]
        column = "faces" if self.encoding.kind in FACE_KINDS else "audio_seconds"
        return table.loc[table[column] > 0, "clip"].tolist()

    def estimate(self) -> EmbedEstimate:
        """Encode a few clips, and extrapolate to all."""
        clips = self.clips
        samples = self._usable(self._read(clips[:TIMED_CLIPS]))[1]
        if samples:
            self.encoder.encode(samples[:1])  # loads and compiles the network, so that it is not timed
        start = time.monotonic()
        if samples:
            self.encoder.encode(self._usable(self._read(clips[:TIMED_CLIPS]))[1])
        seconds = (time.monotonic() - start) / max(1, len(samples))
        values = len(clips) * self.encoder.steps * self.encoder.size
        return EmbedEstimate(len(clips), values * np.dtype(np.float16).itemsize / 2**20, seconds * len(clips))

    def run(self) -> int:
        """Encode all clips, write the table in half precision, and return the number of its rows.

        If the run is interrupted, the next one continues with the clips that are not encoded yet.
        """
        self._parts.mkdir(parents=True, exist_ok=True)
        clips = self.clips
        parts = [clips[start : start + PART_CLIPS] for start in range(0, len(clips), PART_CLIPS)]
        with tqdm(total=len(clips), desc=self.encoding.encoder, unit="clip") as bar:
            paths = [self._write_part(part, bar) for part in parts]
        table = pd.concat([pd.read_parquet(path) for path in paths]) if paths else self._to_table([], [])
        write_feature_table(self.cache, self.encoding.table, table)
        shutil.rmtree(self._parts)
        return len(table)

    def _write_part(self, clips: list[str], bar: tqdm) -> Path:
        """Write the features of some clips to a file unless an earlier run has, and return its path."""
        digest = hashlib.sha256("\0".join(clips).encode()).hexdigest()
        path = self._parts / f"{digest[:16]}.parquet"
        if not path.exists():
            encoded = list(self._encode(clips, bar))
            table = self._to_table([one for names, _ in encoded for one in names], [rows for _, rows in encoded])
            with atomic_path(path) as temporary:
                table.to_parquet(temporary)
        else:
            bar.update(len(clips))
        return path

    def _encode(self, clips: list[str], bar: tqdm) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield batches of clips with their features; the next batches are read at the same time."""
        batches = [clips[start : start + self.batch] for start in range(0, len(clips), self.batch)]
        with ThreadPoolExecutor(READER_THREADS) as pool:
            waiting = [pool.submit(self._read, batch) for batch in batches[:READER_THREADS]]
            for number in range(len(batches)):
                names, samples = self._usable(waiting[number].result())
                if number + READER_THREADS < len(batches):
                    waiting.append(pool.submit(self._read, batches[number + READER_THREADS]))
                if samples:
                    yield names, self.encoder.encode(samples)
                bar.update(len(batches[number]))

    def _read(self, clips: Sequence[str]) -> list[tuple[str, Sample]]:
        if self.encoding.reads_words:
            return [(clip, replace(EMPTY_SAMPLE, transcript=Transcript(self._texts[clip], ()))) for clip in clips]
        crops = None if self.encoding.kind in FACE_KINDS else np.zeros(0, int)
        return [(clip, self.cache.read(clip, crops)) for clip in clips]

    def _usable(self, read: list[tuple[str, Sample]]) -> tuple[list[str], list[Sample]]:
        """Return the clips for which the encoder has features, and their samples."""
        usable = [(clip, sample) for clip, sample in read if not self.encoder.explain_missing(sample)]
        return [clip for clip, _ in usable], [sample for _, sample in usable]

    def _to_table(self, clips: list[str], rows: list[np.ndarray]) -> pd.DataFrame:
        steps, size = self.encoder.steps, self.encoder.size
        values = np.concatenate(rows).reshape(-1, steps * size) if rows else np.zeros((0, steps * size))
        limit = np.finfo(np.float16).max
        half = np.clip(values, -limit, limit).astype(np.float16)
        return pd.DataFrame(half, pd.Index(clips, name="clip"), list(name_columns(steps, size)))
