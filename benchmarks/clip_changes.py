"""Time until a change of the video is answered on *Predict*: `python -m benchmarks.clip_changes`.

Clicks each change in a Chromium that shares the cores with the server, and waits until the script has ended: first with
the English sample and the models of real people, then with the practice sample, whose models read faces.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks.machine import describe_machine
from personality.explain.clip_changes import CLIP_CHANGES

CHANGE_REPEATS = 3
SAMPLE_BUTTONS = ("Try the English sample", "Try the practice sample")
# Streamlit states on the app whether a script is running; a click starts one after a moment.
ANSWER_SCRIPT = """() => new Promise((done) => {
  const app = document.querySelector("[data-test-script-state]")
  let started = false
  new MutationObserver((_, observer) => {
    const running = app.getAttribute("data-test-script-state") == "running"
    started ||= running
    if (started && !running) { observer.disconnect(); done() }
  }).observe(app, { attributes: true })
})"""


def main() -> None:
    """Print the median and the maximum for each sample and change."""
    from tests.browser.server import browser, served, settle

    print(describe_machine())
    with tempfile.TemporaryDirectory() as workspace, served(Path(workspace)) as address, browser() as chromium:
        for button in SAMPLE_BUTTONS:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(f"{address}/predict")
            settle(page)
            page.get_by_role("button", name=button).click()
            page.get_by_role("tab", name="Change the video").click()
            settle(page)
            times: dict[str, list[float]] = {name: [] for name in CLIP_CHANGES}
            for _ in range(CHANGE_REPEATS):
                for name, seconds in times.items():
                    seconds.append(time_change(page, name))
            print(f"{button}: " + ", ".join(f"{name} {median(s):.2f} s ({max(s):.2f})" for name, s in times.items()))
            page.close()


def time_change(page: Page, name: str) -> float:
    """Return the seconds from a click on a change until its answer is complete."""
    page.evaluate(f"() => {{ window.answered = ({ANSWER_SCRIPT})() }}")
    start = time.perf_counter()
    page.get_by_role("radio", name=name, exact=True).click()
    page.evaluate("window.answered")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
