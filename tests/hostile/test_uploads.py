"""Uploads: the server's memory does not grow, file names have no effect, browsers see only their own results."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from personality.assets import demo
from personality.utils.atomic_files import write_json
from personality.utils.workspace import CHOSEN_MODELS_FILE
from tests.browser.server import CHROMIUM_FLAGS, SLOW, browser, chromium, served, settle
from tests.browser.test_browser import upload
from tests.pages.visits import visit, words
from tests.preprocessing.clips import sample_picture, video_of
from training.runs.run import process_start_time

needs_chromium = pytest.mark.skipif(chromium() is None, reason="no Chromium: install one, or name it in CHROMIUM")
# No address, and 127.0.0.1, in the kernel's format; the same for IPv6.
NEAR = ("00000000", "0100007F", "0" * 32, "0" * 24 + "01000000", "0000000000000000FFFF00000100007F")
REST = 30  # seconds to wait until a server is idle
WARM = 4  # uploads to warm up, until everything is loaded and the buffers have their final size
Share = Callable[[int, int], int]
Outcome = Callable[[str, str], None]


def padded(folder: Path, number: int, megabytes: int = 4) -> Path:
    """The sample padded to a size; each number gives a different file."""
    data, path = demo.DEMO_CLIP_FILE.read_bytes(), folder / f"upload-{number}.mp4"
    padding = megabytes * 2**20 - len(data)
    path.write_bytes(data + padding.to_bytes(4, "big") + b"free" + number.to_bytes(8, "big") + bytes(padding - 16))
    return path


def server_of(address: str) -> int:
    """The process that serves an address."""
    port = f"--server.port={address.rpartition(':')[2]}".encode()
    (found,) = (
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if port in readable(path).split(b"\0")
    )
    return found


def readable(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def family(pid: int) -> list[int]:
    """A process and its children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in readable(task / "children").split())]


def remote_addresses(pid: int) -> set[str]:
    """The addresses of other machines to which a process and its children are connected, also by native code."""
    tables = [readable(Path(f"/proc/{pid}/net/{kind}")).decode().splitlines()[1:] for kind in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    far = {row[9]: row[2] for row in rows if row[2].partition(":")[0] not in NEAR}
    held = set()
    for file in (file for one in family(pid) for file in Path(f"/proc/{one}/fd").iterdir()):
        with suppress(OSError):
            held.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
    return {far[number] for number in far.keys() & held}


def measured(pid: int) -> tuple[float, int, int]:
    """Resident megabytes, file descriptors and threads of a process and its children."""
    memory, descriptors, threads = 0.0, 0, 0
    for one in family(pid):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines())
        memory += int(status["VmRSS"].split()[0]) / 1024
        descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
        threads += int(status["Threads"])
    return memory, descriptors, threads


def again(page: Page, path: Path) -> None:
    """Delete the current clip and upload another."""
    forget = page.get_by_role("button", name="Delete this clip")
    settle(page)
    while forget.is_visible():
        with suppress(PlaywrightError):  # a click may be lost while the page is drawing
            forget.click(timeout=5_000)
        with suppress(PlaywrightError):
            forget.wait_for(state="hidden", timeout=10_000)
    settle(page)
    page.get_by_text("The person in the video is me").click()  # required for each clip
    uploader = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    expect(uploader).to_be_enabled(timeout=30_000)
    uploader.set_input_files(path)
    page.get_by_text("16 found").wait_for(timeout=SLOW)
    page.get_by_role("heading", name="Explanations").wait_for(timeout=SLOW)


