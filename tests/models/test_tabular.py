import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer

from personality.models.network import Batch
from personality.models.tabular import MAX_NORMAL_SCORE, QUANTILE_KNOTS, TableNetwork, group_weights, normal_scores


def test_normal_scores_equal_scikit_learns() -> None:
    random = np.random.default_rng(0)
    rows = 20 * (QUANTILE_KNOTS - 1) + 1  # so that both use values of the table as knots
    table = np.column_stack(
        [random.normal(3, 2, rows), random.exponential(1, rows), random.integers(0, 4, rows), np.full(rows, 7.0)]
    ).astype(np.float32)
    oracle = QuantileTransformer(n_quantiles=QUANTILE_KNOTS, output_distribution="normal", subsample=None).fit(table)
    new = np.vstack([table[:50], [[-9, -1, -5, 7], [99, 99, 99, 7]]]).astype(np.float32)
    knots = torch.quantile(torch.from_numpy(table), torch.linspace(0, 1, QUANTILE_KNOTS), dim=0)
    found = normal_scores(torch.from_numpy(new), knots).numpy()
    expected = np.clip(oracle.transform(new), -MAX_NORMAL_SCORE, MAX_NORMAL_SCORE)
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=2e-3)
    between = np.isin(new[:, 2], (1, 2))
    np.testing.assert_allclose(found[between, 2], expected[between, 2], atol=2e-3)
    lowest, highest = found[new[:, 2] == 0, 2], found[new[:, 2] == 3, 2]
    assert lowest.max() < -0.9 < 0.9 < highest.min()
    assert (found[:, 3] == 0).all(), "a constant column has no information"


def test_column_groups_have_equal_weight() -> None:
    weights = group_weights(["embedding/0", "embedding/1", "embedding/2", "embedding/3", "words/count"])
    assert weights.tolist() == pytest.approx([1, 1, 1, 1, 2])
    assert group_weights(["a", "b"]).tolist() == [1, 1]


def test_noise_is_added_only_in_training() -> None:
    network = TableNetwork("relu", kind="text", table="text", columns=("a", "b"))
    features = torch.rand(64, 2)
    network.fit(features)
    batch = Batch(tables={"text": features})
    with torch.no_grad():
        assert torch.equal(network.eval()(batch), network(Batch(tables={"text": features})))
        assert not torch.equal(network.train().head(features), network.head(features))
    assert network(batch).shape == (64, 5)
