"""Files read in a separate process, which may die, hang or exceed its limits."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from personality.assets import demo
from personality.constants import LOCAL_UPLOAD_LIMITS
from personality.preprocessing.media import Metadata, open_media
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import DetectedPeople, Sample, read_sample, read_wideband
from personality.preprocessing.sandbox import client
from personality.preprocessing.sandbox.client import (
    find_faces_in_sandbox,
    read_clip_in_sandbox,
    read_wideband_in_sandbox,
)
from personality.preprocessing.snapshots import find_faces_in_snapshots, pack_snapshots
from personality.preprocessing.voice_descriptors import compute_voice_descriptors
from tests.preprocessing.clips import two_people, video_of
from tests.waiting import wait_for


def living() -> list[tuple[int, int, int]]:
    """List each living process with its parent and its group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, group, *_ = stat.read_text().rsplit(")", 1)[1].split()
            found += [(int(stat.parent.name), int(parent), int(group))] if state != "Z" else []
    return found


def children_of(pid: int) -> list[int]:
    return [child for child, parent, _ in living() if parent == pid]


def the_reader() -> int:
    client.start_reader_process()
    assert client._reader is not None
    return client._reader[0].pid


def read_and_send(number: signal.Signals, data: bytes, **how: float) -> None:
    """Read a file, and send a signal to the child as soon as it has sent the metadata."""
    reader, pieces = the_reader(), read_clip_in_sandbox(data, **how)  # type: ignore[arg-type]
    assert isinstance(next(pieces), Metadata)
    (child,) = children_of(reader)
    os.kill(child, number)
    list(pieces)


def last(data: bytes, **how: float) -> Sample:
    *_, sample = read_clip_in_sandbox(data, **how)  # type: ignore[arg-type]
    assert isinstance(sample, Sample)
    return sample


def test_sandbox_result_equals_result_of_this_process() -> None:
    here, apart = read_sample(demo.DEMO_CLIP_FILE), last(demo.DEMO_CLIP_FILE.read_bytes())
    np.testing.assert_array_equal(here.faces, apart.faces)
    np.testing.assert_array_equal(here.audio, apart.audio)
    np.testing.assert_array_equal(here.boxes, apart.boxes)
    np.testing.assert_array_equal(here.voice_descriptors, apart.voice_descriptors)
    assert (here.age, here.gender, here.warnings) == (apart.age, apart.gender, apart.warnings)


def test_without_faces_the_sandbox_reads_only_the_sound() -> None:
    data = demo.DEMO_CLIP_FILE.read_bytes()
    *_, without = read_clip_in_sandbox(data, faces=False)
    assert isinstance(without, Sample)
    assert len(without.faces) == 0
    np.testing.assert_array_equal(without.voice_descriptors, last(data).voice_descriptors)


def test_pictures_of_a_camera_are_searched_in_the_sandbox() -> None:
    with open_media(demo.DEMO_CLIP_FILE) as video:
        picture = next(video.frames()).picture()
    jpeg = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
    (here,) = find_faces_in_snapshots(pack_snapshots([jpeg]))
    (apart,) = find_faces_in_sandbox([jpeg])
    assert (apart.time, apart.box, apart.score) == (here.time, here.box, here.score)
    with pytest.raises(MediaError, match="neither JPEG nor PNG"):
        find_faces_in_sandbox([jpeg, b"no picture"])


