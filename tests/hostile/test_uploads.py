"""Upload after upload: the server does not grow, names reach nothing, browsers see their own results only."""

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
# Nobody, and 127.0.0.1, as the kernel writes them; the same in IPv6.
NEAR = ("00000000", "0100007F", "0" * 32, "0" * 24 + "01000000", "0000000000000000FFFF00000100007F")
REST = 30  # seconds that a server is given to come to rest
WARM = 4  # uploads until everything is loaded and every buffer as large as it gets
Share = Callable[[int, int], int]
Outcome = Callable[[str, str], None]


def padded(folder: Path, number: int, megabytes: int = 4) -> Path:
    """The sample with a box of nothing behind it, another one each time."""
    data, path = demo.DEMO_CLIP_FILE.read_bytes(), folder / f"upload-{number}.mp4"
    nothing = megabytes * 2**20 - len(data)
    path.write_bytes(data + nothing.to_bytes(4, "big") + b"free" + number.to_bytes(8, "big") + bytes(nothing - 16))
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
    """A process and those it began."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in readable(task / "children").split())]


def spoken_to(pid: int) -> set[str]:
    """Whom a process and those it began have connections with, but for this machine; native code is seen too."""
    tables = [readable(Path(f"/proc/{pid}/net/{kind}")).decode().splitlines()[1:] for kind in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    far = {row[9]: row[2] for row in rows if row[2].partition(":")[0] not in NEAR}
    held = set()
    for file in (file for one in family(pid) for file in Path(f"/proc/{one}/fd").iterdir()):
        with suppress(OSError):
            held.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
    return {far[number] for number in far.keys() & held}


def measured(pid: int) -> tuple[float, int, int]:
    """Megabytes in memory, descriptors and threads of a process and those it began."""
    memory, descriptors, threads = 0.0, 0, 0
    for one in family(pid):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines())
        memory += int(status["VmRSS"].split()[0]) / 1024
        descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
        threads += int(status["Threads"])
    return memory, descriptors, threads


def again(page: Page, path: Path) -> None:
    """Forget the clip that is shown and upload another."""
    forget = page.get_by_role("button", name="Forget this clip")
    settle(page)
    while forget.is_visible():
        with suppress(PlaywrightError):  # a click while a busy page draws may be lost
            forget.click(timeout=5_000)
        with suppress(PlaywrightError):
            forget.wait_for(state="hidden", timeout=10_000)
    settle(page)
    page.get_by_text("The person in the video is me").click()  # asked anew for each clip
    uploader = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    expect(uploader).to_be_enabled(timeout=30_000)
    uploader.set_input_files(path)
    page.get_by_text("16 found").wait_for(timeout=SLOW)
    page.get_by_role("heading", name="A closer look").wait_for(timeout=SLOW)


@needs_chromium
def test_a_server_does_not_grow_with_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: Share, outcome: Outcome
) -> None:
    """Fewer of them are larger, so that one kept of each would show."""
    count, megabytes = share(100, 8), share(4, 16)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "workspace").mkdir()
    with browser() as instance:
        monkeypatch.setenv("TMPDIR", str(temporary))  # of the server, not of the browser
        with served(tmp_path / "workspace") as address:
            page, pid = instance.new_page(), server_of(address)
            upload(page, address, padded(tmp_path, 0, megabytes))
            page.get_by_role("heading", name="A closer look").wait_for(timeout=SLOW)
            for number in range(1, WARM):
                again(page, padded(tmp_path, number, megabytes))
            memory, descriptors, threads = measured(pid)
            for number in range(WARM, WARM + count):
                again(page, padded(tmp_path, number, megabytes))
                assert spoken_to(pid) == set()
            for _ in range(REST):  # connections of the browser come and go; what stays is growth
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
    words = f"server and reader grew by {grown[0]:+.0f} MB, {grown[1]:+d} descriptors, {grown[2]:+d} threads"
    outcome("uploads one after another", f"{count} of {megabytes} MB, after {WARM}: {words}")


@needs_chromium
def test_nothing_of_an_upload_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """After a result, an error, a tab closed while its clip is read, a server killed while a clip is read."""
    work, temporary = tmp_path / "workspace", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    (tmp_path / "none.mp4").write_bytes(b"no video")
    write_json(work / CHOSEN_MODELS_FILE, ["practice: visual"])  # answers soonest; the test above asks those that ship
    with browser() as instance:
        monkeypatch.setenv("TMPDIR", str(temporary))  # of the servers, not of the browser
        with served(work) as address:
            for path, sign in ((padded(tmp_path, 0), "A closer look"), (tmp_path / "none.mp4", "cannot be read")):
                page = instance.new_page()
                upload(page, address, path)
                page.get_by_text(sign).first.wait_for(timeout=SLOW)
                assert left(work, temporary) == []
            page = instance.new_page()
            upload(page, address, padded(tmp_path, 1))
            page.get_by_text("frames a second").wait_for(timeout=SLOW)  # the first that is known of a clip
            page.close()
            assert left(work, temporary) == []
            page = instance.new_page()
            upload(page, address, padded(tmp_path, 2))
            page.get_by_text("frames a second").wait_for(timeout=SLOW)
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
    outcome("files left of an upload after a result, an error, a closed tab, a killed server, a restart", "0")


def left(*folders: Path) -> list[Path]:
    """Files in a server's folders, but for its log and the operator's choice of models."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.name not in ("server.log", CHOSEN_MODELS_FILE)]


