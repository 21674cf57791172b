"""Tables that come from a visitor: shown, or one sentence."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pages.components.report_button import make_audit_file
from pages.components.table_picker import UPLOAD_DATA_LABEL
from personality.assets import demo
from personality.predictions.prediction_files import read_predictions
from personality.traits import TRAIT_NAMES
from tests.pages.visits import practise, read, visit, words


def test_an_uploaded_table_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    app = visit("traits")
    app.selectbox(key="table").select("Upload a table ...").run()
    app.file_uploader(key="table_file").upload("a.parquet", b"no", "application/octet-stream").run()
    assert not app.exception
    assert "The table cannot be read" in read(app.error[0].value)
    pd.DataFrame({"clip": ["a"]}).to_parquet(tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    app.file_uploader(key="table_file").upload("b.parquet", data, "application/octet-stream").run()
    assert "column for openness" in read(app.error[0].value)


def test_an_uploaded_table_is_shown() -> None:
    app = visit("traits")
    app.selectbox(key="table").select("Upload a table ...").run()
    app.file_uploader(key="table_file").upload("a.parquet", demo.DEMO_PREDICTIONS_FILE.read_bytes(), "x/y").run()
    assert not app.exception
    assert "200 clips of 50 sources" in words(app)
    app.switch_page("pages/gender.py").run()
    assert app.selectbox(key="table").value == "Upload a table ..."
    assert "200 clips of 50 sources" in words(app)


@pytest.mark.parametrize("public", [False, True])
def test_predictions_of_one_row_per_clip_are_shown_beside_labels_after_a_preview(
    public: bool, go_public: Callable[[], None]
) -> None:
    if public:
        go_public()
    values = {trait: [f"0,{number}" for number in range(1, 5)] for trait in TRAIT_NAMES}
    labels = pd.DataFrame(
        {"clip": [f"c{number}.mp4" for number in range(4)], "split": "val", **values, "sex": list("MFMF")}
    )
    labels["split"] = ["train", "val", "val", "val"]
    app = visit("traits")
    app.selectbox(key="table").select(UPLOAD_DATA_LABEL).run()
    predictions = labels.assign(clip="C:\\x\\" + labels["clip"])[["clip", *TRAIT_NAMES]]
    for key, table in (("table_file", predictions), ("labels_file", labels)):
        data = table.to_csv(sep=";", index=False).encode("utf-16")
        app.file_uploader(key=key).upload(f"{key}.csv", data, "text/csv").run()
    assert not app.exception and not app.error
    assert "3 of 4 rows" in app.text[0].value
    app.button(key="accept_table").click().run()
    assert "3 clips of 3 sources · split validation · models uploaded" in words(app)
    app.switch_page("pages/gender.py").run()
    assert "Groups" not in [one.value for one in app.error]
    assert {"male", "female"} <= set(app.dataframe[0].value["group"])


def test_the_audit_is_offered_of_a_table_and_made_when_asked_for() -> None:
    app = practise("gender")
    assert not app.exception
    assert [button.proto.label for button in app.get("download_button")].count("Audit as one file (HTML)") == 1
    html = make_audit_file(read_predictions(demo.DEMO_PREDICTIONS_FILE), ("gender",)).decode()
    assert "By gender" in html
    assert "practice_visual" in html
