"""A training run from its start on the page to a prediction with the model."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from personality.assets import demo
from personality.preprocessing.cache import Cache
from tests.browser.server import SLOW, served, settle
from tests.browser.test_browser import upload
from training.runs.run import Run


@pytest.mark.trial
def test_a_run_survives_a_refresh_stops_resumes_and_predicts(page: Page, cache: Cache, tmp_path: Path) -> None:
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
        expect(page.get_by_text(re.compile("clips per second .* left"))).to_be_visible(timeout=SLOW)
        pid = run.status()["pid"]
        os.kill(pid, signal.SIGSTOP)  # the run is short and would finish before the next server has started
        before = len(run.metrics())
    with served(tmp_path) as own:  # another server, after the first has ended
        page.goto(f"{own}/models")
        expect(curves).to_be_visible(timeout=SLOW)
        expect(page.get_by_text(f"epoch {before + 1} of at most 44")).to_be_visible(timeout=SLOW)
        os.kill(pid, signal.SIGCONT)
        end = time.monotonic() + SLOW / 1000
        while len(run.metrics()) == before:
            assert time.monotonic() < end
            page.wait_for_timeout(50)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=SLOW)
        stopped = len(run.metrics())
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".stMarkdownBadge", has_text="done")).to_be_visible(timeout=SLOW)
        assert len(run.metrics()) > stopped
        page.reload()
        settle(page)
        page.get_by_role("button", name="Clear all").first.click()
        choose(page, "Models used on the Predict page", "visual")
        settle(page)
        page.keyboard.press("Escape")  # the list stays open and hides the button
        page.get_by_role("button", name="Use these models for all new visitors").click()
        settle(page)
        upload(page, own, demo.DEMO_CLIP_FILE)
        expect(page.get_by_text("compares models that differ by exactly one input")).to_be_visible(timeout=SLOW)


def choose(page: Page, label: str, option: str) -> None:
    """Select an option in a select box."""
    box, wanted = page.get_by_role("combobox", name=label), page.get_by_role("option", name=option, exact=True)
    for _ in range(20):
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        box.fill(option)
        with suppress(PlaywrightError):  # a list that opens while the page is still changing closes again
            wanted.click(timeout=4000)
            return
        page.keyboard.press("Escape")
    raise AssertionError(f"{option} cannot be chosen as {label}")
