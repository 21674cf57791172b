"""Batches prepared ahead are the batches one would read one by one."""

import shutil
import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from personality.models.network import Batch, Needs
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.feature_tables import add_table
from training.config.run_config import preset
from training.data.dataloader import (
    MAX_CLIP_WEIGHT,
    PREFETCHED_BATCHES,
    ClipLoader,
    TrainingError,
    compute_balance_weights,
    load_clip_batches,
    read_split,
    split_into_micro_batches,
)

NEEDS = Needs(frozenset({"faces", "audio"}))
CPU = torch.device("cpu")


@pytest.fixture
def clips(cache: Cache) -> ClipLoader:
    return ClipLoader(cache, read_split(cache, "training", NEEDS), preset("visual"), NEEDS, frames=3)


def faces_of(batch: Batch) -> torch.Tensor:
    assert batch.faces is not None
    return batch.faces


def test_batches_are_ordered_complete_and_sampled_in_each_epoch(clips: ClipLoader) -> None:
    order = torch.arange(len(clips)).flip(0)
    drawn = list(load_clip_batches(clips, split_into_micro_batches(order, 2), CPU, epoch=5))
    assert len(drawn) > PREFETCHED_BATCHES, "more batches than lie ready at once"
    assert torch.cat([piece.rows for piece, _ in drawn]).tolist() == order.tolist()
    for piece, batch in drawn:
        alone = clips.batch(piece.rows.tolist(), 5)
        assert torch.equal(faces_of(batch), faces_of(alone))
        assert faces_of(batch).shape == (len(piece.rows), 3, 3, 224, 224)
    again, other = clips.batch(order[:2].tolist(), 5), clips.batch(order[:2].tolist(), 6)
    assert torch.equal(faces_of(again), faces_of(drawn[0][1]))
    assert not torch.equal(faces_of(other), faces_of(again))


def test_a_batch_in_pieces_is_the_batch() -> None:
    order = torch.arange(11)
    pieces = list(split_into_micro_batches(order, 4, 3))
    assert [piece.rows.tolist() for piece in pieces] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9, 10]]
    assert [piece.is_last for piece in pieces] == [False, True, False, True, True]
    assert [piece.weight for piece in pieces] == [0.5, 0.5, 0.5, 0.5, 1.0]
    assert [len(piece.rows) for piece in split_into_micro_batches(torch.arange(9), 4)] == [4, 4], (
        "one clip alone is left out"
    )
    assert [len(piece.rows) for piece in split_into_micro_batches(torch.arange(1), 4)] == [1], (
        "unless it is all there is"
    )


def test_chosen_faces_are_those_of_the_whole_sample(cache: Cache) -> None:
    row = cache.labelled_clips("training").iloc[0]
    whole, some = cache.sample(row), cache.sample(row, np.array([2, 9]))
    np.testing.assert_array_equal(some.faces, whole.faces[[2, 9]])
    np.testing.assert_array_equal(some.times, whole.times[[2, 9]])
    np.testing.assert_array_equal(some.emotions, whole.emotions)


def test_an_unread_clip_in_a_table_has_an_empty_sample(cache: Cache, tmp_path: Path) -> None:
    copy = Cache(tmp_path / "cache")
    shutil.copytree(cache.folder, copy.folder)
    clip = copy.labelled_clips("training")["clip"].iloc[0]
    copy.entry_path(clip).unlink()
    unread = {"faces": 0, "audio_seconds": 0.0, "error": "the file is missing"}
    copy.clips.loc[copy.clips["clip"].eq(clip), list(unread)] = list(unread.values())
    add_table(copy, "hints", pd.DataFrame({"x": 0.25}, copy.clips["clip"]))
    video, hints = frozenset({"faces", "audio"}), frozenset({("hints", ("x",))})
    needs = Needs(video, hints, (Needs(video), Needs(tables=hints)))
    clips = ClipLoader(copy, read_split(copy, "training", needs), preset("visual"), needs, frames=3)
    assert clips.split.rows["clip"].iloc[0] == clip
    for epoch in (None, 0):
        batch = clips.batch([0, 1], epoch)
        assert [batch.present[name].tolist() for name in ("faces", "audio", "hints")] == [[False, True]] * 2 + [
            [True] * 2
        ]
        assert batch.audio is not None
        assert not batch.audio[0].any() and batch.tables["hints"].tolist() == [[0.25], [0.25]]


def test_a_consumer_that_leaves_early_leaves_no_thread(clips: ClipLoader) -> None:
    before = threading.active_count()
    batches = load_clip_batches(clips, split_into_micro_batches(torch.arange(len(clips)), 2), CPU, epoch=0)
    assert isinstance(batches, Generator)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_what_goes_wrong_in_a_thread_reaches_the_loop(clips: ClipLoader, tmp_path: Path) -> None:
    clips.cache = Cache(tmp_path)
    with pytest.raises(CacheError, match="is missing"):
        list(load_clip_batches(clips, split_into_micro_batches(torch.arange(len(clips)), 2), CPU, epoch=0))


def test_groups_weigh_alike_and_small_ones_not_without_end() -> None:
    rows = pd.DataFrame({"group": ["a"] * 6 + ["b"] * 2 + [None]})
    weights = compute_balance_weights(rows, "group")
    assert weights.mean().item() == pytest.approx(1)
    assert weights[:6].sum().item() == pytest.approx(weights[6:8].sum().item())
    assert weights[8] == pytest.approx(weights[:8].mean().item(), rel=0.01)
    rare = compute_balance_weights(pd.DataFrame({"group": ["a"] * 999 + ["b"]}), "group")
    assert (rare[-1] / rare[0]).item() == pytest.approx(MAX_CLIP_WEIGHT / (1000 / 2 / 999), rel=0.01)
    assert compute_balance_weights(rows, None).tolist() == [1.0] * 9


def test_an_attribute_that_clips_lack_cannot_balance(cache: Cache) -> None:
    with pytest.raises(TrainingError, match="no attribute 'height'"):
        read_split(cache, "training", NEEDS, "height")
