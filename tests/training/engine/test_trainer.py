"""The training loop on a linear model, whose steps can be computed by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.data.dataloader import MicroBatch, TrainingError
from training.engine.state_file import read_state, write_state
from training.engine.trainer import FitOptions, MicroBatchInputs, Trainer, make_optimiser, make_schedule

INPUTS = torch.linspace(-1, 1, 11)[:, None]
TARGETS = 2 * INPUTS + 1
OPTIONS = FitOptions(epochs=4, batch=4, rate=0.1, optimiser="adamw", averaging=0.9, weight_decay=0.01)


def load(pieces: Iterator[MicroBatch], epoch: int) -> MicroBatchInputs:
    return ((piece, INPUTS[piece.rows]) for piece in pieces)


def squared_error(predicted: Tensor, rows: Tensor) -> Tensor:
    return (predicted - TARGETS[rows]).square().mean()


def make_trainer(options: FitOptions = OPTIONS, count: int = len(INPUTS)) -> tuple[nn.Sequential, Trainer]:
    torch.manual_seed(7)
    module = nn.Sequential(nn.Linear(1, 3), nn.BatchNorm1d(3), nn.Dropout(0.2), nn.Linear(3, 1))
    return module, Trainer(module, squared_error, count, options, tensors=module.state_dict())


@pytest.mark.parametrize(("name", "momentum"), [("sgd", 0.0), ("momentum", 0.9)])
def test_sgd_with_and_without_momentum(name: str, momentum: float) -> None:
    optimiser = make_optimiser([nn.Parameter(torch.ones(1))], replace(OPTIONS, optimiser=name))
    assert optimiser.param_groups[0]["momentum"] == momentum


def test_a_step_of_gradient_descent_by_hand() -> None:
    """The loss of one weight w at x = 1, target 3 is (w - 3)^2: from 0, a step of .1 goes to .6."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    options = FitOptions(epochs=1, batch=2, rate=0.1, optimiser="sgd", schedule="constant")
    trainer = Trainer(layer, lambda out, _: (out - 3).square().mean(), 2, options, tensors=layer.state_dict())
    (trained,) = trainer.train_epochs(lambda pieces, _: ((piece, torch.ones(2, 1)) for piece in pieces))
    assert layer.weight.item() == pytest.approx(0.6)
    assert trained.loss == pytest.approx(9)


def test_the_learning_rate_rises_and_falls_or_is_constant() -> None:
    optimiser = make_optimiser([nn.Parameter(torch.ones(1))], OPTIONS)
    schedule, rates = make_schedule(optimiser, OPTIONS, 100), []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.1 / 25)
    assert max(rates) == rates[29] == pytest.approx(0.1)
    assert rates[-1] < 1e-6
    steady = make_optimiser([nn.Parameter(torch.ones(1))], OPTIONS)
    constant = make_schedule(steady, replace(OPTIONS, schedule="constant"), 100)
    for _ in range(10):
        steady.step()
        constant.step()
    assert constant.get_last_lr() == [0.1]


def test_the_average_is_evaluated_and_the_weights_are_trained_on() -> None:
    module, trainer = make_trainer()
    weights = module.get_parameter("0.weight")
    for _ in trainer.train_epochs(load):
        last = weights.detach().clone()
        with trainer.averaged_weights:
            assert not torch.equal(weights, last)
        assert torch.equal(weights, last)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "momentum"])
@pytest.mark.parametrize("schedule", ["constant", "cycle"])
def test_a_restored_trainer_continues_bit_for_bit(tmp_path: Path, optimiser: str, schedule: str) -> None:
    options = replace(OPTIONS, optimiser=optimiser, schedule=schedule, accumulate=2)
    module, trainer = make_trainer(options)
    losses = [trained.loss for trained in trainer.train_epochs(load)]
    for stop in (1, 2, 3):
        _, first = make_trainer(options)
        epochs = first.train_epochs(load)
        before = [next(epochs).loss for _ in range(stop)]
        write_state(tmp_path / "state", first.state(more=1), trains_on="these")
        other, second = make_trainer(options)
        state = read_state(tmp_path / "state", trains_on="these", otherwise="")
        assert state is not None and state.facts["more"] == 1
        second.restore(state)
        assert before + [trained.loss for trained in second.train_epochs(load)] == losses
        assert all(torch.equal(one, other.state_dict()[name]) for name, one in module.state_dict().items())
        with trainer.averaged_weights, second.averaged_weights:
            assert all(torch.equal(one, other.state_dict()[name]) for name, one in module.state_dict().items())


def test_a_state_of_another_version_or_for_other_data_is_a_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "state"
    assert read_state(path, trains_on="these", otherwise="") is None
    write_state(path, make_trainer()[1].state(), trains_on="these")
    with pytest.raises(TrainingError, match="those have changed"):
        read_state(path, trains_on="those", otherwise="those have changed")
    save_file({"network.a": torch.ones(1)}, path, {"progress": "{}", "data": "these"})  # before 0.2.0
    with pytest.raises(TrainingError, match="another version"):
        read_state(path, trains_on="these", otherwise="")


def test_a_schedule_has_the_steps_that_are_made() -> None:
    """Nine examples in batches of four are two steps: the last one alone is left out."""
    _, trainer = make_trainer(count=9)
    list(trainer.train_epochs(load))
    assert trainer.state().facts["schedule"]["last_epoch"] == OPTIONS.epochs * 2
    assert trainer.state().facts["schedule"]["total_steps"] == OPTIONS.epochs * 2


def test_a_loss_that_is_not_finite_raises() -> None:
    _, trainer = make_trainer()
    with pytest.raises(TrainingError, match="not finite"):
        next(trainer.train_epochs(lambda pieces, _: ((piece, INPUTS[piece.rows] * torch.nan) for piece in pieces)))