def test_sound_at_the_rate_of_the_descriptors_is_read_in_the_sandbox() -> None:
    apart = read_wideband_in_sandbox(demo.DEMO_CLIP_FILE.read_bytes())
    np.testing.assert_array_equal(apart, read_wideband(demo.DEMO_CLIP_FILE).samples)
    sample = read_sample(demo.DEMO_CLIP_FILE)
    np.testing.assert_array_equal(compute_voice_descriptors(apart), sample.voice_descriptors)
    with pytest.raises(MediaError):
        read_wideband_in_sandbox(b"no video")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of black frames of eight million pixels."""
    return video_of(tmp_path_factory.mktemp("large") / "large.mp4", np.zeros((2000, 4096, 3), np.uint8))


def test_killed_child_raises_clear_error_and_next_file_is_read(large: bytes) -> None:
    with pytest.raises(MediaError, match="ended the process"):
        read_and_send(signal.SIGKILL, large)
    assert len(last(demo.DEMO_CLIP_FILE.read_bytes()).faces) == 16


def test_hanging_child_is_killed_at_its_time_limit(large: bytes) -> None:
    with pytest.raises(MediaError, match="took more than 3 s"):
        read_and_send(signal.SIGSTOP, large, seconds=3.0)
    wait_until_alone()


def test_dead_reader_process_is_restarted() -> None:
    os.kill(the_reader(), signal.SIGKILL)
    assert client._reader is not None
    client._reader[0].wait()
    assert len(last(demo.DEMO_CLIP_FILE.read_bytes()).faces) == 16


def test_stopped_reader_process_is_replaced_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process, its forked children and its descriptors are cleaned up."""
    last(demo.DEMO_CLIP_FILE.read_bytes())
    stopped, before = the_reader(), len(list(Path("/proc/self/fd").iterdir()))
    assert client._reader is not None
    client._reader = client._reader._replace(ready=0.0)
    monkeypatch.setattr(client, "READER_GRACE_SECONDS", 1.0)
    pieces = read_clip_in_sandbox(demo.DEMO_CLIP_FILE.read_bytes(), seconds=2.0)
    assert isinstance(next(pieces), Metadata)
    os.killpg(stopped, signal.SIGSTOP)
    with pytest.raises(MediaError, match="took more than 2 s"):
        list(pieces)
    # A process that was killed lives until the kernel has removed it.
    wait_for(lambda: stopped not in [group for *_, group in living()])
    assert len(last(demo.DEMO_CLIP_FILE.read_bytes()).faces) == 16
    assert the_reader() != stopped
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_memory_is_limited(large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of the reader process are limited to 50 MB more than at their start; a frame as a picture has 24 MB."""
    monkeypatch.setattr(client, "_reader", None)  # the process of the other tests goes on
    script = "import runpy; from personality.constants import LIMITS;"
    script += "object.__setattr__(LIMITS, 'reader_bytes', 50 * 2**20);"
    script += "runpy.run_module('personality.preprocessing.sandbox.worker', run_name='__main__')"
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$3"\n')
    (tmp_path / "python").chmod(0o700)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    try:
        with pytest.raises(MediaError):  # memory may be refused first to the decoder, its threads or numpy
            last(large)
    finally:
        client._stop_reader()
    monkeypatch.undo()
    assert last(large).warnings[0] == "no face was found"


def test_file_leaves_no_open_descriptor_and_no_data_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pieces = read_clip_in_sandbox(demo.DEMO_CLIP_FILE.read_bytes())
    assert isinstance(next(pieces), Metadata)
    assert list(tmp_path.iterdir()) == []  # the file never has a name
    pieces.close()  # type: ignore[attr-defined]
    wait_until_alone()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        last(demo.DEMO_CLIP_FILE.read_bytes())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def wait_until_alone() -> None:
    reader = the_reader()
    for _ in range(int(LOCAL_UPLOAD_LIMITS.reader_seconds * 10)):
        if not children_of(reader):
            return
        time.sleep(0.1)
    raise AssertionError("a child is left")


def test_several_people_are_reported_and_the_chosen_one_is_followed(tmp_path: Path) -> None:
    data = two_people(tmp_path / "two.mp4")
    people = [piece for piece in read_clip_in_sandbox(data) if isinstance(piece, DetectedPeople)]
    assert len(people) == 1
    assert people[0].crops.shape == (2, 224, 224, 3)
    assert people[0].chosen == 1  # in a picture in which nothing moves, the largest
    assert last(data).boxes[:, 0].min() > 150
    assert last(data, person=1).boxes[:, 2].max() < 150
    with pytest.raises(MediaError, match="person 3"):
        last(data, person=3)


def test_reply_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    data = demo.DEMO_CLIP_FILE.read_bytes()
    sizes = [sum(np.asarray(value).nbytes for value in vars(piece).values()) for piece in read_clip_in_sandbox(data)]
    assert max(sizes) < 4e6 < sum(sizes)
    with monkeypatch.context() as patch:
        patch.setattr(client, "MAX_READER_REPLY_BYTES", 4_000_000)  # more than a single piece, less than all pieces
        with pytest.raises(MediaError, match="ended the process"):
            list(read_clip_in_sandbox(data))
    assert len(list(read_clip_in_sandbox(data))) == len(sizes)