@pytest.mark.trial
@needs_chromium
def test_server_memory_does_not_grow_with_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    count, megabytes = 100, 4
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "workspace").mkdir()
    with browser() as instance:
        monkeypatch.setenv("TMPDIR", str(temporary))  # for the server, not the browser
        with served(tmp_path / "workspace") as address:
            page, pid = instance.new_page(), server_of(address)
            upload(page, address, padded(tmp_path, 0, megabytes))
            page.get_by_role("heading", name="Explanations").wait_for(timeout=SLOW)
            for number in range(1, WARM):
                again(page, padded(tmp_path, number, megabytes))
            memory, descriptors, threads = measured(pid)
            for number in range(WARM, WARM + count):
                again(page, padded(tmp_path, number, megabytes))
                assert remote_addresses(pid) == set()
            for _ in range(REST):  # connections of the browser change; only what remains counts as growth
                grown = [
                    now - before for now, before in zip(measured(pid), (memory, descriptors, threads), strict=True)
                ]
                if max(grown[1:]) <= 0:
                    break
                page.wait_for_timeout(1000)
    log = (tmp_path / "workspace" / "server.log").read_text()
    assert log.count("personality: prediction: ") == WARM + count
    assert "upload-" not in log and ".mp4" not in log
    assert grown[0] < 100, f"{grown[0]:.0f} MB"
    assert grown[1] <= 2 and grown[2] <= 2, grown
    assert left(tmp_path / "workspace", temporary) == []
    growth = f"server and reading process grew by {grown[0]:+.0f} MB, {grown[1]:+d} descriptors, {grown[2]:+d} threads"
    outcome("consecutive uploads", f"{count} of {megabytes} MB, after {WARM} to warm up: {growth}")


@needs_chromium
@pytest.mark.trial
def test_no_files_remain_after_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """After a result, an error, a tab closed and a server killed while a clip is read."""
    work, temporary = tmp_path / "workspace", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    (tmp_path / "none.mp4").write_bytes(b"no video")
    write_json(work / CHOSEN_MODELS_FILE, ["practice: visual"])  # the fastest; the test above uses the defaults
    with browser() as instance:
        monkeypatch.setenv("TMPDIR", str(temporary))  # for the servers, not the browser
        with served(work) as address:
            for path, kind in ((padded(tmp_path, 0), "stTabs"), (tmp_path / "none.mp4", "stAlertContentError")):
                page = instance.new_page()
                upload(page, address, path)
                page.get_by_test_id(kind).first.wait_for(timeout=SLOW)
                assert left(work, temporary) == []
            page = instance.new_page()
            upload(page, address, padded(tmp_path, 1))
            page.get_by_text("frames per second").wait_for(timeout=SLOW)  # the first piece that is shown
            page.close()
            assert left(work, temporary) == []
            page = instance.new_page()
            upload(page, address, padded(tmp_path, 2))
            page.get_by_text("frames per second").wait_for(timeout=SLOW)
            kin = family(server_of(address))
            assert len(kin) > 1  # the reading process
            os.kill(kin[0], signal.SIGKILL)
            end = time.monotonic() + REST
            while any(map(process_start_time, kin)) and time.monotonic() < end:
                time.sleep(0.1)
            assert not any(map(process_start_time, kin))
        assert left(work, temporary) == []
        log = (work / "server.log").read_text()
        assert "ended by MediaError" in log and "none" not in log and "upload-" not in log
        with served(work) as address:
            instance.new_page().goto(address)
            assert left(work, temporary) == []
    outcome("files left after an upload: result, error, closed tab, killed server, restart", "0")


def left(*folders: Path) -> list[Path]:
    """The files in a server's folders, except its log and the operator's model selection."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.name not in ("server.log", CHOSEN_MODELS_FILE)]


@pytest.mark.trial
@needs_chromium
def test_browsers_see_only_their_own_results(tmp_path: Path, outcome: Outcome) -> None:
    """Concurrent browsers, each with a clip of a different size, which is shown on the page."""
    count = 4
    sizes = [220 + 20 * number for number in range(count)]
    (tmp_path / "workspace").mkdir()
    write_json(
        tmp_path / "workspace" / CHOSEN_MODELS_FILE, ["practice: visual", "practice: audiovisual"]
    )  # the clips are silent
    with served(tmp_path / "workspace") as address, browser() as first:
        more = [first.browser_type.launch(executable_path=chromium(), args=CHROMIUM_FLAGS) for _ in sizes[1:]]
        pages = [instance.new_page() for instance in (first, *more)]
        for page, size in zip(pages, sizes, strict=True):
            upload(page, address, face_video(tmp_path / f"{size}.mp4", size))
        for page in pages:
            page.get_by_role("heading", name="Explanations").wait_for(timeout=SLOW)
        for view in ("Downloads", "Modality contribution", "Timeline"):
            for page, size in zip(pages, sizes, strict=True):
                page.get_by_role("tab", name=view).click()
                settle(page)
                text = page.inner_text("body")
                assert [other for other in sizes if f"{other} x {other}" in text] == [size]
        for instance in more:
            instance.close()
    outcome("concurrent browsers, each with a different clip", f"{count} of {count} saw only their own results")


def face_video(path: Path, side: int) -> Path:
    """The sample's face in a video `side` pixels wide and high."""
    video_of(path, cv2.resize(sample_picture(), (side, side)))
    return path


