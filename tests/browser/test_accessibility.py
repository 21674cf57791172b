"""Accessibility: axe-core finds no violation of ours; two pages here, and every page in `make trials`."""

import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import PAGES, WIDTHS, page_url
from tests.browser.server import settle
from tests.hostile.conftest import FULL

AXE = "axe-core@4.10.2"  # MPL-2.0; fetched, not included
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PART: tuple[tuple[str, Literal["light", "dark"], str], ...] = (
    ("gender", "light", "wide"),
    ("explore", "dark", "narrow"),
)
CASES = list(product(PAGES, SCHEMES, WIDTHS)) if FULL else PART
# Elements of Streamlit 1.67 that have violations: the list of pages, the uploader, its label while it is disabled, and
# code that is wider than the page. They cannot be changed from a page.
NOT_OURS = (
    "[data-testid=stSidebarNav]",
    "[data-testid=stFileUploader]",
    "[data-testid=stCode]",
)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from the npm registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm, which fetches axe-core")
    folder = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, text=True, timeout=60)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {fetched.stderr[-200:]}")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder, filter="data")
    return (Path(folder) / "package" / "axe.min.js").read_text()


@pytest.mark.parametrize(("name", "scheme", "width"), CASES)
def test_axe_finds_nothing(
    instance: Browser, address: str, axe: str, name: str, scheme: Literal["light", "dark"], width: str
) -> None:
    page = instance.new_page(viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    page.goto(page_url(address, name))
    settle(page)
    page.evaluate(axe)
    found = page.evaluate(
        "exclude => axe.run({ exclude: exclude.map((one) => [one]) }, { resultTypes: ['violations'] })", NOT_OURS
    )
    page.close()
    violations = [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]
    assert violations == []


def test_axe_finds_a_planted_violation(instance: Browser, address: str, axe: str) -> None:
    page = instance.new_page()
    page.goto(f"{address}/about")
    settle(page)
    page.evaluate(axe)
    page.evaluate("document.querySelector('h1').style.color = '#EEEEEE'")
    found = page.evaluate("axe.run(document.querySelector('[data-testid=stMain]'))")
    page.close()
    assert "color-contrast" in {one["id"] for one in found["violations"]}
