"""Folded networks have the same predictions."""

import pytest
import timm
import torch
from torch import nn

from personality.models import fuse_batchnorm
from personality.models.fuse_batchnorm import fold_normalisation
from personality.models.visual import CompactVisual


def normalisations(module: nn.Module) -> int:
    return sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def with_figures(module: nn.Module) -> nn.Module:
    """Set random running means and variances, as after training, and evaluation mode."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            for tensor in (part.running_mean, part.running_var, part.weight.data, part.bias.data):
                tensor.copy_(torch.rand_like(tensor) + 0.5)
    return module.eval()


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18", "mobilenetv3_small_100", "regnety_002"])
def test_folded_backbone_computes_the_same_features(name: str) -> None:
    backbone = with_figures(timm.create_model(name, pretrained=False, num_classes=0))
    pictures = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        before = backbone(pictures)
        fuse_batchnorm._fold_backbone(backbone)
        after = backbone(pictures)
    assert normalisations(backbone) == 0
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4 * before.abs().max().item())


class Apart(nn.Module):
    """A network that declares a normalization after a convolution, but applies it before."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(pictures).relu()).mean((2, 3))


def test_backbone_with_another_call_order_is_unchanged() -> None:
    backbone = with_figures(Apart())
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    fuse_batchnorm._fold_backbone(backbone)
    assert backbone.state_dict().keys() == before.keys()
    for name, tensor in backbone.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_folding_twice_changes_nothing() -> None:
    network = with_figures(CompactVisual("relu"))
    fold_normalisation(network)
    state = network.state_dict()
    assert normalisations(network) == 0
    fold_normalisation(network)
    assert network.state_dict().keys() == state.keys()
