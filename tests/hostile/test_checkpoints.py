"""Hostile and invalid checkpoints: none executes code, and errors name the tensor at fault."""

from __future__ import annotations

import json
import os
import pickle
import random
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from personality.assets import demo
from personality.models.checkpoint import MODEL_WEIGHTS_FILE, CheckpointError, load_model
from personality.models.model_card import MODEL_CARD_FILE
from personality.utils.atomic_files import file_sha256

AUDIO = demo.PRACTICE_MODEL_FOLDERS[0]
HUGE = ("vit_giant_patch14_reg4_dinov2", "eva_giant_patch14_224", "convnextv2_huge", "resnetv2_152x4_bit")
# Hostile values for the activation, backbone, modality, preset or branch folder in a model card.
CALLS = (
    *("__import__", "os.system", "hf-hub:timm/resnet18", "local-dir:/etc", "../../etc/passwd", "/etc/passwd", "\x00"),
    *("{0.__class__}", "${jndi:ldap://127.0.0.1/a}", "; touch ran", "a" * 100_000),
)


class Runs:
    """Creates a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


def hostile(target: Path) -> Iterator[tuple[bytes, bytes]]:
    """64 pairs of weights and cards; one that executes code creates the folder `target`."""
    weights, card = (AUDIO / MODEL_WEIGHTS_FILE).read_bytes(), json.loads((AUDIO / MODEL_CARD_FILE).read_text())

    def carded(**changes: object) -> tuple[bytes, bytes]:
        return weights, json.dumps({**card, **changes}).encode()

    good = json.dumps(card).encode()
    for protocol in range(6):
        yield pickle.dumps({"output.bias": Runs(target)}, protocol), good
        yield weights, pickle.dumps(Runs(target), protocol)
    for old in (True, False):
        yield torch_file(target, old=old), good
        yield weights, torch_file(target, old=old)
    for word in CALLS:
        yield carded(activation=word)
        yield carded(modality=word)
        yield carded(branches={"audio": {"folder": word, "sha256": "0" * 64}})
    for word in (*HUGE, *CALLS[2:4]):
        yield carded(modality="visual", preset="modern", design={"backbone": word})
    yield weights, b"[" * 200_000
    yield weights, b'{"modality": ' + b"9" * 5000 + b"}"
    for claimed in (2**63, 2**40, 0, 7):
        yield struct.pack("<Q", claimed) + weights[8:], good
    header = json.dumps({"output.bias": {"dtype": "F16", "shape": [2**62, 8], "data_offsets": [0, 10]}}).encode()
    yield struct.pack("<Q", len(header)) + header + bytes(10), good
    yield b"", good
    yield weights, b""


def torch_file(target: Path, *, old: bool) -> bytes:
    path = target.parent / "pickled.pt"
    torch.save({"output.bias": Runs(target)}, path, _use_new_zipfile_serialization=not old)
    assert zipfile.is_zipfile(path) != old
    return path.read_bytes()


def test_hostile_checkpoints_do_not_execute_code(tmp_path: Path, outcome: Callable[[str, str], None]) -> None:
    target = tmp_path / "ran"
    made = list(hostile(target))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, (weights, card) in enumerate(made):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / MODEL_WEIGHTS_FILE).write_bytes(weights)
        (folder / MODEL_CARD_FILE).write_bytes(card)
        with pytest.raises(CheckpointError) as caught:
            load_model(folder)
        assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value), number
        assert not target.exists(), number
        shutil.rmtree(folder)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 500, f"{grown:.0f} MB"  # huge networks are named, but must not be created
    assert len(made) == 64
    result = (
        f"0 of {len(made)} executed code; each was rejected with a one-sentence error, using at most {grown:.0f} MB"
    )
    outcome("hostile checkpoints", result)


def test_a_model_that_contains_itself_is_rejected(tmp_path: Path) -> None:
    """Even indirectly: the digests match the files, so no other check finds this."""
    for name, other in (("a", "b"), ("b", "a")):
        shutil.copytree(AUDIO, tmp_path / name)
        card = json.loads((tmp_path / name / MODEL_CARD_FILE).read_text())
        branches = {"audio": {"folder": f"../{other}", "sha256": file_sha256(AUDIO / MODEL_WEIGHTS_FILE)}}
        (tmp_path / name / MODEL_CARD_FILE).write_text(json.dumps({**card, "branches": branches}))
    with pytest.raises(CheckpointError, match="itself"):
        load_model(tmp_path / "a")


def mutated(tensors: dict[str, torch.Tensor], generator: random.Random) -> tuple[str, dict[str, torch.Tensor]]:
    """The name of a tensor, and the tensors with this one invalid."""
    name = generator.choice(sorted(tensors))
    one = tensors[name]
    flat = one.float().reshape(-1).clone()
    flat[generator.randrange(len(flat))] = generator.choice([torch.nan, torch.inf, -torch.inf])
    wrong = {
        "not numbers": flat.reshape(one.shape) if one.is_floating_point() else one.float(),
        "longer": torch.cat([one.reshape(-1), one.reshape(-1)[:1]]),
        "another axis": one[None],
        "whole": one.to(torch.int32) if one.is_floating_point() else one.half(),
        "complex": torch.complex(one.float(), one.float()),
    }
    kind = generator.choice([*wrong, "missing", "renamed"])
    others = {other: tensor for other, tensor in tensors.items() if other != name}
    if kind in wrong:
        return name, {**others, name: wrong[kind]}
    return name, others if kind == "missing" else {**others, f"{name}.": one}


def test_errors_name_the_invalid_tensor(
    tmp_path: Path, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    generator, count = random.Random(0), share(300, 20)
    tensors = load_file(AUDIO / MODEL_WEIGHTS_FILE)
    shutil.copy(AUDIO / MODEL_CARD_FILE, tmp_path / MODEL_CARD_FILE)
    for _ in range(count):
        name, wrong = mutated(tensors, generator)
        save_file(wrong, tmp_path / MODEL_WEIGHTS_FILE)
        with pytest.raises(CheckpointError) as caught:
            load_model(tmp_path)
        assert name in str(caught.value)
    outcome("mutated weights", f"{count} of {count} rejected with the name of the tensor")


def test_weights_of_another_network_are_rejected(
    tmp_path: Path, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    """The card of one network with the weights of another: backbones of timm and pooling methods."""
    card = json.loads((demo.PRACTICE_MODEL_FOLDERS[1] / MODEL_CARD_FILE).read_text())
    backbones = (
        *("resnet18", "resnet10t", "mobilenetv3_small_050", "mobilenetv3_small_100", "regnety_002", "regnetx_002"),
        *("lcnet_050", "tinynet_e", "semnasnet_050", "mnasnet_small", "edgenext_xx_small", "efficientvit_b0"),
        *(
            "ghostnet_050",
            "hardcorenas_a",
            "mobilevitv2_050",
            "pit_ti_224",
            "efficientformer_l1",
            "vit_tiny_patch16_224",
        ),
        *("xcit_nano_12_p16_224", "levit_128s", "convnext_atto", "mobileone_s0", "repvgg_a0", "fbnetc_100"),
        "resnet14t",
    )
    designs = [(name, frames) for name in backbones for frames in ("attention", "mean")]
    for number, (backbone, frames) in enumerate(designs):
        design = {**card.get("design", {}), "backbone": backbone, "frames": frames}
        (tmp_path / MODEL_CARD_FILE).write_text(json.dumps({**card, "preset": "modern", "design": design}))
        weights = demo.PRACTICE_MODEL_FOLDERS[number % 2 and 1] / MODEL_WEIGHTS_FILE
        shutil.copy(weights, tmp_path / MODEL_WEIGHTS_FILE)
        with pytest.raises(CheckpointError, match=r"tensor [\w.]+"):
            load_model(tmp_path)
    assert len(designs) == 50
    outcome("weights of another network", f"{len(designs)} of {len(designs)} rejected with the name of the tensor")
