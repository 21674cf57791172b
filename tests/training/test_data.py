"""Batches prepared ahead are the batches one would read one by one."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from personality.models.network import Needs
from personality.preprocessing.cache import Cache, CacheError
from training.config import preset
from training.data import AHEAD, Clips, clip_batches, read_split

NEEDS = Needs(frozenset({"faces", "audio"}))
CPU = torch.device("cpu")


@pytest.fixture
def clips(cache: Cache) -> Clips:
    return Clips(cache, read_split(cache, "training", NEEDS), preset("visual"), NEEDS, frames=3)


def test_batches_come_in_order_whole_and_drawn_anew_each_epoch(clips: Clips) -> None:
    order = torch.arange(len(clips)).flip(0)
    drawn = list(clip_batches(clips, order, 2, CPU, epoch=5))
    assert sum(len(labels) for _, labels in drawn) == len(clips)
    assert len(drawn) > AHEAD, "more batches than lie ready at once"
    for (batch, labels), numbers in zip(drawn, order.split(2), strict=True):
        alone, its_labels = clips.batch(numbers.tolist(), 5)
        assert torch.equal(labels, its_labels)
        assert torch.equal(batch.faces, alone.faces)
        assert batch.faces.shape == (len(numbers), 3, 3, 224, 224)
    again, _ = clips.batch(order[:2].tolist(), 5)
    other, _ = clips.batch(order[:2].tolist(), 6)
    assert torch.equal(again.faces, drawn[0][0].faces)
    assert not torch.equal(other.faces, again.faces)


def test_chosen_faces_are_those_of_the_whole_sample(cache: Cache) -> None:
    row = cache.rows("training").iloc[0]
    whole, some = cache.sample(row), cache.sample(row, np.array([2, 9]))
    np.testing.assert_array_equal(some.faces, whole.faces[[2, 9]])
    np.testing.assert_array_equal(some.times, whole.times[[2, 9]])
    np.testing.assert_array_equal(some.emotions, whole.emotions)


def test_a_consumer_that_leaves_early_leaves_no_thread(clips: Clips) -> None:
    before = threading.active_count()
    batches = clip_batches(clips, torch.arange(len(clips)), 1, CPU, epoch=0)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_what_goes_wrong_in_a_thread_reaches_the_loop(clips: Clips, tmp_path: Path) -> None:
    clips.cache = Cache(tmp_path)
    with pytest.raises(CacheError, match="is missing"):
        list(clip_batches(clips, torch.arange(len(clips)), 2, CPU, epoch=0))