@pytest.mark.trial
def test_sessions_see_only_their_own_results(tmp_path: Path, share: Share, outcome: Outcome) -> None:
    """Concurrent sessions, each with a clip of a different size, rerun in turns."""
    count, rounds = share(8, 4), share(5, 2)
    sizes = [200 + 20 * number for number in range(count)]
    sessions = [visit("predict") for _ in sizes]
    for app, size in zip(sessions, sizes, strict=True):
        app.checkbox(key="consent").check().run()
        data = face_video(tmp_path / f"{size}.mp4", size).read_bytes()
        app.file_uploader(key="video_0").upload("mine.mp4", data, "video/mp4").run()
    for _ in range(rounds):
        for app, size in zip(sessions, sizes, strict=True):
            text = words(app.run())
            assert not app.exception
            assert [other for other in sizes if f"{other} x {other}" in text] == [size]
            assert "Predicted first impression" in text
    sessions[0].button(key="delete_clip").click().run()
    assert all(f"{size} x {size}" not in words(sessions[0]) for size in sizes)
    assert f"{sizes[1]} x {sizes[1]}" in words(sessions[1].run())
    outcome(
        "concurrent sessions, rerun in turns",
        f"{count} sessions, {rounds} rounds: each saw only its own clip and results",
    )


NAMES = (
    *("../../../etc/passwd.mp4", "..\\..\\boot.mp4", "/etc/passwd.mp4", "C:\\a.mp4", "\\\\host\\share\\a.mp4"),
    *("a\x00b.mp4", "a\nb.mp4", "a\rb.mp4", "a\tb.mp4", "\x1b[31ma.mp4", "\u202e4pm.a", "\ufeffa.mp4", "e\u0301.mp4"),
    *("<script>alert(1)</script>.mp4", "[a](javascript:alert(1)).mp4", "{{7*7}}.mp4", "%s%n.mp4", "%2e%2e%2fa.mp4"),
    *("$(touch ran).mp4", "`id`.mp4", "; rm -rf .mp4", "|a.mp4", "-rf.mp4", "con.mp4", "nul", ".mp4", ""),
    *("~/.ssh/id.mp4", "x" * 5000 + ".mp4"),
)
STREAMLITS = ("Filename cannot contain null bytes.", "Filename cannot be empty.")
WRONG = (b"", b"no video", b"PK\x03\x04" + bytes(100), b"#EXTM3U\nfile:///etc/passwd\n")


def test_hostile_names_and_invalid_videos_give_an_error(tmp_path: Path, outcome: Outcome) -> None:
    before = {path for folder in (Path.cwd(), Path("/etc"), tmp_path) for path in folder.glob("*")}
    app, uploader = visit("predict"), 0
    tried = [(name, WRONG[1]) for name in NAMES] + [("a.mp4", data) for data in WRONG]
    for name, data in tried:
        app.checkbox(key="consent").check().run()
        app.file_uploader(key=f"video_{uploader}").upload(name, data, "video/mp4").run()
        if app.exception:  # raised by Streamlit for an invalid name or file type
            assert app.exception[0].value in STREAMLITS or "file extension" in app.exception[0].value, repr(name)
            app, uploader = visit("predict"), 0
            continue
        assert len(app.error) == 1, repr(name)
        assert len(name) < 5 or name not in words(app), repr(name)
        app.button(key="delete_clip").click().run()
        uploader += 2
    assert {path for folder in (Path.cwd(), Path("/etc"), tmp_path) for path in folder.glob("*")} == before
    assert len(tried) == 33
    result = f"{len(tried)} of {len(tried)}: a one-sentence error, no file created"
    outcome("hostile file names and invalid contents", result)
