"""A run from its start on the page to a prediction with it."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from personality.assets import demo
from personality.preprocessing.cache import Cache
from tests.browser.server import SLOW, served, settle
from tests.browser.test_browser import upload
from training.runs.run import Run


def test_a_run_is_begun_outlives_a_refresh_stops_goes_on_and_predicts(page: Page, cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "caches").mkdir()
    (tmp_path / "caches" / "people").symlink_to(cache.folder)
    run = Run(tmp_path / "runs" / "visual")
    with served(tmp_path) as own:
        page.goto(f"{own}/models")
        settle(page)
        choose(page, "Modality", "Visual")
        page.get_by_role("button", name="Start", exact=True).click()
        curves = page.locator(".st-key-curves_chart")
        expect(curves).to_be_visible(timeout=SLOW)
        page.reload()
        expect(page.get_by_text(re.compile("epoch .* of at most 44"))).to_be_visible(timeout=SLOW)
        expect(page.get_by_text(re.compile("clips a second .* left"))).to_be_visible(timeout=SLOW)
        pid = run.status()["pid"]
        os.kill(pid, signal.SIGSTOP)  # it is a small run, and would be through before the next server is there
        before = len(run.metrics())
    with served(tmp_path) as own:  # the server was ended and another one begun
        page.goto(f"{own}/models")
        expect(curves).to_be_visible(timeout=SLOW)
        expect(page.get_by_text(f"epoch {before + 1} of at most 44")).to_be_visible(timeout=SLOW)
        os.kill(pid, signal.SIGCONT)
        end = time.monotonic() + SLOW / 1000
        while len(run.metrics()) == before:
            assert time.monotonic() < end
            page.wait_for_timeout(50)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("stopped on request; it can be resumed").last).to_be_visible(timeout=SLOW)
        stopped = len(run.metrics())
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text(re.compile("all 4 epochs done")).last).to_be_visible(timeout=SLOW)
        assert len(run.metrics()) > stopped
        page.reload()
        settle(page)
        page.get_by_role("button", name="Clear all").first.click()
        choose(page, "Models that Predict uses", "run: visual")
        settle(page)
        upload(page, own, demo.DEMO_CLIP_FILE)
        expect(page.get_by_text("No two of the chosen models differ by one modality")).to_be_visible(timeout=SLOW)


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a select box."""
    box, wanted = page.get_by_role("combobox", name=label), page.get_by_role("option", name=option, exact=True)
    for _ in range(20):
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        box.fill(option)
        with suppress(PlaywrightError):  # a list that opens while the page still moves closes again
            wanted.click(timeout=4000)
            return
        page.keyboard.press("Escape")
    raise AssertionError(f"{option} cannot be chosen as {label}")
