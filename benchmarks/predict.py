"""Time until a clip's faces and traits are available: `python -m benchmarks.predict CLIP`.

Models and the reader process are ready, as on a server after its first visitor. Measures the seconds from the complete
upload on the server, and those until they are shown in a Chromium that shares the cores with the server.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks.machine import describe_machine
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.inference.face_impressions import FaceImpressions
from personality.inference.predict import load_models, predict_updates, prepare_for_server
from personality.preprocessing.faces import Face
from personality.preprocessing.sandbox.client import read_clip_in_sandbox

PREDICTION_REPEATS = 5
# Checks the page only when it changes; Playwright's own waiting polls continuously, which uses a share of the cores.
# The list of models is shown after the charts of their traits.
PAGE_TIMING_SCRIPT = """() => {
  const times = {}, now = (name) => { times[name] ??= performance.now() / 1000 }
  const seen = ({ target }) => { if (target.alt?.startsWith("Face at")) now("face") }
  const texts = (kind) => [...document.querySelectorAll(kind)].map((one) => one.textContent)
  document.addEventListener("load", seen, { capture: true })
  window.watched = new Promise((done) => new MutationObserver((_, observer) => {
    const models = texts("li strong")
    if (models.includes("voice") && texts("h2").some((one) => one.startsWith("From the face"))) now("voice")
    if (!times.face || !models.includes("words")) return
    now("words")
    observer.disconnect()
    document.removeEventListener("load", seen, { capture: true })
    const uploads = performance.getEntriesByType("resource").filter(({ name }) => name.includes("upload_file"))
    done({ ...times, upload: uploads.at(-1).responseEnd / 1000 })
  }).observe(document.body, { childList: true, subtree: true, characterData: true }))
}"""
PREDICTION_MILESTONES = ("first face", "voice and face", "words")


def main(clip: Path) -> None:
    """Print the medians and the maxima."""
    print(describe_machine())
    data, models = clip.read_bytes(), load_models(REAL_MODEL_FOLDERS)
    prepare_for_server(models)
    list(predict_updates(read_clip_in_sandbox(data), models))
    print_prediction_times("on the server", [time_in_process(data, models) for _ in range(PREDICTION_REPEATS)])
    print_prediction_times("in Chromium on the same cores", time_in_browser(clip))


def print_prediction_times(where: str, times: list[tuple[float, float, float]]) -> None:
    """Print the median and the maximum of each milestone."""
    each = zip(PREDICTION_MILESTONES, zip(*times, strict=True), strict=True)
    print(f"{where}: " + ", ".join(f"{name} {median(found):.2f} s ({max(found):.2f} at most)" for name, found in each))


def time_in_process(data: bytes, models: list) -> tuple[float, float, float]:
    """Return the seconds until the first face, until the traits from the voice and the ratings of the face, and until
    the last prediction."""
    began = time.perf_counter()
    came = [(type(piece), time.perf_counter() - began) for piece in predict_updates(read_clip_in_sandbox(data), models)]
    first, rated = (next(at for kind, at in came if kind is wanted) for wanted in (Face, FaceImpressions))
    return first, rated, came[-1][1]


def time_in_browser(clip: Path) -> list[tuple[float, float, float]]:
    """Measure the same seconds in a browser, from the end of the upload."""
    from tests.browser.server import browser, served, settle

    with tempfile.TemporaryDirectory() as workspace, served(Path(workspace)) as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/predict")
        settle(page)
        page.get_by_role("button", name="Try the English sample").click()
        page.get_by_role("heading", name="Explanations").wait_for(timeout=120_000)
        settle(page)
        return [time_upload(page, clip) for _ in range(PREDICTION_REPEATS)]


def time_upload(page: Page, clip: Path) -> tuple[float, float, float]:
    """Time an upload by a script in the page, after the previous clip was deleted."""
    from tests.browser.server import settle

    page.get_by_role("button", name="Delete this clip").click()
    settle(page)
    if not page.get_by_role("checkbox").is_checked():
        page.get_by_text("The person in the video is me").click()
    settle(page)
    page.evaluate(PAGE_TIMING_SCRIPT)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)
    times = page.evaluate("window.watched")
    settle(page)
    face, voice, words = (times[name] - times["upload"] for name in ("face", "voice", "words"))
    return face, voice, words


if __name__ == "__main__":
    main(Path(sys.argv[1]))
