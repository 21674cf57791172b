"""Screenshots of every page, light and dark, wide and narrow, and the picture of the README:
`python -m tests.browser.screenshots OUT [PAGE ...]`.

All clips shown are of computer-made people; of real people, only summary statistics are shown.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page

from pages.components.table_picker import PRACTICE_DATA_LABEL
from tests.browser.server import browser, served, settle

PAGES = ("", "predict", "live", "guess", "dataset", "models", "traits", "gender", "age", "emotion", "explore", "about")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"wide": 1440, "narrow": 390}
# The picture of the README: parts of two pages side by side, each starting at the first element of this type.
README = {"predict": "h2", "": "h2"}
PART = (1060, 1505)  # pixels of each part, before both are scaled to the width of one page
THUMBNAILS, THUMBNAIL_PART = ("predict", "gender", "explore", "models"), (300, 60, 1440, 1110)  # pages; pixels
GAP, ABOVE = 30, 8  # margins next to and above a part, pixels
PRACTICE = ("emotion", "explore")  # pages without results for real people
GROUPS = ("gender", "age", "emotion", "explore")  # pages that continue to compute after their first charts are drawn


def take(out: Path, pages: tuple[str, ...] = PAGES) -> None:
    """Write OUT/<page>-<scheme>-<width>.webp."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workspace, served(Path(workspace)) as address, browser() as chromium:
        for scheme in SCHEMES:
            for width, pixels in WIDTHS.items():
                page = chromium.new_page(viewport={"width": pixels, "height": 900}, color_scheme=scheme)
                for name in pages:
                    show(page, address, name)
                    picture = whole(page, pixels)
                    picture.save(out / f"{name or 'overview'}-{scheme}-{width}.webp", quality=70, method=6)
                    if name in THUMBNAILS and (scheme, width) == ("light", "wide"):
                        thumbnail(picture).save(out / f"readme-{name}.webp", quality=80, method=6)
                page.close()
        readme(chromium.new_page(color_scheme="light"), address).save(out / "readme.webp", quality=85, method=6)


def thumbnail(picture: Image.Image) -> Image.Image:
    """The top of a wide page without the navigation, for a table of the README."""
    part = picture.convert("RGB").crop(THUMBNAIL_PART)
    return part.resize((760, 760 * part.height // part.width), Image.Resampling.LANCZOS)


def readme(page: Page, address: str) -> Image.Image:
    """A prediction and the overview, side by side."""
    both = Image.new("RGB", (2 * PART[0] + GAP, PART[1]), "white")
    for place, (name, first) in enumerate(README.items()):
        show(page, address, name)
        picture = whole(page, WIDTHS["wide"])
        box = page.locator(first).first.bounding_box()
        assert box is not None
        left, top = int(box["x"]) - GAP, int(box["y"]) - ABOVE
        both.paste(picture.crop((left, top, left + PART[0], top + PART[1])), (place * (PART[0] + GAP), 0))
    return both.resize((WIDTHS["wide"], PART[1] * WIDTHS["wide"] // both.width), Image.Resampling.LANCZOS)


def show(page: Page, address: str, name: str) -> None:
    """Open a page; on Predict, load the sample and wait for the prediction."""
    page.goto(page_url(address, name))
    settle(page)
    if name in GROUPS:
        page.get_by_text("All differences in words and numbers").wait_for(timeout=120_000)
        settle(page)
    if name == "predict":
        page.get_by_role("button", name="Try the English sample").click()
        page.get_by_role("heading", name="Explanations").wait_for(timeout=120_000)
        settle(page)


def page_url(address: str, name: str) -> str:
    """The URL of a page, with the practice data where there are no results for real people."""
    return f"{address}/{name}" + (f"?table={quote(PRACTICE_DATA_LABEL)}" if name in PRACTICE else "")


def whole(page: Page, width: int) -> Image.Image:
    """A screenshot of the whole page, `width` pixels wide: the window is made as high as the content."""
    page.set_viewport_size({"width": width, "height": 900})
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height) + 20, 6000)})
    page.wait_for_timeout(700)
    return Image.open(io.BytesIO(page.screenshot()))


if __name__ == "__main__":
    take(Path(sys.argv[1]), tuple(sys.argv[2:]) or PAGES)
