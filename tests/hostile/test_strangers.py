"""A public server and clients without a browser: they cannot see, change or start anything of the operator's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from pages.components.access_control import OPERATOR_ONLY_MESSAGE
from personality.assets import demo
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.preprocessing.cache import Cache
from personality.utils.workspace import write_chosen_models
from tests.browser.server import ROOT, served
from tests.hostile.visitor import Visitor, together, visiting
from training.runs import launch
from training.runs.run import list_runs

PRESSED = ("dry_run", "start", "start_four", "delete_surely", "evaluate")  # buttons of the Models page
OVERVIEW = "Apparent personality"
SECRET = "secret"  # the name of the operator's table
Factory = pytest.TempPathFactory


@dataclass
class Known:
    """What an attacker can find out about the Models page from a copy of the app."""

    states: list[WidgetState]
    fragments: list[str]
    page_hash: str


@pytest.fixture
def furnished(workspace: Path, runs: Path, cache: Cache) -> Iterator[Path]:
    """A workspace with runs, a cache, a predictions table and selected models."""
    shutil.copytree(runs, workspace / "runs")
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    write_predictions(read_predictions(demo.DEMO_PREDICTIONS_FILE), workspace / "predictions" / f"{SECRET}.parquet")
    write_chosen_models(["audio"])
    yield workspace
    for run in list_runs(workspace / "runs"):
        launch.stop_run(run)


@pytest.fixture
def known(furnished: Path) -> Known:
    """The states of all buttons on the Models page, as the operator's browser would send them."""
    with served(furnished) as address, visiting(address) as operator:
        operator.ask(page_name="models")
        assert operator.titles() == ["Models"]
        states = [WidgetState(id=operator.widget("button", key), trigger_value=True) for key in PRESSED]
        picked = WidgetState(id=operator.widget("multiselect", "models_picked"))
    picked.string_array_value.data.append("voice")
    assert len(operator.fragments) >= 2
    return Known([*states, picked], sorted(operator.fragments), operator.page_hash)


@pytest.fixture
def public(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start servers in public mode from now on."""
    monkeypatch.setenv("PERSONALITY_PUBLIC", "1")


def files(workspace: Path) -> dict[str, tuple[int, int]]:
    """Every file of a workspace except the server's log, with its size and modification time."""
    found = (path for path in workspace.rglob("*") if path.is_file() and path.name != "server.log")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def try_everything(visitor: Visitor, known: Known) -> None:
    """Press every button separately, request the page by its hash, then each of its fragments."""
    for state in known.states:
        visitor.ask([state], page_name="models")
    visitor.ask(known.states, page_script_hash=known.page_hash)
    for fragment in known.fragments:  # the server does not respond to a fragment that this session was not shown
        visitor.send(known.states, page_script_hash=known.page_hash, fragment_id=fragment)
    visitor.ask()


def start_with_everything(address: str, known: Known) -> None:
    """Send the page's hash, and each of its fragments, as the first message of a session."""
    for fragment in ("", *known.fragments):
        with visiting(address) as stranger:
            stranger.send(known.states, page_script_hash=known.page_hash, fragment_id=fragment)
            stranger.ask()
            assert set(stranger.titles()) == {OVERVIEW}


@pytest.mark.usefixtures("public")
def test_first_visitors_cannot_reach_operator_pages(
    furnished: Path, known: Known, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    """Two at the same time, right after the start; before the fix, one of them got the Models page."""
    before, count = files(furnished), share(20, 1)
    for number in range(count):
        pages = ("models", "dataset" if number % 2 else "models")
        with served(furnished) as address, visiting(address) as first, visiting(address) as second:
            together((first, second), pages, known.states)
            try_everything(first, known)
            start_with_everything(address, known)
            assert set(first.titles() + second.titles()) == {OVERVIEW}
        assert files(furnished) == before
    what = "the first two visitors of a public server at the same time, pressing every button of Models"
    outcome(what, f"{count} of {count} starts: both see only Overview; no file of the workspace changes")


@pytest.mark.usefixtures("public")
def test_operator_pages_refuse_visitors_without_navigation(
    furnished: Path, known: Known, tmp_path_factory: Factory
) -> None:
    """In Streamlit's old mode, which bypasses the navigation if the main script does not call st.navigation."""
    before, beside = files(furnished), tmp_path_factory.mktemp("beside")
    (beside / "pages").symlink_to(ROOT / "pages")
    (beside / "bare.py").touch()
    with served(furnished, str(beside / "bare.py")) as address:
        for page in ("models", "dataset"):
            with visiting(address) as stranger:
                stranger.ask(known.states, page_name=page)
                assert stranger.alerts() == [OPERATOR_ONLY_MESSAGE]
                assert stranger.kinds() == {"alert"}
    assert files(furnished) == before


@pytest.mark.usefixtures("public")
def test_a_visitor_cannot_see_the_operators_table(furnished: Path) -> None:
    """Visitors can upload tables: see tests/hostile/test_door.py for the limits."""
    with served(furnished) as address, visiting(address) as stranger:
        stranger.ask(page_name="traits")
        table = stranger.widget("selectbox", "table")
        stranger.ask(page_name="traits", query_string=f"table={SECRET}")
        stranger.ask([WidgetState(id=table, string_value=SECRET)], page_name="traits")
        assert set(stranger.titles()) == {"Accuracy by trait"}
        assert not any(SECRET in str(element) for element in stranger.elements)
