"""A second dataset adds training clips and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest

from personality.models.checkpoint import load_model
from personality.preprocessing.cache import Cache, CacheError
from tests.training.helpers import run_to_end
from training.config.run_config import Stage, preset
from training.data.joined_cache import open_cache


def test_only_training_clips_are_added(cache: Cache, portraits_cache: Cache) -> None:
    joined = open_cache(cache.folder, portraits_cache.folder)
    own, more = cache.labelled_clips("training"), portraits_cache.labelled_clips("training")
    assert joined.labelled_clips("training")["clip"].tolist() == [*own["clip"], *more["clip"]]
    for split in ("validation", "test"):
        assert joined.labelled_clips(split)["clip"].tolist() == cache.labelled_clips(split)["clip"].tolist()
    for source, row in ((cache, own.iloc[0]), (portraits_cache, more.iloc[0])):
        np.testing.assert_array_equal(joined.sample(row).faces, source.sample(row).faces)


def test_without_a_second_cache_it_is_the_first(cache: Cache) -> None:
    assert open_cache(cache.folder, None) == cache


def test_two_clips_of_one_name_are_refused(cache: Cache) -> None:
    with pytest.raises(CacheError, match="both have a clip"):
        open_cache(cache.folder, cache.folder).labelled_clips("training")


@pytest.mark.trial
def test_a_visual_run_learns_from_both_and_its_card_names_both(
    cache: Cache, portraits_cache: Cache, tmp_path: Path
) -> None:
    stages = (Stage(1, "head", 1e-3, frames=1), Stage(1, "all", 1e-4, frames=1))
    config = preset("visual", "modern", stages=stages, batch=8, extra_cache=str(portraits_cache.folder))
    run = run_to_end(tmp_path / "visual", cache, config)
    card = json.loads((run.folder / "card.json").read_text())
    assert (
        card["training_clips"]
        == len(cache.labelled_clips("training")) + (portraits_cache.labelled_clips("training")["faces"] > 0).sum()
    )
    assert card["metrics"]["n"] == len(cache.labelled_clips("validation"))
    assert [card["data"]["name"], card["data"]["extra"][0]["name"]] == ["people", "dataset"]
    assert card["data"]["synthetic"] is True
    assert load_model(run.folder).network.needs.inputs == {"faces"}


def test_a_fusion_cannot_use_a_second_cache() -> None:
    with pytest.raises(ValueError, match="extra_cache"):
        preset("audiovisual", extra_cache="somewhere")
