"""The Dataset page."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from personality.dataset import load_dataset
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from tests.pages.visits import visit, words


def test_dataset_shows_counts_leakage_and_problems(cache: Cache, people: Path, workspace: Path) -> None:
    dataset = load_dataset(people)
    table = dataset.table.copy()
    table["source"] = "one"
    table.loc[0, "location"] = ""
    mine = Cache(workspace / "caches" / "mine")
    shutil.copytree(cache.folder, mine.folder)  # cached clips are not read again
    mine.entry_path(table.loc[0, "clip"]).unlink()
    preprocess(replace(dataset, table=table), mine.folder, workers=1)
    (workspace / "caches" / "partial" / "entries").mkdir(parents=True)
    app = visit("dataset")
    app.selectbox(key="clips").select("mine").run()
    assert not app.exception
    assert app.dataframe[0].value["clips"].sum() == len(table)
    assert app.dataframe[0].value["not readable"].sum() == 1
    assert "share source videos" in words(app)
    assert "the file is missing" in app.dataframe[-1].value["reason"].tolist()
    assert "Not finished: partial" in words(app)
    (shown,) = (table.value for table in app.dataframe if "face" in table.value)
    pictures = shown.set_index("clip")["face"]
    assert pictures.pop(table.loc[0, "clip"]) == ""  # not read
    assert len(pictures) and pictures.str.startswith("data:image/jpeg;base64,").all()
    app.selectbox(key="attribute").select("emotion").run()
    assert not app.exception


@pytest.mark.trial
def test_dataset_of_real_labels_shows_the_shared_videos(real_data: Path, workspace: Path) -> None:
    preprocess(load_dataset(real_data / "first-impressions"), workspace / "caches" / "real", workers=2)
    app = visit("dataset")
    app.selectbox(key="clips").select("real").run()
    assert not app.exception
    assert app.dataframe[0].value["with ratings"].tolist() == [6000, 2000]
    assert app.dataframe[0].value["not readable"].tolist() == [5999, 1999]
    assert "share source videos" in words(app)


def test_dataset_without_attributes_gives_a_message(cache: Cache, workspace: Path) -> None:
    (workspace / "caches" / "bare").mkdir(parents=True)
    bare = cache.clips.assign(error="the file is missing", faces=0, audio_seconds=0.0, warnings="")
    attributes = [
        "gender",
        "gender_from",
        "age_group",
        "age_from",
        "age_group_from",
        "emotion",
        "ethnicity",
        "gender_estimated",
    ]
    bare.drop(columns=attributes, errors="ignore").to_parquet(workspace / "caches" / "bare" / "clips.parquet")
    (workspace / "caches" / "bare" / "card.json").write_text((cache.folder / "card.json").read_text())
    app = visit("dataset")
    app.selectbox(key="clips").select("bare").run()
    assert not app.exception
    assert "no attributes" in words(app)
