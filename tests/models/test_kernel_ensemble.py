import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from personality.models import kernel_ensemble
from personality.models.checkpoint import load_model, save_card, save_weights
from personality.models.factory import build_network
from personality.models.kernel_ensemble import KERNEL_PRESET, BranchBlend, KernelEnsemble
from personality.models.network import Batch
from personality.models.tabular import normal_scores
from training.recipes.kernel_ridge import KernelRidgeSettings, fit_kernel_ridge

MEANS = torch.tensor([0.5, 0.4, 0.6, 0.5, 0.55])


def branch(kind: str, table: str, columns: tuple[str, ...], seed: int) -> KernelEnsemble:
    """A regressor fitted to artificial labels that depend on its first column."""
    network = build_network(kind, preset=KERNEL_PRESET, activation="relu", table=(table, columns))
    assert isinstance(network, KernelEnsemble)
    features = torch.randn(300, len(columns), generator=torch.Generator().manual_seed(seed))
    labels = MEANS + 0.1 * torch.tanh(features[:, :1])
    fit_kernel_ridge(network, features, labels, KernelRidgeSettings(0.1, 0.1, {"": 1.0}, ("",)), seed=seed, vary=None)
    return network.eval()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        kernel_ensemble,
        "KERNEL_PLANS",
        {"features": kernel_ensemble.KernelPlan(2, 400), "text": kernel_ensemble.KernelPlan(2, 400)},
    )


@pytest.fixture
def branches() -> dict[str, KernelEnsemble]:
    return {"voice": branch("features", "sounds", ("a", "b"), 0), "words": branch("text", "text", ("c", "d"), 1)}


@pytest.fixture
def blend(branches: dict[str, KernelEnsemble]) -> BranchBlend:
    network = BranchBlend(dict(branches))
    network.set_output_layer(MEANS, (0.9, 0.7))
    return network.eval()


@pytest.fixture
def batch() -> Batch:
    tables = {"sounds": torch.tensor([[1.0, 0], [-1, 2], [0, 0]]), "text": torch.tensor([[0.0, 0], [1, 1], [-2, 0]])}
    present = {"sounds": torch.tensor([True, True, False]), "text": torch.tensor([True, False, True])}
    return Batch(tables=tables, present=present)


def test_fit_approaches_kernel_ridge_regression() -> None:
    random = np.random.default_rng(0)
    features = torch.from_numpy(random.normal(size=(400, 3)).astype(np.float32))
    labels = 0.5 + 0.1 * torch.sin(features[:, :1] * features[:, 1:2]).expand(-1, 5)
    network = build_network("features", preset=KERNEL_PRESET, activation="relu", table=("t", ("a", "b", "c")))
    assert isinstance(network, KernelEnsemble)
    fit_kernel_ridge(network, features, labels, KernelRidgeSettings(0.2, 0.5, {"": 1e9}, ("",)), seed=0, vary=None)
    scores = normal_scores(features, network.knots).numpy()
    centred = labels.numpy() - labels.numpy().mean(0)
    oracle = KernelRidge(alpha=0.5, kernel="rbf", gamma=0.2).fit(scores, centred)
    expected = labels.numpy().mean(0) + oracle.predict(scores)
    with torch.no_grad():
        found = network.head(features).numpy()
    assert np.abs(found - expected).mean() < 0.15 * np.abs(expected - labels.numpy().mean(0)).mean()


def test_columns_outside_the_kernel_keep_only_their_linear_part() -> None:
    network = build_network("text", preset=KERNEL_PRESET, activation="relu", table=("t", ("embedding/0", "words/long")))
    assert isinstance(network, KernelEnsemble)
    features = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    labels = 0.5 + 0.05 * features[:, :1].expand(-1, 5)
    settings = KernelRidgeSettings(0.1, 1.0, {"embedding": 0.1, "words": 0.1}, ("words",))
    fit_kernel_ridge(network, features, labels, settings, seed=0, vary=None)
    assert (network.directions[0] == 0).all()
    assert (network.directions[1] != 0).all()
    assert (network.output.weight[:, 0] > 0.02).all()


def test_seed_determines_the_network() -> None:
    one, again, other = (branch("features", "t", ("a", "b"), seed) for seed in (3, 3, 4))
    for (name, tensor), same in zip(one.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, same), name
    assert not torch.equal(one.directions, other.directions)


def test_blend_adds_contributions_of_available_branches(
    blend: BranchBlend, branches: dict[str, KernelEnsemble], batch: Batch
) -> None:
    with torch.no_grad():
        found = blend(batch)
        voice, words = (network(Batch(tables=batch.tables)) for network in branches.values())
    expected = MEANS + 0.9 * (voice[0] - MEANS) + 0.7 * (words[0] - MEANS)
    torch.testing.assert_close(found[0], expected)
    torch.testing.assert_close(found[1], voice[1])  # no words: equal to the prediction from the voice
    torch.testing.assert_close(found[2], words[2])


def test_blend_predicts_with_a_missing_table(blend: BranchBlend, branches: dict[str, KernelEnsemble]) -> None:
    alone = Batch(tables={"sounds": torch.tensor([[1.0, 0.5]])})
    with torch.no_grad():
        torch.testing.assert_close(blend(alone), branches["voice"](Batch(tables=alone.tables)))


def test_blend_requires_at_least_one_branch(blend: BranchBlend, batch: Batch) -> None:
    assert batch.has(blend.needs).tolist() == [True, True, True]
    absent = Batch(tables=batch.tables, present={name: torch.zeros(3, dtype=torch.bool) for name in batch.tables})
    assert not absent.has(blend.needs).any()


def test_nan_of_an_absent_branch_is_ignored(blend: BranchBlend, batch: Batch) -> None:
    batch.tables["text"][1] = torch.nan
    with torch.no_grad():
        assert torch.isfinite(blend(batch)).all()


def test_predictions_stay_within_the_scale(branches: dict[str, KernelEnsemble]) -> None:
    network = branches["voice"]
    torch.nn.init.constant_(network.output.bias, 7.0)
    with torch.no_grad():
        assert network(Batch(tables={"sounds": torch.zeros(1, 2)})).max() == 1


def test_stored_models_load_and_predict_as_before(
    tmp_path: Path, blend: BranchBlend, branches: dict[str, KernelEnsemble], batch: Batch
) -> None:
    common = {"preset": KERNEL_PRESET, "activation": "relu", "data": {"synthetic": False}, "licence": "CC BY-NC 4.0"}
    for kind, (name, network) in zip(("features", "text"), branches.items(), strict=True):
        ((table, columns),) = network.needs.tables
        save_weights(tmp_path / name, network)
        save_card(tmp_path / name, {**common, "modality": kind, "table": (table, list(columns))})
    save_weights(tmp_path / "both", blend)
    save_card(
        tmp_path / "both", {**common, "modality": "fusion"}, {name: load_model(tmp_path / name) for name in branches}
    )
    loaded = load_model(tmp_path / "both")
    assert isinstance(loaded.network, BranchBlend)
    assert json.loads((tmp_path / "both" / "card.json").read_text())["licence"] == "CC BY-NC 4.0"
    with torch.no_grad():
        torch.testing.assert_close(loaded.network(batch), blend(batch), atol=2e-3, rtol=0)
