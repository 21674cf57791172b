"""Tables uploaded by a visitor are shown, or give one error message."""

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


def test_an_invalid_uploaded_table_gives_one_message(tmp_path: Path) -> None:
    app = visit("traits")
    app.selectbox(key="table").select(UPLOAD_DATA_LABEL).run()
    app.file_uploader(key="table_file").upload("a.parquet", b"no", "application/octet-stream").run()
    assert not app.exception
    assert len(app.error) == 1
    pd.DataFrame({"clip": ["a"]}).to_parquet(tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    app.file_uploader(key="table_file").upload("b.parquet", data, "application/octet-stream").run()
    assert "openness" in read(app.error[0].value)


def test_an_uploaded_table_is_shown() -> None:
    app = visit("traits")
    app.selectbox(key="table").select(UPLOAD_DATA_LABEL).run()
    app.file_uploader(key="table_file").upload("a.parquet", demo.DEMO_PREDICTIONS_FILE.read_bytes(), "x/y").run()
    assert not app.exception
    assert "200 clips from 50 sources" in words(app)
    app.switch_page("pages/gender.py").run()
    assert app.selectbox(key="table").value == UPLOAD_DATA_LABEL
    assert "200 clips from 50 sources" in words(app)


@pytest.mark.parametrize("public", [False, True])
def test_predictions_of_one_row_per_clip_are_shown_with_labels_after_a_preview(
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
    assert "3 of 4" in app.text[0].value
    app.button(key="accept_table").click().run()
    assert "3 clips from 3 sources · split: validation · models: uploaded" in words(app)
    app.switch_page("pages/gender.py").run()
    assert "Groups" not in [one.value for one in app.error]
    assert {"male", "female"} <= set(app.dataframe[0].value["group"])


def test_the_audit_of_a_table_can_be_downloaded() -> None:
    app = practise("gender")
    assert not app.exception
    assert [button.proto.id.endswith("-audit") for button in app.get("download_button")].count(True) == 1
    html = make_audit_file(read_predictions(demo.DEMO_PREDICTIONS_FILE), ("gender",)).decode()
    assert "By gender" in html
    assert "practice_visual" in html
