"""How soon a clip's faces and traits are there: `python -m benchmarks.predict CLIP`.

Models and the reading process are ready, as on a server that has served somebody before. Seconds from the bytes at hand
on the server; and, in a Chromium that shares the machine's cores with the server, from the end of the upload.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks.machine import describe
from personality import demo
from personality.predict import load_models, predict
from personality.preprocessing.faces import Face
from personality.preprocessing.isolate import read_apart

TIMES = 5
# Looks when the page changes, not all the time as Playwright's own waiting does, which takes a share of the cores.
WATCH = """() => {
  const times = {}, now = (name) => { times[name] ??= performance.now() / 1000 }
  const seen = ({ target }) => { if (target.alt?.startsWith("Face at")) now("face") }
  const legend = () => [...document.querySelectorAll(".legendtext")].map((one) => one.textContent)
  const spoken = () => legend().includes("practice_handcrafted")
  document.addEventListener("load", seen, { capture: true })
  window.watched = new Promise((done) => new MutationObserver((_, observer) => {
    if (!times.face || !spoken()) return
    now("traits")
    observer.disconnect()
    document.removeEventListener("load", seen, { capture: true })
    const uploads = performance.getEntriesByType("resource").filter(({ name }) => name.includes("upload_file"))
    done({ ...times, upload: uploads.at(-1).responseEnd / 1000 })
  }).observe(document.body, { childList: true, subtree: true, characterData: true }))
}"""


def main(clip: Path) -> None:
    """Print the medians and the worst."""
    print(describe())
    data, models = clip.read_bytes(), load_models(demo.MODELS)
    list(predict(read_apart(data), models))
    report("on the server", [served_in_process(data, models) for _ in range(TIMES)])
    report("in Chromium on the same cores", in_a_browser(clip))


def report(where: str, times: list[tuple[float, float]]) -> None:
    """A line of the table."""
    first, last = zip(*times, strict=True)
    figures = f"first face {median(first):.2f} s ({max(first):.2f} at most)"
    print(f"{where}: {figures}, all four models {median(last):.2f} s ({max(last):.2f} at most)")


def served_in_process(data: bytes, models: list) -> tuple[float, float]:
    """Seconds until the first face and until the last model has spoken."""
    began = time.perf_counter()
    came = [(type(piece), time.perf_counter() - began) for piece in predict(read_apart(data), models)]
    return next(at for kind, at in came if kind is Face), came[-1][1]


def in_a_browser(clip: Path) -> list[tuple[float, float]]:
    """The same as a person sees it, from the end of the upload."""
    from tests.browser.server import browser, served, settle

    with tempfile.TemporaryDirectory() as workspace, served(Path(workspace)) as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/predict")
        settle(page)
        page.get_by_role("button", name="Take the sample").click()
        page.get_by_role("heading", name="A closer look").wait_for(timeout=120_000)
        settle(page)
        return [uploaded(page, clip) for _ in range(TIMES)]


def uploaded(page: Page, clip: Path) -> tuple[float, float]:
    """One upload after the last was forgotten, timed by the page itself."""
    from tests.browser.server import settle

    page.get_by_role("button", name="Forget this clip").click()
    settle(page)
    if not page.get_by_role("checkbox").is_checked():
        page.get_by_text("The person in the video is me").click()
    settle(page)
    page.evaluate(WATCH)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)
    times = page.evaluate("window.watched")
    settle(page)
    return times["face"] - times["upload"], times["traits"] - times["upload"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
