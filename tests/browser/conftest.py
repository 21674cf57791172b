"""A server and a Chromium for the tests of this folder, which are skipped if no Chromium is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.server import browser, chromium, served
from tests.browser.simulated_camera import simulate_camera

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder, and skip them if there is no Chromium and it is not required."""
    absent = chromium() is None and not os.environ.get("PERSONALITY_REQUIRE_BROWSER")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")
            if absent:
                item.add_marker(pytest.mark.skip(reason="no Chromium: install one, or name it in CHROMIUM"))


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("workspace")) as found:
        yield found


@pytest.fixture(scope="package")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium with a simulated camera and microphone, which show and play computer-made people."""
    with browser(*simulate_camera(tmp_path_factory.mktemp("camera"))) as found:
        yield found


@pytest.fixture
def page(instance: Browser) -> Iterator[Page]:
    """A browser page; the test fails if the page violates the content security policy."""
    found, violations = instance.new_page(viewport={"width": 1280, "height": 900}), []
    found.set_default_timeout(60_000)
    found.on("console", lambda entry: violations.append(entry.text) if "Security Policy" in entry.text else None)
    yield found
    found.close()
    assert violations == []
