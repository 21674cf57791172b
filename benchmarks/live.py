"""Boxes per second, their delay and the number of predictions of the Live page, in Chromium on the machine that serves:
`python -m benchmarks.live [REPEATS]`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.machine import describe_machine
from personality.inference.live_prediction import LIVE_LIMITS
from personality.utils.public_mode import PUBLIC_MODE_VARIABLE

CAMERA, TRAIT_LINE = ".st-key-live_camera", ".st-key-live_traits [role=img]"
SAMPLE_SECONDS = 0.5  # between readings of the delay


def measure_recording(address: str, flags: list[str]) -> tuple[float, list[float], int, float]:
    """Record once. Returns boxes per second, delays in seconds, the number of predictions before the camera closed, and
    seconds until the first one."""
    from tests.browser.server import browser, settle

    with browser(*flags) as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/live")
        settle(page)
        page.get_by_text("Everyone who can be seen or heard").click()
        page.locator(f"{CAMERA} button:enabled").click()
        page.wait_for_selector(f"{CAMERA} video:visible")
        start, first, points, delays = time.perf_counter(), float("nan"), 0, []
        while page.locator(f"{CAMERA} video").is_visible():
            delays.append(float(page.locator(f"{CAMERA} canvas").get_attribute("data-delay") or "nan") / 1000)
            points = int(page.locator(TRAIT_LINE).first.get_attribute("data-points") or 0)
            if points and first != first:
                first = time.perf_counter() - start
            time.sleep(SAMPLE_SECONDS)
        drawn = int(page.locator(f"{CAMERA} canvas").get_attribute("data-drawn") or 0)
        return drawn / LIVE_LIMITS.seconds, [one for one in delays if one == one], points, first


def measure_server(repeats: int) -> None:
    """Record several times from one server, after a first recording that loads the models, and print the figures."""
    from tests.browser.server import served
    from tests.browser.simulated_camera import simulate_camera

    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address:
        flags = simulate_camera(Path(folder))
        measure_recording(address, flags)
        for _ in range(repeats):
            rate, delays, points, first = measure_recording(address, flags)
            print(
                f"{rate:.1f} boxes per second, {median(delays):.2f} s behind (median; at most {max(delays):.2f}); "
                f"{points} predictions in {LIVE_LIMITS.seconds:.0f} s, the first after {first:.1f} s"
            )


if __name__ == "__main__":
    print(describe_machine())
    for public in ("0", "1"):
        os.environ[PUBLIC_MODE_VARIABLE] = public
        print("public server" if public == "1" else "private server", f"(load {os.getloadavg()[0]:.1f})")
        measure_server(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
