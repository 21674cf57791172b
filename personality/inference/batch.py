"""Many videos in, predictions out: folders are walked, clips shared among processes, a stopped run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from personality.constants import VERSION
from personality.models.model_card import MODEL_WEIGHTS_FILE
from personality.preprocessing.build_cache import (
    WORKER_DIED_MESSAGE,
    count_workers,
    limit_to_one_thread,
    worker_process_options,
)
from personality.preprocessing.media_errors import VIDEO_SUFFIXES, MediaError
from personality.utils.atomic_files import file_sha256, hold_lock_file

if TYPE_CHECKING:
    from personality.models.checkpoint import Model


Document = dict[str, Any]  # as `prediction_to_json` gives it, or clip and error


class VideoFile(NamedTuple):
    """A video file, and what its clip is called."""

    clip: str
    file: Path


def find_videos(paths: Sequence[Path]) -> list[VideoFile]:
    """The files among `paths`, and all videos in the folders among them.

    A clip is called by its file's name, one in a folder by its path within that folder; where two would be called the
    same, by the path as given. Raises ValueError for a folder without videos.
    """
    found = [video for path in paths for video in (_walk(path) if path.is_dir() else [VideoFile(path.name, path)])]
    names = [video.clip for video in found]
    named = [video if names.count(video.clip) == 1 else VideoFile(str(video.file), video.file) for video in found]
    return list({video.clip: video for video in named}.values())  # the same file given twice is one clip


def _walk(folder: Path) -> list[VideoFile]:
    """Hidden files are left out: some systems write one beside each video."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file())
    found = [VideoFile(file.relative_to(folder).as_posix(), file) for file in files if not file.name.startswith(".")]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in VIDEO_SUFFIXES)
        raise ValueError(f"There is no video in {folder}; expected files that end in {kinds}.")
    return found


def predict_video(video: VideoFile, models: Sequence[Model], *, threads: int = 0) -> Document:
    """What `predict --json` prints of a clip; threads: for decoding, 0 is one a core.

    Raises SpeechModelError where words are needed and the recogniser is not installed.
    """
    from personality.inference.predict import predict_updates
    from personality.inference.prediction_document import prediction_to_json
    from personality.preprocessing.sample import read_clip_updates
    from personality.preprocessing.speech_to_text import SpeechModelError

    clip = printable(video.clip)
    try:
        updates = list(predict_updates(read_clip_updates(video.file, threads=threads), models))
        return prediction_to_json(clip, updates, models)
    except MediaError as error:
        return {"clip": clip, "error": printable(str(error))}
    except (SpeechModelError, MemoryError):
        raise
    except Exception as error:  # one unusual clip does not cost the others
        return {"clip": clip, "error": f"it could not be predicted: {type(error).__name__}: {error}".splitlines()[0]}


def printable(name: str) -> str:
    """A name of a file that can be printed and stored: bytes that are not UTF-8 become question marks."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def predict_to_table(
    videos: Sequence[VideoFile], folders: Sequence[Path], out: Path, *, workers: int
) -> dict[str, str]:
    """Predict all clips that the table `out` does not have yet, and write their rows as they are finished.

    Parameters
    ----------
    videos : sequence of VideoFile
        What `find_videos` gives.
    folders : sequence of Path
        The models, as `load_models` takes them.
    out : Path
        A .csv or .parquet file. Rows of files that are unchanged, by the same models, are kept; failed ones are tried
        again.
    workers : int
        Processes, each with the models in its memory; -1 is one a core.

    Returns
    -------
    dict of str to str
        What went wrong, by clip.

    Raises
    ------
    ValueError
        `out` has another ending or is another table, or another process writes to it.
    """
    from tqdm import tqdm

    from personality.inference.batch_table import BatchTable, document_to_row

    lock = out.with_name(f".{out.name}.lock")
    with hold_lock_file(lock, f"Another process is writing {out}; wait for it, or choose another name."):
        table, mark = BatchTable(out, _table_columns(folders)), _mark_models(folders)
        clips = {printable(video.clip): video for video in videos}
        table.keep_only(list(clips))
        signatures = {clip: f"{_file_signature(video.file)}-{mark}" for clip, video in clips.items()}
        todo = {clip: video for clip, video in clips.items() if not table.is_finished(clip, signatures[clip])}
        try:
            with tqdm(total=len(clips), initial=len(clips) - len(todo), desc="predict", unit="clip") as progress:
                for document in predict_in_processes(todo, tuple(folders), workers):
                    clip = document["clip"]
                    facts = {"file": printable(str(clips[clip].file)), "signature": signatures[clip]}
                    table.add(document_to_row(document) | facts)
                    progress.update()
        finally:
            table.keep_only(list(clips))
            table.save()
            lock.unlink(missing_ok=True)
        return table.errors(list(clips))


def predict_in_processes(todo: dict[str, VideoFile], folders: tuple[Path, ...], workers: int) -> Iterator[Document]:
    """The document of each clip, as they are finished. A clip that kills its process costs itself only: those that may
    be to blame are predicted one by one, each in a process of its own."""

    todo = dict(todo)
    while todo:
        try:
            for document in _run(folders, list(todo.values()), workers):
                del todo[document["clip"]]
                yield document
        except BrokenExecutor:
            for clip in list(todo)[: 3 * count_workers(workers)]:  # joblib hands out no more ahead
                yield _predict_isolated(folders, clip, todo.pop(clip))


def _predict_isolated(folders: tuple[Path, ...], clip: str, video: VideoFile) -> Document:
    try:
        (document,) = _run(folders, [video], 2)  # with one worker joblib would not make a process
        return document
    except BrokenExecutor:
        return {"clip": clip, "error": WORKER_DIED_MESSAGE}


def _run(folders: tuple[Path, ...], videos: Iterable[VideoFile], workers: int) -> Iterator[Document]:
    import joblib

    processes = joblib.Parallel(workers, return_as="generator_unordered", **worker_process_options())
    predict: Callable[..., Any] = joblib.delayed(_predict_in_worker)
    return processes(predict(video, folders) for video in videos)


def _predict_in_worker(video: VideoFile, folders: tuple[Path, ...]) -> Document:

    with limit_to_one_thread():
        return predict_video(video, _load_models_once(folders), threads=1)


@lru_cache(maxsize=1)
def _load_models_once(folders: tuple[Path, ...]) -> list[Model]:
    from personality.inference.predict import load_models

    return load_models(folders)


def _table_columns(folders: Sequence[Path]) -> list[str]:
    from personality.inference.batch_table import batch_columns
    from personality.inference.face_impressions import FACE_RATING_NAMES
    from personality.inference.predict import name_models

    return batch_columns(name_models(folders), FACE_RATING_NAMES)


def _mark_models(folders: Sequence[Path]) -> str:
    """What tells these models, by this version, from others. Only the workers load them. Raises ValueError where one is
    missing."""
    weights = [folder / MODEL_WEIGHTS_FILE for folder in folders]
    for file in weights:
        if not file.is_file():
            raise ValueError(f"{file.parent} contains no model; expected {MODEL_WEIGHTS_FILE} in it.")
    return hashlib.sha256(" ".join([VERSION, *map(file_sha256, weights)]).encode()).hexdigest()[:8]


def _file_signature(file: Path) -> str:
    """What tells a file from a changed one."""
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}-{status.st_mtime_ns}"
