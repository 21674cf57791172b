"""Addresses: every choice is in the address of a page, which opens it elsewhere, and Back restores it."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from pages.components.table_picker import PRACTICE_DATA_LABEL, REAL_DATA_LABEL
from tests.browser.server import settle

# Choices on Explore after it was opened by an address that had other ones: label of the select box, parameter, value.
CHOICES = (
    ("Trait", "trait", "Extraversion"),
    ("Measure in the heatmap", "figure", "Correlation"),
    ("Cell", "cell", "19-24 x female"),
)


@pytest.mark.trial
def test_a_copied_address_opens_the_same_choices(page: Page, address: str) -> None:
    opened = {"table": PRACTICE_DATA_LABEL, "trait": "Openness", "figure": "Concordance"}
    page.goto(f"{address}/explore?{urlencode(opened)}")
    settle(page)
    for label, _, value in CHOICES:
        select(page, label, value)
    assert choices(page) == {"table": [PRACTICE_DATA_LABEL]} | {name: [value] for _, name, value in CHOICES}
    assert page.context.browser is not None
    other = page.context.browser.new_context().new_page()
    other.goto(page.url)
    settle(other)
    for label, _, value in CHOICES:
        expect(other.get_by_role("combobox", name=label, exact=True)).to_have_value(value)
    other.context.close()


@pytest.mark.trial
def test_back_restores_the_choices_of_a_page(page: Page, address: str) -> None:
    page.goto(f"{address}/traits")
    settle(page)
    select(page, "Data", PRACTICE_DATA_LABEL)
    chosen = choices(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Age").click()
    settle(page)
    assert choices(page) == chosen  # pages share the choice of data
    select(page, "Data", REAL_DATA_LABEL)
    page.go_back()
    expect(page.get_by_role("heading", name="Accuracy by trait", level=1)).to_be_visible()
    settle(page)
    assert choices(page) == chosen
    expect(page.get_by_role("combobox", name="Data", exact=True)).to_have_value(PRACTICE_DATA_LABEL)


def select(page: Page, label: str, option: str) -> None:
    """Select an option in a select box and wait for the page."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.scroll_into_view_if_needed()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def choices(page: Page) -> dict[str, list[str]]:
    """The choices in the address of a page."""
    return parse_qs(urlsplit(page.url).query)
