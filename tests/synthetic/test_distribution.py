"""A packed dataset loads like First Impressions."""

from pathlib import Path

import pandas as pd
import pytest

from personality.dataset import load_dataset
from personality.dataset.archives import get_clip_path_or_bytes
from personality.preprocessing.feature_tables import read_transcript_files
from personality.synthetic import distribution
from personality.synthetic.distribution import pack_as_distributed
from personality.synthetic.face_model import load_face_model
from personality.synthetic.people import _create_people, _create_scenes
from personality.synthetic.scenes import SynthesisOptions


@pytest.fixture
def packed(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dataset of eight people, packed with two folders of clips per outer archive."""
    monkeypatch.setattr(distribution, "FOLDERS_PER_ARCHIVE", 2)
    folder = tmp_path / "packed"
    (folder / "annotation").mkdir(parents=True)
    rows = []
    for number, path in enumerate(sorted(people.rglob("*.mp4"))):
        split = path.parent.name.partition("80_")[0]
        name = f"{split}80_{number // 2 + 1:02d}"
        (folder / name).mkdir(exist_ok=True)
        (folder / name / path.name).write_bytes(path.read_bytes())
        rows.append((path.name, split, name))
    for path in (people / "annotation").iterdir():
        (folder / "annotation" / path.name).write_bytes(path.read_bytes())
    pack_as_distributed(folder, pd.DataFrame(rows, columns=["clip", "split", "folder"]), seed=0)
    return folder


def test_nested_archives_hold_the_same_clips(packed: Path, people: Path) -> None:
    dataset, original = load_dataset(packed), load_dataset(people)
    assert dataset.problems == {}
    assert not list(packed.rglob("*.mp4"))
    assert len(list(packed.glob("training-*.zip"))) >= 2
    assert dataset.table["location"].str.count("::").eq(2).all()
    places = original.table.set_index("clip")["location"]
    for row in dataset.table.to_dict("records"):
        assert get_clip_path_or_bytes(packed, row["location"]) == (people / places[row["clip"]]).read_bytes()


def test_every_clip_has_a_transcript(packed: Path) -> None:
    clips = list(load_dataset(packed).table["clip"])
    texts = read_transcript_files(sorted((packed / "annotation").glob("transcription_*.pkl")), clips)
    assert set(texts) == set(clips)
    assert {text.count(".") for text in texts.values()} == {distribution.SENTENCES_PER_CLIP}
    assert len(set(texts.values())) > len(clips) / 2


def test_people_are_shared_between_splits_only_if_asked() -> None:
    model = load_face_model()
    splits = {}
    for shared in (False, True):
        options = SynthesisOptions(shared_sources=shared)
        scenes = [
            scene for person in _create_people(model, 40, 0, options) for scene in _create_scenes(person, 0, options)
        ]
        table = pd.DataFrame([(scene.person.name, scene.split, scene.emotion) for scene in scenes])
        splits[shared] = table.groupby(0)[1].nunique()
        assert table[1].value_counts(normalize=True)["training"] == pytest.approx(0.6, abs=0.08)
    assert splits[False].max() == 1
    assert splits[True].gt(1).mean() > 0.5
