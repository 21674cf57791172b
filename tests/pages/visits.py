"""Helpers to open pages with Streamlit's AppTest, without a browser."""

import base64
import re
from functools import cache
from pathlib import Path

import numpy as np
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from pages.components.plain_text import WORD_JOINER
from pages.components.table_picker import PRACTICE_DATA_LABEL
from personality.traits import TRAIT_LABELS, TRAIT_NAMES

# Every AppTest begins like a server: it reads the metadata of all installed packages, .25 s, which do not change.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

ROOT = Path(__file__).parents[2]
ANALYSIS = ("traits", "gender", "age", "emotion", "explore")


def visit(page: str, **choices: str) -> AppTest:
    """Open a page by its address, as the first of a session; `choices` are the parameters of the address."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params.update(choices)
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def practise(page: str) -> AppTest:
    """Open an analysis page with the practice data selected."""
    app = visit(page)
    app.selectbox(key="table").select(PRACTICE_DATA_LABEL).run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    """All texts of a page, as a visitor reads them."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.code,
    )
    return read("\n".join(str(element.value) for kind in kinds for element in kind))


def read(text: str) -> str:
    """A Markdown text without the escapes of `escape_markdown`."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text.replace(WORD_JOINER, ""))


def upload(app: AppTest, data: bytes, name: str = "a.mp4") -> AppTest:
    """Tick the consent on Predict and upload a file."""
    app.checkbox(key="consent").check().run()
    return app.file_uploader(key="video_0").upload(name, data, "video/mp4").run()


def models_in_table(app: AppTest) -> list[str]:
    """The models of the first table of traits on Predict."""
    return models_in_tables(app)[0]


def models_in_tables(app: AppTest) -> list[list[str]]:
    """The models of each table of traits on Predict, which has a row per trait and a column per model."""
    tables = [frame.value for frame in app.dataframe if "trait" in frame.value]
    assert all(table["trait"].tolist() == [TRAIT_LABELS[name] for name in TRAIT_NAMES] for table in tables)
    return [list(table.columns.drop("trait")) for table in tables]


def numbers(values: list[float] | dict[str, str]) -> list[float]:
    """A list of numbers in Plotly's JSON, plain or as base64."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return values
