import pytest
import torch
from torch import nn

from training.engine.weight_averaging import WeightAverage


def test_an_average_by_hand() -> None:
    """The decays of the first two steps are 1/10 and 2/11, below the requested one."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = WeightAverage(layer.state_dict(), 0.9)
    for value in (1.0, 2.0):
        nn.init.constant_(layer.weight, value)
        average.update()
    expected = (0.9 * 1) * 2 / 11 + 2 * 9 / 11
    assert average.tensors["weight"].item() == pytest.approx(expected)
    with average.apply_temporarily():
        assert layer.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 2.0
    assert average.tensors["weight"].item() == pytest.approx(expected)


def test_later_steps_equal_torchs_average() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    average = WeightAverage(layer.state_dict(), 0.5)
    average.steps = 1000
    oracle = torch.optim.swa_utils.AveragedModel(layer, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5))
    oracle.update_parameters(layer)  # its first one copies
    for _ in range(5):
        with torch.no_grad():
            layer.weight.normal_()
        average.update()
        oracle.update_parameters(layer)
    torch.testing.assert_close(average.tensors["weight"], oracle.get_parameter("module.weight").detach())


def test_integers_are_not_averaged() -> None:
    average = WeightAverage(nn.BatchNorm1d(1).state_dict(), 0.9)
    assert set(average.tensors) == {"weight", "bias", "running_mean", "running_var"}
