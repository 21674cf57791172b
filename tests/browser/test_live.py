"""The Live page in a real Chromium, whose camera shows a computer-made person who speaks English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from personality.traits import TRAITS
from tests.browser.server import SLOW, served, settle

# Keeps the streams of the camera, so that a test can check that they were stopped.
KEEP_STREAMS = """
const original = MediaDevices.prototype.getUserMedia
window.streams = []
MediaDevices.prototype.getUserMedia = async function (...wanted) {
  const stream = await original.apply(this, wanted)
  window.streams.push(stream)
  return stream
}"""
REFUSE_CAMERA = """MediaDevices.prototype.getUserMedia = async () => { throw new DOMException("", "NAME") }"""
CAMERA, TRAIT_LINES = ".st-key-live_camera", ".st-key-live_traits [role=img]"


def open_live(page: Page, address: str) -> Locator:
    """Open the page and give consent; returns the button of the camera."""
    page.add_init_script(KEEP_STREAMS)
    page.goto(f"{address}/live")
    settle(page)
    button = page.locator(f"{CAMERA} button")
    expect(button).to_be_disabled()
    page.get_by_text("Everyone who can be seen or heard").click()
    expect(button).to_be_enabled()
    return button


def states(page: Page) -> set[str]:
    """The states of all tracks of the camera and the microphone that were opened."""
    return set(page.evaluate("streams.flatMap((one) => one.getTracks().map((track) => track.readyState))"))


def test_boxes_follow_and_traits_settle(page: Page, address: str) -> None:
    button = open_live(page, address)
    button.click()
    canvas, lines = page.locator(f"{CAMERA} canvas"), page.locator(TRAIT_LINES)
    expect(canvas).to_have_attribute("data-drawn", re.compile(r"[1-9]\d"), timeout=SLOW)
    expect(lines).to_have_count(len(TRAITS))
    expect(lines.first).to_have_attribute("data-points", re.compile("[2-9]"), timeout=SLOW)
    assert states(page) == {"live"}
    button.click()
    expect(page.get_by_role("button", name="Use this recording")).to_be_visible(timeout=SLOW)
    assert states(page) == {"ended"}
    for trait, line in zip(TRAITS, lines.all(), strict=True):
        assert int(line.get_attribute("data-points") or 0) > 1
        assert re.fullmatch(rf"{trait.label}: 0\.\d\d \[0\.\d\d, 0\.\d\d\]", line.get_attribute("aria-label") or "")
    shown = lines.first.get_attribute("aria-label") or ""
    page.get_by_role("button", name="Use this recording").click()
    expect(page.get_by_role("heading", name="Predict", level=1)).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", name="Explanations")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text(re.compile("vp8 · with sound"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("tab", name="Downloads").click()
        page.get_by_role("button", name="CSV", exact=True).click()
    (row,) = (one for one in Path(download.value.path()).read_text().splitlines() if one.startswith("voice,openness,"))
    assert f"{float(row.split(',')[2]):.2f}" in shown  # the last live prediction is that of the clip


def test_stop_and_delete(page: Page, address: str) -> None:
    button = open_live(page, address)
    button.click()
    expect(page.locator(f"{CAMERA} canvas")).to_have_attribute("data-drawn", re.compile("[1-9]"), timeout=SLOW)
    expect(button).to_have_text("Stop")
    button.click()
    page.get_by_role("button", name="Delete this recording").click(timeout=SLOW)
    expect(page.locator(TRAIT_LINES).first).to_have_attribute("data-points", "0", timeout=SLOW)
    expect(page.get_by_role("button", name="Use this recording")).to_have_count(0)
    assert states(page) == {"ended"}
    expect(button).to_be_enabled()


@pytest.mark.parametrize(
    "leave",
    ["another page", *(pytest.param(one, marks=pytest.mark.trial) for one in ("a hidden tab", "no consent"))],
)
def test_leaving_closes_the_camera(page: Page, address: str, leave: str) -> None:
    open_live(page, address).click()
    expect(page.locator(f"{CAMERA} canvas")).to_have_attribute("data-drawn", re.compile("[1-9]"), timeout=SLOW)
    assert states(page) == {"live"}
    if leave == "another page":
        page.get_by_test_id("stSidebarNavLink").filter(has_text="About").click()
        expect(page.get_by_role("heading", name="About", level=1)).to_be_visible(timeout=SLOW)
    elif leave == "no consent":
        page.get_by_text("Everyone who can be seen or heard").click()
    else:  # a headless browser has no visible tabs
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    page.wait_for_function("streams.every((one) => one.getTracks().every((track) => track.readyState == 'ended'))")


@pytest.mark.parametrize(("error", "sentence"), [("NotAllowedError", "refused"), ("NotFoundError", "No camera")])
def test_without_a_camera_one_sentence_says_why(page: Page, address: str, error: str, sentence: str) -> None:
    page.add_init_script(REFUSE_CAMERA.replace("NAME", error))
    page.goto(f"{address}/live")
    settle(page)
    page.get_by_text("Everyone who can be seen or heard").click()
    button = page.locator(f"{CAMERA} button")
    expect(button).to_be_enabled()
    button.click()
    expect(page.locator(f"{CAMERA} [role=status]")).to_contain_text(sentence)
    expect(button).to_be_enabled()


def test_on_a_phone_the_traits_are_below_the_mirror(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    button = open_live(page, address)
    button.click()
    expect(page.locator(f"{CAMERA} canvas")).to_have_attribute("data-drawn", re.compile("[1-9]"), timeout=SLOW)
    mirror = page.locator(f"{CAMERA} video").bounding_box()
    below, traits = button.bounding_box(), page.locator(TRAIT_LINES).nth(2).bounding_box()
    assert mirror is not None and below is not None and traits is not None
    assert 0 <= mirror["y"] < mirror["y"] + mirror["height"] <= below["y"] < traits["y"]
    assert traits["y"] + traits["height"] <= 844  # three of five without scrolling


@pytest.mark.trial
def test_a_public_server_serves_a_live_stream_too(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limits of messages and their size are stricter."""
    monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    with served(tmp_path) as address:
        open_live(page, address).click()
        expect(page.get_by_role("button", name="Use this recording")).to_be_visible(timeout=SLOW)  # after 15 s
        expect(page.locator(f"{CAMERA} canvas")).to_have_attribute("data-drawn", re.compile(r"[1-9]\d"))
        assert int(page.locator(TRAIT_LINES).first.get_attribute("data-points") or 0) > 1
