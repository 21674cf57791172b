"""The waveform, the transcript and the player show the same moment, also if all streams of the file start late."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import served, settle
from tests.preprocessing.clips import write_clip, write_tracks

FPS, FRAMES, TOLERANCE = 10, 30, 0.02
CODECS = {"mp4": "libx264", "webm": "libvpx-vp9"}
STARTS = (0, 2)
PHRASES = {"late": 2.0, "early": 0.5}  # in the transcript of the page; seconds
# The gray level of the shown picture.
READ_LEVEL = """player => {
  const pen = document.createElement("canvas").getContext("2d")
  pen.drawImage(player, 0, 0)
  return pen.getImageData(32, 32, 1, 1).data[0]
}"""


@pytest.fixture(scope="module")
def clips_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that shows clips of 3 s, START.SUFFIX, whose first timestamp is START."""
    folder = tmp_path_factory.mktemp("clips")
    for start in STARTS:
        times = [start + number / FPS for number in range(FRAMES)]
        pictures = [np.full((64, 64, 3), 20 + 5 * number, np.uint8) for number in range(FRAMES)]
        write_tracks(folder / f"{start}.mkv", pictures=list(zip(times, pictures, strict=True)))
        for suffix, codec in CODECS.items():
            write_clip(folder / f"{start}.{suffix}", times=times, codec=codec, fps=FPS)
    with served(folder, str(Path(__file__).with_name("late_clip_page.py"))) as address:
        yield address


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        *product(["mkv"], STARTS),
        *((suffix, 2) for suffix in CODECS),
        *(pytest.param(suffix, 0, marks=pytest.mark.trial) for suffix in CODECS),
    ],
)
def test_positions_agree_with_the_player(page: Page, clips_address: str, suffix: str, start: int) -> None:
    open_clip(page, f"{clips_address}/?clip={start}.{suffix}")
    wave = page.get_by_role("slider")
    expect(wave).to_have_attribute("aria-valuenow", "0.0")
    for words, seconds in PHRASES.items():
        click_phrase(page, words)
        expect(wave).to_have_attribute("aria-valuenow", f"{seconds:.1f}")
        assert player_time(page) == pytest.approx(start + seconds, abs=TOLERANCE)
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": box["width"] / 2, "y": 30})
    middle = float(wave.get_attribute("aria-valuemax") or 0) / 2
    assert middle == pytest.approx(1.5, abs=0.06)
    assert player_time(page) == pytest.approx(start + middle, abs=0.05 + TOLERANCE)  # the maximum is rounded to 0.1 s


@pytest.mark.parametrize("start", STARTS)
def test_the_player_shows_the_picture_of_the_phrase(page: Page, clips_address: str, start: int) -> None:
    open_clip(page, f"{clips_address}/?clip={start}.mkv")
    for words, seconds in PHRASES.items():
        click_phrase(page, words)
        player_time(page)
        level = page.locator("video").evaluate(READ_LEVEL)
        assert (level - 20) / 5 == pytest.approx(seconds * FPS, abs=0.5)


def open_clip(page: Page, address: str) -> None:
    """Open the page and wait until the player shows the first picture."""
    page.goto(address)
    settle(page)
    page.wait_for_function("document.querySelector('video').readyState >= 2")


def click_phrase(page: Page, words: str) -> None:
    phrase = page.get_by_role("button", name=re.compile(words))
    phrase.click()
    expect(phrase).to_have_class("playing")


def player_time(page: Page) -> float:
    """The clock of the player, after it has moved."""
    page.wait_for_function("(player => !player.seeking && player.readyState >= 2)(document.querySelector('video'))")
    return page.locator("video").evaluate("player => player.currentTime")
