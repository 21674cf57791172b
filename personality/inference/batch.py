"""Predict many videos in parallel processes or on a cluster; an interrupted batch can be continued."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from personality.constants import VERSION
from personality.inference.video_files import VideoPart, file_signature, printable
from personality.inference.video_prediction import Document, PredictionOptions, predict_part
from personality.models.model_card import MODEL_WEIGHTS_FILE
from personality.preprocessing.worker_pools import (
    WORKER_DIED_MESSAGE,
    count_workers,
    limit_to_one_thread,
    open_workers,
)
from personality.utils.atomic_files import file_sha256, hold_lock_file

if TYPE_CHECKING:
    from personality.inference.batch_table import PartKey
    from personality.models.checkpoint import Model


def predict_to_table(
    parts: Sequence[VideoPart],
    folders: Sequence[Path],
    out: Path,
    options: PredictionOptions,
    *,
    workers: int = -1,
    dask: str | None = None,
) -> dict[str, str]:
    """Predict all clips that are not in the table `out` yet, and write their rows as they are finished.

    Parameters
    ----------
    parts : sequence of VideoPart
        As `plan_parts` returns them.
    folders : sequence of Path
        Folders of the models, as for `load_models`.
    out : Path
        A .csv or .parquet file. Rows of unchanged files by the same models are kept; clips that failed are predicted
        again.
    options : PredictionOptions
        How to predict.
    workers : int
        Processes, each with its own copy of the models; -1 for one per core.
    dask : str, optional
        Address of a Dask cluster to use instead; its workers must have access to the same paths.

    Returns
    -------
    dict of str to str
        Error messages by clip.

    Raises
    ------
    ValueError
        `out` has another file extension or other columns, or another process writes to it.
    """
    from tqdm import tqdm

    from personality.inference.batch_table import BatchTable, document_to_row

    lock = out.with_name(f".{out.name}.lock")
    with hold_lock_file(lock, f"Another process is writing {out}; wait for it, or choose another name."):
        table = BatchTable(out, _table_columns(folders))
        by_key = {part.key: part for part in parts}
        table.keep_only(list(by_key))
        signatures = _sign_parts(by_key, folders, options)
        todo = {key: part for key, part in by_key.items() if not table.is_finished(key, signatures[key])}
        try:
            with tqdm(total=len(by_key), initial=len(by_key) - len(todo), desc="predict", unit="clip") as progress:
                for key, documents in predict_in_processes(todo, tuple(folders), options, workers, dask):
                    facts = {"file": printable(str(by_key[key].file)), "signature": signatures[key]}
                    table.add(key, [document_to_row(document) | facts for document in documents])
                    progress.update()
        finally:
            table.keep_only(list(by_key))
            table.save()
            lock.unlink(missing_ok=True)
        return table.errors(list(by_key))


def predict_in_processes(
    todo: dict[PartKey, VideoPart],
    folders: tuple[Path, ...],
    options: PredictionOptions,
    workers: int,
    dask: str | None = None,
) -> Iterator[tuple[PartKey, list[Document]]]:
    """Yield the documents of each part as they are finished. If a process dies, only the clip that caused it is lost:
    the clips that may be the cause are predicted one by one, each in its own process."""
    todo = dict(todo)
    work = partial(_predict_in_worker, folders, options)
    while todo:
        try:
            with open_workers(workers, dask) as parallel:
                for key, documents in parallel(work, list(todo.values())):
                    del todo[key]
                    yield key, documents
        except BrokenExecutor:
            for key in list(todo)[: 3 * count_workers(workers)]:  # joblib dispatches at most as many in advance
                yield key, _predict_isolated(work, todo.pop(key))


def _predict_isolated(work: partial, part: VideoPart) -> list[Document]:
    try:
        with open_workers(2, None) as parallel:  # with one worker joblib does not start a process
            ((_, documents),) = parallel(work, [part])
        return documents
    except BrokenExecutor:
        return [{"clip": printable(part.clip), "error": WORKER_DIED_MESSAGE}]


def _predict_in_worker(
    folders: tuple[Path, ...], options: PredictionOptions, part: VideoPart
) -> tuple[PartKey, list[Document]]:
    with limit_to_one_thread():
        return part.key, predict_part(part, _load_models_once(folders, options.device), options, threads=1)


@lru_cache(maxsize=1)
def _load_models_once(folders: tuple[Path, ...], device: str) -> list[Model]:
    from personality.inference.predict import load_models

    return load_models(folders, device)


def _table_columns(folders: Sequence[Path]) -> list[str]:
    from personality.inference.batch_table import batch_columns
    from personality.inference.face_impressions import FACE_RATING_NAMES
    from personality.inference.predict import list_model_names

    return batch_columns(list_model_names(folders), FACE_RATING_NAMES)


def _sign_parts(
    parts: dict[PartKey, VideoPart], folders: Sequence[Path], options: PredictionOptions
) -> dict[PartKey, str]:
    """Return the signature of each part, which changes with its file, the models and the options."""
    mark = f"{_mark_models(folders)}-{options.signature}"
    ends = {key: f"-{part.span.end:g}" if part.span else "" for key, part in parts.items()}
    return {key: f"{file_signature(part.file)}-{mark}{ends[key]}" for key, part in parts.items()}


def _mark_models(folders: Sequence[Path]) -> str:
    """Return a hash of the weights of the models and of this version, computed without loading the models. Raises
    ValueError if one is missing."""
    weights = [folder / MODEL_WEIGHTS_FILE for folder in folders]
    for file in weights:
        if not file.is_file():
            raise ValueError(f"{file.parent} contains no model; expected {MODEL_WEIGHTS_FILE} in it.")
    return hashlib.sha256(" ".join([VERSION, *map(file_sha256, weights)]).encode()).hexdigest()[:8]
