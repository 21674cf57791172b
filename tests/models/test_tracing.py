"""Traced networks give the same values for any number of images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from personality.assets import demo
from personality.inference.face_impressions import FACE_RATING_NAMES
from personality.inference.predict import load_models
from personality.models.face_rater import FaceRater
from personality.models.network import Network
from personality.models.tracing import random_pictures, trace_backbones, trace_module


class TakesTwoImages(nn.Module):
    """A network whose Python code depends on the number of images."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean((1, 2, 3)) * (1 if len(pictures) == 2 else 2)


@pytest.mark.parametrize("images", [1, 2, 7])
def test_traced_backbones_give_the_same_features(images: int) -> None:
    network = load_models([folder for folder in demo.PRACTICE_MODEL_FOLDERS if folder.name == "practice_visual"])[
        0
    ].network
    before = network.backbone
    assert before is not None
    trace_backbones([network])
    assert isinstance(network.backbone, torch.jit.ScriptModule)
    pictures = random_pictures()[:1].repeat(images, 1, 1, 1) * torch.rand(images, 1, 1, 1)
    with torch.inference_mode():
        assert torch.allclose(network.backbone(pictures), before(pictures), rtol=1e-4, atol=1e-5)


def test_backbones_are_traced_once() -> None:
    networks = [model.network for model in load_models(demo.PRACTICE_MODEL_FOLDERS)]
    trace_backbones(networks)
    traced = backbones(networks)
    trace_backbones(networks)
    assert traced and all(one is other for one, other in zip(traced, backbones(networks), strict=True))


def backbones(networks: list[Network]) -> list[nn.Module]:
    parts = [part for network in networks for part in network.modules() if isinstance(part, Network)]
    return [part.backbone for part in parts if part.backbone is not None]


def test_a_module_that_depends_on_the_number_of_images_stays_as_it_is() -> None:
    module = TakesTwoImages().eval()
    assert trace_module(module, random_pictures()) is module


def test_a_traced_face_rater_gives_the_same_ratings() -> None:
    rater = FaceRater(len(FACE_RATING_NAMES)).eval()
    faces = torch.randint(
        0, 256, (5, 224, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    ).numpy()
    before = rater.rate(faces)
    rater.trace()
    assert isinstance(rater.traced, torch.jit.ScriptModule)
    assert rater.rate(faces) == pytest.approx(before, rel=1e-4, abs=1e-6)
