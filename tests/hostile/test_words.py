"""Names and texts that contain images, links and formulas: a browser shows them literally."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pages.components.plain_text import WORD_JOINER
from personality.assets import demo
from personality.predictions.prediction_files import write_predictions
from personality.utils.atomic_files import write_json
from personality.utils.workspace import CHOSEN_MODELS_FILE
from tests.browser.server import SLOW, browser, chromium, served, settle
from tests.pages.visits import ANALYSIS
from training.config.run_config import preset
from training.runs.run import Run

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: install one, or name it in CHROMIUM")
EVIL = "evil.example"
MODELS_OF_TABLE = (
    f"![x](http://{EVIL}/x.png) [l](http://{EVIL}/l) <http://{EVIL}/a>",
    f"<b>b</b> <img src='http://{EVIL}/i.png'> <a href='http://{EVIL}'>a</a> &lt;i&gt; %{{x}}",
    f"http://{EVIL}/u www.{EVIL} a@{EVIL} :smile: :material/face: :streamlit: -> -- >=",
    ":red[r] $x^2$ $$y$$ `c` **b** _i_ ~~s~~ | [^1]",
)
GROUPS = {"female": f"# [l](http://{EVIL}/g)", "male": f"- <b>![x](http://{EVIL}/h.png)</b> :+1: $z$"}
NAME = ":red[r] $x$ <b>b<b> :smile: *i*"  # name of a run and of a video, therefore without a slash
CARD = f"![x](http://{EVIL}/c.png) [l](http://{EVIL}/l) :red[r] $x^2$ <b>b</b> www.{EVIL}"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a workspace in which every name contains markup."""
    workspace = tmp_path_factory.mktemp("workspace")
    write_predictions(table_of_traps(), workspace / "predictions" / "traps.parquet")
    trap = Run(workspace / "runs" / NAME)
    trap.create(preset("audio"), workspace)
    trap.write_status("done", why=CARD)
    trap.log(CARD)
    shutil.copy(demo.PRACTICE_MODEL_FOLDERS[0] / "model.safetensors", trap.folder)
    card = json.loads((demo.PRACTICE_MODEL_FOLDERS[0] / "card.json").read_text())
    words = {"licence": CARD, "not_for": CARD, "trained_on": {"people": "real", "text": CARD}}
    write_json(trap.folder / "card.json", {**card, **words, "data": {**card["data"], "name": CARD}})
    write_json(workspace / CHOSEN_MODELS_FILE, [NAME])
    with served(workspace) as found:
        yield found


def table_of_traps() -> pd.DataFrame:
    """The practice table with names that contain markup."""
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    names = dict(zip(table["model"].unique(), MODELS_OF_TABLE, strict=True))
    return table.assign(
        model=table["model"].map(names),
        gender=table["gender"].map(GROUPS),
        **{name: GROUPS["male"] + table[name].astype(str) for name in ("clip", "source")},
        **{name: table[name].astype(object).map(lambda old: f"{old} {CARD}") for name in ("age_group", "emotion")},
    )


@pytest.fixture(scope="module")
def instance() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def page(instance: Browser) -> Iterator[Page]:
    found = instance.new_page(viewport={"width": 1280, "height": 900})
    found.set_default_timeout(60_000)
    yield found
    found.close()


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The browser's requests to the host in the names."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if EVIL in request.url else None)
    return found


def check(page: Page, *names: str) -> None:
    """Check that no name was interpreted as markup, and that each of these names is shown."""
    for made in (
        f"img[src*='{EVIL}']",
        f"a[href*='{EVIL}']",
        f"a[*|href*='{EVIL}']",
        ".katex",
        ".stMarkdownColoredText",
    ):
        expect(page.locator(made)).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    shown = everything_read(page.locator("[data-testid=stMain]"))
    for name in names:
        assert " ".join(name.split()) in shown, name


def everything_read(place: Locator) -> str:
    return " ".join((place.text_content() or "").replace(WORD_JOINER, "").split())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "explore" else pytest.mark.trial) for name in ANALYSIS]
)
def test_analysis_of_a_table_with_markup_in_names(page: Page, address: str, asked: list[str], name: str) -> None:
    page.goto(f"{address}/{name}?table=traps")
    settle(page)
    if name != "traits":
        page.get_by_text("All differences in words and numbers").click(timeout=SLOW)
        settle(page)
    check(page, *MODELS_OF_TABLE, *(GROUPS.values() if name in ("gender", "explore") else ()))
    expect(page.locator(".legendtext", has_text="<b>b</b>").first).to_be_attached(timeout=SLOW)
    assert asked == []


@pytest.mark.trial
def test_models_with_markup_in_a_run_and_its_card(page: Page, address: str, asked: list[str]) -> None:
    page.goto(f"{address}/models")
    settle(page)
    chosen = page.get_by_role("combobox", name="Show model card of")
    chosen.fill(NAME)
    chosen.press("Enter")
    expect(page.get_by_text("c.png").first).to_be_visible()
    settle(page)
    page.get_by_text("End of the log").click()
    page.get_by_text("Full model card").click()
    page.wait_for_timeout(500)
    check(page, NAME, CARD)
    assert asked == []


@pytest.mark.trial
def test_predict_with_markup_in_the_names_of_a_model_and_a_video(
    page: Page, address: str, asked: list[str], tmp_path: Path, outcome: Callable[[str, str], None]
) -> None:
    shutil.copy(demo.DEMO_CLIP_FILE, tmp_path / f"{NAME}.mp4")
    page.goto(f"{address}/predict")
    settle(page)
    page.get_by_text("The person in the video is me").click()
    uploader = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    expect(uploader).to_be_enabled()
    uploader.set_input_files(tmp_path / f"{NAME}.mp4")
    expect(page.get_by_role("heading", name="Explanations")).to_be_visible(timeout=SLOW)
    settle(page)
    check(page, NAME, CARD)
    assert asked == []
    what = "names and model cards that contain images, links, formulas and HTML"
    outcome(what, "shown literally on the analysis pages, Models and Predict; no request to the linked host")