@needs_chromium
def test_browsers_see_their_own_results_only(tmp_path: Path, share: Share, outcome: Outcome) -> None:
    """Each with a clip of another size, which its page tells, all at once."""
    count = share(4, 2)
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
            page.get_by_role("heading", name="A closer look").wait_for(timeout=SLOW)
        for view in ("Downloads", "What each input adds", "Over time"):
            for page, size in zip(pages, sizes, strict=True):
                page.get_by_role("tab", name=view).click()
                settle(page)
                text = page.inner_text("body")
                assert [other for other in sizes if f"{other} x {other}" in text] == [size]
        for instance in more:
            instance.close()
    outcome("browsers at once, each with a clip of its own", f"{count} of {count} saw their own results only")


def face_video(path: Path, side: int) -> Path:
    """The sample's face, so many pixels wide."""
    video_of(path, cv2.resize(sample_picture(), (side, side)))
    return path


def test_sessions_see_their_own_results_only(tmp_path: Path, share: Share, outcome: Outcome) -> None:
    """Each with a clip of another size, which its page tells, run again in turns."""
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
    sessions[0].button(key="forget").click().run()
    assert all(f"{size} x {size}" not in words(sessions[0]) for size in sizes)
    assert f"{sizes[1]} x {sizes[1]}" in words(sessions[1].run())
    outcome(
        "sessions at once, run again in turns",
        f"{count} sessions, {rounds} rounds: each saw its own clip and results only",
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


def test_names_reach_nothing_and_what_is_no_video_is_a_sentence(tmp_path: Path, outcome: Outcome) -> None:
    before = {path for folder in (Path.cwd(), Path("/etc"), tmp_path) for path in folder.glob("*")}
    app, uploader = visit("predict"), 0
    tried = [(name, WRONG[1]) for name in NAMES] + [("a.mp4", data) for data in WRONG]
    for name, data in tried:
        app.checkbox(key="consent").check().run()
        app.file_uploader(key=f"video_{uploader}").upload(name, data, "video/mp4").run()
        if app.exception:  # Streamlit's own guard: not a name, or not of a kind that the uploader takes
            assert app.exception[0].value in STREAMLITS or "file extension" in app.exception[0].value, repr(name)
            app, uploader = visit("predict"), 0
            continue
        assert "cannot be read as a video" in app.error[0].value, repr(name)
        assert len(name) < 5 or name not in words(app), repr(name)
        app.button(key="forget").click().run()
        uploader += 2
    assert {path for folder in (Path.cwd(), Path("/etc"), tmp_path) for path in folder.glob("*")} == before
    assert len(tried) == 33
    outcome("hostile names of files and wrong contents", f"{len(tried)} of {len(tried)}: a sentence, and no file made")
