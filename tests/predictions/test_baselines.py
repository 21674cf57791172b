from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.predictions.baselines import same_source_baseline, training_means
from personality.traits import TRAIT_NAMES


def clips(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["clip", "source", "split", "openness"])
    return table.assign(**dict.fromkeys(TRAIT_NAMES, table["openness"]))


KNOWN = [
    ("a1", "a", "training", 0.2),
    ("a2", "a", "training", 0.4),
    ("b1", "b", "training", 0.6),
    ("b2", "b", "training", 0.8),
]


def test_same_source_baseline_by_hand() -> None:
    """The variance within sources is .02; that of the means .3 and .7 is .08, of which .01 comes from within, so .07 is
    between and k = .02 / .07. The baseline of source a weights .3 by 2 / (2 + k) and the mean .5 by the rest."""
    table = clips([*KNOWN, ("a3", "a", "validation", 0.9), ("c1", "c", "validation", 0.9), ("a4", "a", "test", 0.1)])
    found = same_source_baseline(table, "validation")
    k = 0.02 / 0.07
    assert found.loc["a3", "openness"] == pytest.approx((0.6 + k * 0.5) / (2 + k))
    assert found.loc["c1", "openness"] == pytest.approx(0.5)
    assert list(found.index) == ["a3", "c1"]


def test_baseline_uses_earlier_splits_and_leaves_out_the_clip_itself() -> None:
    table = clips([*KNOWN, ("a3", "a", "validation", 0.9), ("a4", "a", "test", 0.1)])
    assert (
        same_source_baseline(table, "test").loc["a4", "openness"]
        > same_source_baseline(clips([*KNOWN, ("a3", "a", "validation", 0.9)]), "validation").loc["a3", "openness"]
    )
    own = same_source_baseline(table, "training")
    changed = same_source_baseline(clips([("a1", "a", "training", 0.25), *KNOWN[1:]]), "training")
    assert own.loc["a2", "openness"] != changed.loc["a2", "openness"]
    k = 0.02 / 0.07
    assert own.loc["a1", "openness"] == pytest.approx((0.4 + k * 0.5) / (1 + k))


def test_baseline_with_single_clip_sources_and_unlabelled_clips() -> None:
    table = clips([("a", "a", "training", 0.2), ("b", "b", "training", 0.8), ("c", "a", "test", np.nan)])
    assert same_source_baseline(table, "test").loc["c", "openness"] == pytest.approx((0.2 + 0.5) / 2)
    assert training_means(table)["openness"] == 0.5


def test_baseline_accuracy_on_real_labels_by_shared_source(real_data: Path) -> None:
    from personality.dataset import load_dataset

    table = load_dataset(real_data / "first-impressions").table
    found = same_source_baseline(table, "validation")
    labels = table.set_index("clip").loc[found.index]
    seen = labels["source"].isin(table.loc[table["split"].eq("training"), "source"])
    accuracy = 1 - (found - labels[list(TRAIT_NAMES)]).abs().mean(axis=1).groupby(seen).mean()
    assert accuracy[True] == pytest.approx(0.9161, abs=5e-4)
    assert accuracy[False] == pytest.approx(0.8772, abs=5e-4)
