"""End-to-end tests of the app: a real server, a real Chromium, real clips."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from pages.components.table_picker import PRACTICE_DATA_LABEL
from personality.assets import demo
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS, model_label
from personality.constants import LOCAL_UPLOAD_LIMITS
from tests.browser.server import SLOW, served, settle
from tests.preprocessing.clips import two_people

# The labels of the included models on pages.
PRACTICE, REAL = ([model_label(folder.name) for folder in kind] for kind in (PRACTICE_MODELS, REAL_MODEL_FOLDERS))

PAGES = {
    "": "Apparent personality",
    "predict": "Predict",
    "live": "Live",
    "guess": "Guess first",
    "dataset": "Dataset",
    "models": "Models",
    "traits": "Accuracy by trait",
    "gender": "Accuracy by gender",
    "age": "Accuracy by age",
    "emotion": "Accuracy by emotion",
    "explore": "Explore",
    "about": "About",
}
INSIDE = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")  # all requests of the browser


# The other pages open in the trials, in tests of their own, and without a browser in tests/pages.
ALWAYS_OPENED = ("", "predict", "models", "gender")


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS_OPENED else pytest.param(name, marks=pytest.mark.trial) for name in PAGES]
)
def test_every_page_opens_by_its_url(page: Page, address: str, name: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if not request.url.startswith(INSIDE) else None)
    page.goto(f"{address}/{name}")
    expect(page.get_by_role("heading", name=PAGES[name], level=1)).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert errors == []


@pytest.mark.trial
def test_a_deep_link_as_the_first_request_opens_the_app(page: Page, tmp_path: Path) -> None:
    with served(tmp_path) as fresh:
        page.goto(f"{fresh}/gender")
        expect(page.get_by_role("heading", name="Accuracy by gender", level=1)).to_be_visible(timeout=SLOW)
        settle(page)
        links = page.get_by_test_id("stSidebarNavLink")
        expect(links).to_have_count(len(PAGES))
        expect(links.first).to_contain_text("Overview")


@pytest.mark.trial
def test_explore_opens_a_clip_of_a_clicked_cell_and_keeps_the_cell_in_the_url(page: Page, address: str) -> None:
    page.goto(f"{address}/explore?table={quote(PRACTICE_DATA_LABEL)}")
    settle(page)
    cell = page.get_by_role("combobox", name="Cell")
    expect(cell).to_have_value(re.compile(" x "))
    worst = cell.input_value()
    chart = page.get_by_test_id("stVegaLiteChart").first
    page.wait_for_timeout(1000)
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 130)  # the second row
    expect(cell).to_have_value(re.compile("19-24 x "))
    assert cell.input_value() != worst
    settle(page)
    expect(page).to_have_url(re.compile("cell=19-24"))
    table = page.locator("[data-testid=stDataFrame]:visible").first
    table.scroll_into_view_if_needed()
    place = table.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + 16, place["y"] + 55)
    expect(page.get_by_text("impressions of strangers").first).to_be_visible()
    group, copied, browser = cell.input_value(), page.url, page.context.browser
    assert browser is not None
    other = browser.new_context().new_page()  # another visitor who opens the same URL
    other.goto(copied)
    settle(other)
    expect(other.get_by_role("combobox", name="Cell")).to_have_value(group)
    other.context.close()


def upload(page: Page, address: str, path: Path) -> None:
    page.goto(f"{address}/predict")
    settle(page)
    page.get_by_text("The person in the video is me").click()
    uploader = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    expect(uploader).to_be_enabled()
    uploader.set_input_files(path)


def read_traits(page: Page, models: Sequence[str] = PRACTICE) -> None:
    """Wait until sixteen faces and the five traits of these models are shown."""
    expect(page.get_by_text(re.compile(r"16 found"))).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", name="Predicted first impression")).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", name="Explanations")).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible(timeout=SLOW)
    for trait in ("Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Emotional stability"):
        expect(page.get_by_test_id("stPlotlyChart").first).to_contain_text(trait)
    for model in models:
        expect(page.get_by_test_id("stPlotlyChart").first.locator(".legendtext", has_text=model).first).to_be_attached()
    assert page.get_by_role("img", name=re.compile("Face at .* seconds")).count() == 16
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()


@pytest.mark.trial
def test_clicks_and_keys_on_the_waveform_move_the_player(page: Page, address: str) -> None:
    page.goto(f"{address}/predict")
    settle(page)
    page.get_by_role("button", name="Try the practice sample").click()
    wave = page.get_by_role("slider", name="Position in the clip, seconds")
    expect(wave).to_be_visible(timeout=SLOW)
    read_traits(page)
    settle(page)
    duration = float(wave.get_attribute("aria-valuemax") or 0)
    assert duration == pytest.approx(5.6, abs=0.1)
    video = page.locator(".st-key-player video")
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": box["width"] / 2, "y": 30})
    expect(wave).to_have_attribute("aria-valuenow", f"{duration / 2:.1f}")
    assert video.evaluate("player => player.currentTime") == pytest.approx(duration / 2, abs=0.1)
    wave.press("ArrowRight")
    expect(wave).to_have_attribute("aria-valuenow", f"{duration / 2 + 1:.1f}")
    painted = (
        """canvas => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data].some(Boolean)"""
    )
    assert page.get_by_test_id("boxes").evaluate(painted)  # a box is drawn around the current face


EXPLANATIONS = {  # a part of the caption of each view
    "Modality contribution": "when a model has one more input",
    "Timeline": "too short for a timeline|5 s of the clip around it",
    "Face occlusion": "Each square was covered with its mean colour",
    "Audio occlusion": "Each moment was removed in turn",
    "Counterfactuals": "relies on these attributes",
}


@pytest.mark.trial
def test_explanations_and_downloads(page: Page, address: str) -> None:
    page.goto(f"{address}/predict")
    settle(page)
    page.get_by_role("button", name="Try the practice sample").click()
    read_traits(page)
    for view, caption in EXPLANATIONS.items():
        page.get_by_role("tab", name=view).click()
        expect(page.get_by_text(re.compile(caption))).to_be_visible(timeout=SLOW)
    page.get_by_role("tab", name="Downloads").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    result = json.loads(Path(download.value.path()).read_text())
    assert set(result["traits"]) == {folder.name for folder in PRACTICE_MODELS}
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    head, first = Path(download.value.path()).read_text().splitlines()[:2]
    assert head.startswith("model,trait,value,percentile,low,high,trained_on,licence,sha256,")
    assert first.startswith("practice_audio,openness,")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_clip_can_be_deleted_and_is_not_on_disk(page: Page, address: str, marked: Path) -> None:
    upload(page, address, marked)
    read_traits(page, REAL)
    assert holders(MARK) == []
    page.get_by_role("button", name="Delete this clip").click()
    expect(page.get_by_text("No video yet")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("img", name=re.compile("Face at"))).to_have_count(0)


@pytest.mark.trial
def test_only_the_selected_person_has_a_box(page: Page, address: str, tmp_path: Path) -> None:
    two_people(tmp_path / "two.mp4")
    upload(page, address, tmp_path / "two.mp4")
    expect(page.get_by_text("the largest face that moves")).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("boxes")).to_have_count(1, timeout=SLOW)
    page.get_by_role("button", name="1", exact=True).click()
    expect(page.get_by_text("The highlighted person is analysed")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", name="Explanations")).to_be_visible(timeout=SLOW)
    settle(page)
    expect(page.get_by_test_id("boxes")).to_have_count(1)


MARK = b"a mark that occurs in no other file on this machine: 3f1c"


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Path]:
    """The sample with a mark appended."""
    path = tmp_path / "marked.mp4"
    path.write_bytes(demo.DEMO_SPEECH_CLIP_FILE.read_bytes() + MARK)
    yield path


def holders(mark: bytes) -> list[str]:
    """Temporary files of the last ten minutes that end with the mark, including unnamed ones open in a process."""
    named = [path for path in Path(tempfile.gettempdir()).rglob("*") if path.name != "marked.mp4"]
    nameless = list(Path("/proc").glob("[0-9]*/fd/*"))
    found = []
    for path in (*named, *nameless):
        with suppress(OSError):
            if path.is_file() and time.time() - path.stat().st_mtime < 600 and path.stat().st_size < 10_000_000:
                found += [str(path)] if path.read_bytes().endswith(mark) else []
    return found


def test_a_webcam_recording_becomes_a_clip(page: Page, address: str) -> None:
    page.goto(f"{address}/predict")
    settle(page)
    record = page.get_by_role("button", name="Record up to 15 s")
    expect(record).to_be_disabled()
    page.get_by_text("The person in the video is me").click()
    expect(record).to_be_enabled()
    record.click()
    expect(page.get_by_text("Recording, 11 s left")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"\d+ found"))).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("vp8 · with sound")).to_be_visible()
    expect(page.get_by_role("heading", name="Explanations")).to_be_visible(timeout=SLOW)
    assert page.get_by_role("img", name=re.compile("Face at .* seconds")).count() > 8


def test_the_uploader_refuses_a_file_that_is_too_large(page: Page, address: str, tmp_path: Path) -> None:
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(LOCAL_UPLOAD_LIMITS.file_bytes + 1)
    upload(page, address, tmp_path / "large.mp4")
    expect(page.get_by_text("File must be 50.0MB or smaller")).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("stException")).to_have_count(0)


COUNTS = """() => {
  window.counts = []
  new MutationObserver(() => {
    const count = document.querySelectorAll("img[alt^='Face at']").length
    if (count && count != window.counts.at(-1)) window.counts.push(count)
  }).observe(document.body, { childList: true, subtree: true, attributes: true })
}"""


def test_the_filmstrip_of_an_uploaded_video_grows_and_traits_follow(page: Page, address: str) -> None:
    page.add_init_script(f"addEventListener('DOMContentLoaded', {COUNTS})")
    upload(page, address, demo.DEMO_SPEECH_CLIP_FILE)
    read_traits(page, REAL)
    counts = page.evaluate("window.counts")
    assert counts[0] < 16 and counts[-1] == 16, counts
    assert counts == sorted(counts)


@pytest.mark.parametrize("folder", ["more", pytest.param("first-impressions/videos", marks=pytest.mark.trial)])
def test_the_page_predicts_from_real_clips(page: Page, address: str, real_data: Path, folder: str) -> None:
    for clip in (real_data / folder).rglob("*.mp4"):
        upload(page, address, clip)
        read_traits(page, REAL)
        expect(page.get_by_role("heading", name="From the face (photograph ratings)")).to_be_visible()


@pytest.mark.trial
def test_a_click_on_a_phrase_moves_the_player(page: Page, address: str) -> None:
    page.goto(f"{address}/predict")
    settle(page)
    page.get_by_role("button", name="Try the English sample").click()
    read_traits(page, REAL)
    phrases = page.get_by_role("button", name=re.compile("gardener"))
    phrases.click()
    expect(phrases).to_have_class("playing")
    player = page.locator(".st-key-player video")
    assert player.evaluate("player => player.currentTime") > 1
    player.evaluate("player => { player.currentTime = 0 }")
    page.get_by_role("tab", name="Word contribution").click()
    expect(page.get_by_text("Each word or phrase was left out in turn")).to_be_visible(timeout=SLOW)
    expect(phrases).to_have_count(2)
    word = phrases.last.get_by_text("gardener")
    assert word.evaluate("word => getComputedStyle(word).backgroundColor").startswith("rgba")
    word.click()
    expect(phrases.last).to_have_class("playing")
    assert player.evaluate("player => player.currentTime") > 1


def test_a_text_file_named_mp4_gives_one_message(page: Page, address: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("not a video")
    upload(page, address, tmp_path / "a.mp4")
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(1, timeout=SLOW)
    expect(page.get_by_test_id("stException")).to_have_count(0)
