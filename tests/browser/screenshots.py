"""Pictures of every page, light and dark, wide and narrow: `python -m tests.browser.screenshots OUT [PAGE ...]`.

Shows the demo only: people who do not exist.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.browser.server import browser, served, settle

PAGES = ("", "predict", "dataset", "models", "traits", "gender", "age", "emotion", "explore", "about")
SCHEMES = ("light", "dark")
WIDTHS = {"wide": 1440, "narrow": 390}
GROUPS = ("gender", "age", "emotion", "explore")  # pages that go on computing after their first charts are there


def take(out: Path, pages: tuple[str, ...] = PAGES) -> None:
    """Write OUT/<page>-<scheme>-<width>.webp."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workspace, served(Path(workspace)) as address, browser() as chromium:
        for scheme in SCHEMES:
            for width, pixels in WIDTHS.items():
                size = {"width": pixels, "height": 900}
                page = chromium.new_page(viewport=size, color_scheme=scheme)
                for name in pages:
                    show(page, address, name)
                    whole(page, size)
                    picture = Image.open(io.BytesIO(page.screenshot()))
                    picture.save(out / f"{name or 'overview'}-{scheme}-{width}.webp", quality=80, method=6)
                page.close()


def show(page: Page, address: str, name: str) -> None:
    """Open a page; on Predict, take the sample and wait for the traits."""
    page.goto(f"{address}/{name}")
    settle(page)
    if name in GROUPS:
        page.get_by_text("In words, and all figures").wait_for(timeout=120_000)
        settle(page)
    if name == "predict":
        page.get_by_role("button", name="Take the sample").click()
        page.get_by_role("heading", name="What strangers would say").wait_for(timeout=120_000)
        page.get_by_role("heading", name="A closer look").wait_for(timeout=120_000)
        settle(page)


def whole(page: Page, size: dict[str, int]) -> None:
    """Make the window as high as its content, so that the picture holds all of it."""
    page.set_viewport_size(size)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({**size, "height": min(int(height) + 20, 6000)})
    page.wait_for_timeout(700)


if __name__ == "__main__":
    take(Path(sys.argv[1]), tuple(sys.argv[2:]) or PAGES)
