"""One honest visitor beside those who take what they can get, and what is left of a clip when its visitor has gone."""

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

SLOWER = 3  # times as long as alone, at most
GROWTH = 1500  # megabytes, at most
SECONDS = 600  # that the crowd would stay, were it not sent away
Share = Callable[[int, int], int]
Outcome = Callable[[str, str], None]


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    with served(tmp_path) as address:
        yield address


def press(visitor: Visitor, key: str) -> None:
    visitor.ask([WidgetState(id=visitor.widget("button", key), trigger_value=True)], page_name="predict")


def predicted(visitor: Visitor) -> float:
    """Seconds until everything is known of the practice sample, which is then forgotten."""
    began = time.monotonic()
    press(visitor, "practice_sample")
    seconds = time.monotonic() - began
    press(visitor, "forget")
    return seconds


@contextmanager
def crowd(address: str, count: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.hostile.crowd", address, str(count), str(SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(5)  # until they are all there
            assert process.poll() is None
            yield
        finally:
            process.kill()


def test_an_honest_visitor_beside_hostile_ones(public: str, share: Share, outcome: Outcome) -> None:
    count, often, pid = share(20, 8), share(5, 1), server_of(public)
    with visiting(public) as honest:
        honest.ask(page_name="predict")
        predicted(honest)  # loads what there is to load
        alone = median(predicted(honest) for _ in range(often))
        before = measured(pid)[0]
        with crowd(public, count):
            times = [predicted(honest) for _ in range(often)]
            grown = measured(pid)[0] - before
    slower = median(times) / alone
    # Beside other tests, which take the cores as they like, it has to end; alone on the machine it has to be quick.
    assert slower <= (SLOWER if often > 1 else 10 * SLOWER), f"{times}, alone {alone:.1f} s"
    assert grown <= GROWTH, f"{grown:.0f} MB"
    words = f"its prediction takes {slower:.1f} times as long as alone, the server grows by {grown:+.0f} MB"
    outcome(f"{count} hostile visitors of a public server beside an honest one", words)


def holds(pid: int, needle: bytes) -> bool:
    """Whether the memory of a process has these bytes in one piece."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            with suppress(OSError, OverflowError, ValueError):
                memory.seek(start)
                if " rw" in line and needle in memory.read(end - start):
                    return True
    return False


def own_clip() -> tuple[bytes, bytes]:
    """The practice sample with a box of noise behind it, which is told too."""
    noise = random.Random(1).randbytes(3 * 2**20)
    return demo.DEMO_CLIP_FILE.read_bytes() + (len(noise) + 8).to_bytes(4, "big") + b"free" + noise, noise


def show(visitor: Visitor, clip: bytes) -> str:
    """Upload a clip by the page's uploader; the address that its player plays from."""
    visitor.ask(page_name="predict")
    consent = WidgetState(id=visitor.widget("checkbox", "consent"), bool_value=True)
    visitor.ask([consent], page_name="predict")
    status, file = visitor.put(clip)
    assert status == 204
    uploader = WidgetState(id=visitor.widget("file_uploader", "video_0"))
    uploader.file_uploader_state_value.uploaded_file_info.add(file_id=file, name="a.mp4", size=len(clip))
    visitor.ask([consent, uploader], page_name="predict")
    return next(element.video.url for element in visitor.elements if element.WhichOneof("type") == "video")


@pytest.mark.parametrize("end", ["tab closed", *(["forgotten", "connection lost"] if FULL else [])])
def test_nothing_of_a_clip_outlives_its_visit(public: str, end: str, outcome: Outcome) -> None:
    clip, noise = own_clip()
    pid = server_of(public)
    with visiting(public) as visitor:
        player = show(visitor, clip)
        answer, body = asked(public, player)
        assert (answer.status, body, answer.getheader("cache-control")) == (200, clip, "no-store")
        assert holds(pid, noise)
        if end == "forgotten":
            press(visitor, "forget")
        if end == "connection lost":
            visitor.socket.socket.close()
    seconds = within(LOST_SESSION_SECONDS + 30 if end == "connection lost" else 30, lambda: not holds(pid, noise))
    assert asked(public, player)[0].status == 404
    outcome(f"a clip in the memory of a server: {end}", f"gone after {seconds:.0f} s, and the player's address with it")


def within(seconds: float, done: Callable[[], bool]) -> float:
    """How long it takes, at most so many seconds."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds
        time.sleep(0.5)
    return time.monotonic() - began
