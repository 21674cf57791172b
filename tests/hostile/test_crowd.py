"""A normal visitor next to hostile ones, and the server's memory after a clip's visitor has left."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from personality.assets import demo
from server.limits import LOST_SESSION_SECONDS
from tests.browser.server import ROOT, served
from tests.hostile.conftest import FULL
from tests.hostile.test_uploads import measured, server_of
from tests.hostile.visitor import Visitor, asked, visiting

MAX_SLOWDOWN = 3  # factor compared with a single visitor
MAX_GROWTH_MEGABYTES = 1500
SECONDS = 600  # how long the hostile visitors would stay if they were not stopped
Outcome = Callable[[str, str], None]


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    with served(tmp_path) as address:
        yield address


def press(visitor: Visitor, key: str) -> None:
    visitor.ask([WidgetState(id=visitor.widget("button", key), trigger_value=True)], page_name="predict")


def predicted(visitor: Visitor) -> float:
    """Seconds until the prediction for the practice sample is complete; the sample is then deleted."""
    began = time.monotonic()
    press(visitor, "practice_sample")
    seconds = time.monotonic() - began
    press(visitor, "delete_clip")
    return seconds


@contextmanager
def crowd(address: str, count: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.hostile.crowd", address, str(count), str(SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(5)  # until all are connected
            assert process.poll() is None
            yield
        finally:
            process.kill()


@pytest.mark.trial
def test_normal_visitor_next_to_hostile_visitors(public: str, outcome: Outcome) -> None:
    count, often, pid = 20, 5, server_of(public)
    with visiting(public) as honest:
        honest.ask(page_name="predict")
        predicted(honest)  # warm-up
        alone = median(predicted(honest) for _ in range(often))
        before = measured(pid)[0]
        with crowd(public, count):
            times = [predicted(honest) for _ in range(often)]
            grown = measured(pid)[0] - before
    slower = median(times) / alone
    assert slower <= MAX_SLOWDOWN, f"{times}, alone {alone:.1f} s"
    assert grown <= MAX_GROWTH_MEGABYTES, f"{grown:.0f} MB"
    words = f"a prediction takes {slower:.1f} times as long as without them; the server grows by {grown:+.0f} MB"
    outcome(f"a normal visitor of a public server next to {count} hostile ones", words)


def holds(pid: int, needle: bytes) -> bool:
    """Whether the memory of a process contains these bytes in sequence."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            with suppress(OSError, OverflowError, ValueError):
                memory.seek(start)
                if " rw" in line and needle in memory.read(end - start):
                    return True
    return False


def own_clip() -> tuple[bytes, bytes]:
    """The practice sample with a box of noise appended; returns the clip and the noise."""
    noise = random.Random(1).randbytes(3 * 2**20)
    return demo.DEMO_CLIP_FILE.read_bytes() + (len(noise) + 8).to_bytes(4, "big") + b"free" + noise, noise


def show(visitor: Visitor, clip: bytes) -> str:
    """Upload a clip with the page's uploader; returns the URL from which its player plays."""
    visitor.ask(page_name="predict")
    consent = WidgetState(id=visitor.widget("checkbox", "consent"), bool_value=True)
    visitor.ask([consent], page_name="predict")
    status, file = visitor.put(clip)
    assert status == 204
    uploader = WidgetState(id=visitor.widget("file_uploader", "video_0"))
    uploader.file_uploader_state_value.uploaded_file_info.add(file_id=file, name="a.mp4", size=len(clip))
    visitor.ask([consent, uploader], page_name="predict")
    return next(element.video.url for element in visitor.elements if element.WhichOneof("type") == "video")


@pytest.mark.parametrize("end", ["tab closed", *(["deleted", "connection lost"] if FULL else [])])
@pytest.mark.trial
def test_memory_does_not_contain_a_clip_after_its_visit(public: str, end: str, outcome: Outcome) -> None:
    clip, noise = own_clip()
    pid = server_of(public)
    with visiting(public) as visitor:
        player = show(visitor, clip)
        answer, body = asked(public, player)
        assert (answer.status, body, answer.getheader("cache-control")) == (200, clip, "no-store")
        assert holds(pid, noise)
        if end == "deleted":
            press(visitor, "delete_clip")
        if end == "connection lost":
            visitor.socket.socket.close()
    seconds = within(LOST_SESSION_SECONDS + 30 if end == "connection lost" else 30, lambda: not holds(pid, noise))
    assert asked(public, player)[0].status == 404
    outcome(f"clip in the memory of the server: {end}", f"removed after {seconds:.0f} s, together with its media URL")


def within(seconds: float, done: Callable[[], bool]) -> float:
    """Wait until `done`, at most `seconds`; returns how long it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds
        time.sleep(0.5)
    return time.monotonic() - began
