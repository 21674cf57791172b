import pytest
import torch

from training.config.losses import CONCORDANCE_SHARE, LOSS_FUNCTIONS, concordance, concordance_blend_loss


def test_concordance_by_hand() -> None:
    """Lin 1989: 2 cov / (var + var + (mean - mean)^2) with population moments."""
    predicted, labels = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [2.0], [3.0]])
    assert concordance(predicted, labels).item() == pytest.approx(2 * (2 / 3) / (2 / 3 + 2 / 3 + 1), abs=1e-5)
    assert concordance(labels, labels).item() == pytest.approx(1, abs=1e-5)
    assert concordance(torch.full((3, 1), 2.0), labels).item() == pytest.approx(0, abs=1e-5)


def test_a_constant_pays_and_one_clip_is_finite() -> None:
    labels = torch.tensor([[0.2], [0.4]])
    constant = torch.full((2, 1), 0.3, requires_grad=True)
    loss = concordance_blend_loss(constant, labels, torch.ones(2))
    assert loss.item() == pytest.approx(0.1 + CONCORDANCE_SHARE, abs=1e-4)
    loss.backward()
    assert constant.grad is not None
    assert constant.grad[0] != constant.grad[1], "it pulls the predictions apart"
    assert torch.isfinite(concordance_blend_loss(torch.rand(1, 5), torch.rand(1, 5), torch.ones(1)))


def test_a_clip_is_as_heavy_as_its_weight() -> None:
    predicted, labels = torch.rand(4, 5), torch.rand(4, 5)
    twice = torch.tensor([2.0, 0.0, 1.0, 1.0])
    kept = [0, 0, 2, 3]
    for name in ("mse", "l1"):
        alike = LOSS_FUNCTIONS[name](predicted[kept], labels[kept], torch.ones(4))
        assert LOSS_FUNCTIONS[name](predicted, labels, twice).item() == pytest.approx(alike.item())
    torch.testing.assert_close(
        LOSS_FUNCTIONS["l1"](predicted, labels, torch.ones(4)), (predicted - labels).abs().mean()
    )
