"""What a person may choose of a run: the fields of Config and Design, each with its choices and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from personality.network_options import NETWORK_CHOICES as DESIGN_CHOICES
from personality.network_options import NetworkDesign
from training.config.run_config import CONFIG_CHOICES, Config, Stage

FIELD_DESCRIPTIONS = {
    "activation": "of the hidden layers",
    "optimiser": "momentum is SGD with a momentum of 0.9",
    "weight_decay": "pulls weights towards 0",
    "loss": "mse, l1, or l1 with a share of what concordance lacks",
    "balance": "an attribute, such as gender, whose groups weigh alike in the loss",
    "batch": "clips a step",
    "patience": "epochs without a better validation loss before a stage ends",
    "seed": "the same seed gives the same weights",
    "backbone": "safetensors to start the backbone from; modern also takes hub (a download) or none",
    "schedule": "cycle warms the rate up and lets it fall to nothing by the stage's end",
    "keeps": "the best epoch on validation, or the last, for which validation was not looked at",
    "averaging": "decay per step of averaged weights, 0.98 for instance; 0 is none",
    "augment": "vary faces and sound in training",
    "accumulate": "pieces that a batch is taken in, where memory is short",
    "precision": "of a step; auto is bfloat16 on a GPU that has it",
    "compile": "the backbone, by torch.compile",
}
# Chosen elsewhere: what is trained, on what, and in which stages.
FIELDS_NOT_IN_FORM = ("modality", "preset", "stages", "table", "branches", "extra_cache", "design")
DESIGN_DESCRIPTIONS = {
    "backbone": "the name of a timm model, for faces",
    "frames": "how a clip's frames become one",
    "encoder": "of sound",
    "seconds": "how much of the sound is heard; over 5, the cache must keep the whole sound",
    "fusion": "how branches are joined",
}


@dataclass(frozen=True)
class FormField:
    """One choice: its name, what it is, the value it has now, and the values it may have (empty: any of its kind)."""

    name: str
    help_text: str
    value: Any
    choices: tuple[str, ...] = ()


def config_fields(config: Config) -> Iterator[FormField]:
    """The fields of a config that a form asks for, with the config's own values."""
    for field in fields(Config):
        if field.name not in FIELDS_NOT_IN_FORM:
            yield FormField(
                field.name,
                FIELD_DESCRIPTIONS[field.name],
                getattr(config, field.name),
                CONFIG_CHOICES.get(field.name, ()),
            )


def design_fields(design: NetworkDesign) -> Iterator[FormField]:
    """The same of the networks of `modern`."""
    for field in fields(NetworkDesign):
        choices = DESIGN_CHOICES.get(field.name, ())
        yield FormField(field.name, DESIGN_DESCRIPTIONS[field.name], getattr(design, field.name), choices)


def apply_form_values(
    config: Config, values: dict[str, Any], stages: list[dict[str, Any]], design: dict[str, Any]
) -> Config:
    """The config with what a form says. Raises ValueError where that is contradictory or no stage is whole."""
    try:
        made = tuple(Stage(int(s["epochs"]), s["trains"], float(s["rate"]), int(s["frames"])) for s in stages)
    except (TypeError, ValueError) as error:
        raise ValueError("A stage wants epochs, what it trains, a rate and frames; one of them is empty.") from error
    return replace(config, stages=made, design=replace(config.design, **design), **values)
