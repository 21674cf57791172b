"""The configuration of a run: one frozen object, checked when it is created and stored with the checkpoint.

The command line and the form are made from the fields of `Config`. Importing this module does not import torch.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, replace
from typing import Any

from personality.modalities import MODALITIES, TABULAR_MODALITIES, TEXT_TABLE
from personality.network_options import ACTIVATIONS, NetworkDesign, option, require_valid_choices
from training.config.losses import LOSS_FUNCTIONS

TRAINABLE_PARTS = ("head", "all")
MAX_LEARNING_RATE = 1.0  # for SGD; Adam's are a thousandth of it
MAX_SEED = 2**31 - 1
OLD_FIELD_NAMES = {"keeps": "kept_epoch"}  # of configs stored before 0.2.0
NO_TRACKER = "none"
HUB_WEIGHTS, RANDOM_WEIGHTS = "hub", "none"  # instead of a file of weights: timm's own (downloaded), or random ones


@dataclass(frozen=True)
class Stage:
    """Consecutive epochs that train the same layers.

    Attributes
    ----------
    epochs : int
        Maximum number of epochs.
    trains : {"head", "all"}
        `head`: the features before the head are computed once; `all`: all layers are trained.
    rate : float
        Learning rate.
    frames : int
        Face crops per clip: evenly spaced for `head`, sampled in each epoch for `all`.
    """

    epochs: int
    trains: str
    rate: float
    frames: int = 16


def parse_stage(text: str) -> Stage:
    """Parse EPOCHS:PART:RATE or EPOCHS:PART:RATE:FRAMES, such as `6:all:5e-5:2`.

    Raises ValueError for another format; Config checks the values.
    """
    fields = text.split(":")
    try:
        epochs, trains, rate, *frames = fields
        return Stage(int(epochs), trains, float(rate), *(int(count) for count in frames))
    except (ValueError, TypeError) as error:
        raise ValueError(f"stage {text!r} is not EPOCHS:head|all:RATE[:FRAMES], for example 6:all:5e-5:2") from error


@dataclass(frozen=True)
class Preset:
    """Values of the fields of Config: common to all modalities, and special to some."""

    common: dict[str, Any]
    stages: dict[str, tuple[Stage, ...]]
    special: dict[str, dict[str, Any]] = field(default_factory=dict)


_FUSED_MODALITIES = ("audiovisual", "handcrafted")
# Models of tables overfit easily: a decreasing rate, and no selection of an epoch, so validation is not used.
_LAST_OF_CYCLE = {"optimiser": "adamw", "schedule": "cycle", "kept_epoch": "last", "patience": 1000}
_TABLE_MODEL_DEFAULTS = {**_LAST_OF_CYCLE, "batch": 256}
PRESETS = {
    # As in the thesis: MSE, Adam 1e-5, audio batch 64 for 150 epochs, visual batch 32 for 50 + 20, fusion 70.
    "thesis": Preset(
        common={"loss": "mse", "batch": 32},
        stages={
            "audio": (Stage(150, "head", 1e-5),),
            "visual": (Stage(50, "head", 1e-5, frames=1), Stage(20, "all", 1e-5, frames=1)),
            **dict.fromkeys(_FUSED_MODALITIES, (Stage(70, "head", 1e-5),)),
        },
        special={"audio": {"batch": 64}},
    ),
    "compact": Preset(
        common={"loss": "l1", "batch": 32, "weight_decay": 1e-4},
        stages={
            "audio": (Stage(60, "head", 1e-3),),
            "visual": (Stage(40, "head", 1e-3, frames=8), Stage(4, "all", 2e-5, frames=2)),
            **dict.fromkeys(_FUSED_MODALITIES, (Stage(60, "head", 1e-3, frames=8),)),
            "features": (Stage(60, "head", 2e-3),),
            **dict.fromkeys(("text", "fusion"), (Stage(20, "head", 1e-3),)),
        },
        special={
            "features": {**_TABLE_MODEL_DEFAULTS, "weight_decay": 1e-2},
            "text": {**_TABLE_MODEL_DEFAULTS, "weight_decay": 0.1, "table": TEXT_TABLE, "activation": "tanh"},
            "fusion": {**_TABLE_MODEL_DEFAULTS, "weight_decay": 0.1},
        },
    ),
    # The effect of each option: docs/ablations.md.
    "modern": Preset(
        common={
            **_LAST_OF_CYCLE,
            "loss": "blend",
            "batch": 32,
            "weight_decay": 1e-2,
            "averaging": 0.98,
            "augment": True,
            "precision": "auto",
        },
        stages={
            "audio": (Stage(60, "head", 1e-3),),
            "visual": (Stage(30, "head", 1e-3, frames=8), Stage(6, "all", 5e-5, frames=2)),
            **dict.fromkeys(_FUSED_MODALITIES, (Stage(40, "head", 1e-3, frames=8),)),
            "features": (Stage(60, "head", 2e-3),),
            **dict.fromkeys(("text", "fusion"), (Stage(20, "head", 1e-3),)),
        },
        special={
            "features": {"batch": 256},
            # Words predict so little that concordance would cost accuracy.
            "text": {"loss": "l1", "batch": 256, "weight_decay": 0.1, "table": TEXT_TABLE, "activation": "tanh"},
            "fusion": {"batch": 256, "weight_decay": 0.1},
        },
    ),
    # Frozen encoders (`personality embed`) and a small fusion of their features over time.
    "encoders": Preset(
        common={
            **_LAST_OF_CYCLE,
            "loss": "blend",
            "batch": 64,
            "weight_decay": 0.1,
            "averaging": 0.98,
            "precision": "auto",
        },
        stages={"fusion": (Stage(30, "head", 1e-3),)},
    ),
}


@dataclass(frozen=True)
class Config:
    """All options of a run; the metadata of each field has its description and valid choices.

    Raises
    ------
    ValueError
        Options are invalid or contradict each other.
    """

    modality: str = option(
        MISSING,
        "input of the model; handcrafted: audio, visual, and estimated emotions, gender and age",
        choices=tuple(MODALITIES),
        in_form=False,
    )
    preset: str = option("compact", "default values of the other options", choices=tuple(PRESETS), in_form=False)
    stages: tuple[Stage, ...] = option(
        (),
        "EPOCHS:head|all:RATE[:FRAMES] replaces the preset's stages; head: only the layers after the fixed features",
        in_form=False,
    )
    activation: str = option("relu", "activation of the hidden layers", choices=tuple(ACTIVATIONS))
    optimiser: str = option(
        "adam", "momentum is SGD with a momentum of 0.9", choices=("adam", "adamw", "sgd", "momentum")
    )
    weight_decay: float = option(0.0, "weight decay of the optimiser")
    loss: str = option("l1", "blend is l1 plus a share of 1 - concordance", choices=tuple(LOSS_FUNCTIONS))
    balance: str | None = option(None, "attribute, such as gender, whose groups have equal weight in the loss")
    batch: int = option(32, "clips per step")
    patience: int = option(10, "epochs without a lower validation loss before a stage ends; 1000 in `modern`: never")
    seed: int = option(0, "random seed; the same seed gives the same weights")
    backbone: str | None = option(
        None, "safetensors file of pretrained weights, such as VGG-Face; modern: also hub (a download) or none (random)"
    )
    table: str | None = option(None, "feature table in the cache that the modality `features` reads", in_form=False)
    branches: tuple[str, ...] = option((), "folder of a run that a `fusion` joins", in_form=False)
    tables: tuple[str, ...] = option(
        (), "encoder, or other feature table in the cache, that the preset `encoders` reads", in_form=False
    )
    extra_cache: str | None = option(
        None, "second cache whose training clips are added (audio, visual); validation uses the first", in_form=False
    )
    schedule: str = option(
        "constant",
        "cycle warms the learning rate up and lowers it to 0 by the end of the stage (Smith and Topin 2019)",
        choices=("constant", "cycle"),
    )
    kept_epoch: str = option(
        "best", "the epoch that is stored: the best on validation, or the last", choices=("best", "last")
    )
    averaging: float = option(0.0, "decay per step of averaged weights, for example 0.98; 0 disables averaging")
    augment: bool = option(False, "augment faces and sound in training")
    accumulate: int = option(1, "parts that a batch is split into to save memory")
    precision: str = option(
        "float32", "auto is bfloat16 on a GPU that supports it, else float32", choices=("auto", "float32", "bfloat16")
    )
    log_to: str = option(
        NO_TRACKER, "where the metrics are also sent; installed separately", choices=(NO_TRACKER, "mlflow", "wandb")
    )
    compile: bool = option(False, "compile the backbone with torch.compile")
    design: NetworkDesign = field(
        default_factory=NetworkDesign,
        metadata={
            "help": "option of the networks of `modern`: backbone, frames, encoder, seconds or fusion (docs/models.md)",
            "choices": (),
            "in_form": False,
        },
    )

    def __post_init__(self) -> None:
        require_valid_choices(self)
        self._check_numbers()
        self._check_modality()

    def _check_numbers(self) -> None:
        if not self.stages or any(stage.epochs < 1 or stage.trains not in TRAINABLE_PARTS for stage in self.stages):
            raise ValueError("stages: expected one or more stages of at least one epoch that train head or all")
        for stage in self.stages:
            if not 0 < stage.rate <= MAX_LEARNING_RATE:  # not a number is neither
                raise ValueError(f"rate is {stage.rate:g}; expected more than 0 and at most {MAX_LEARNING_RATE:g}")
        if any(stage.frames < 1 for stage in self.stages) or self.patience < 1:
            raise ValueError("frames and patience must be greater than 0")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed is {self.seed}; expected a whole number from 0 to {MAX_SEED:,}")
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay is {self.weight_decay:g}; expected 0 to 1, without 1")
        if self.batch < 2:
            raise ValueError(f"batch is {self.batch}; batch normalisation requires 2 clips or more")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging is {self.averaging}; expected 0, or a decay below 1 such as 0.99")
        if not 1 <= self.accumulate <= self.batch // 2:
            raise ValueError(
                f"accumulate is {self.accumulate}; a batch of {self.batch} has 1 to {self.batch // 2} parts"
            )

    def _check_modality(self) -> None:
        has_layers_below_head = self.modality in ("audio", "visual")
        if self.design != NetworkDesign() and self.preset not in ("modern", "encoders"):
            raise ValueError(f"design: the preset {self.preset} has a fixed design; use --preset modern")
        if self.compile and self.modality != "visual":
            raise ValueError(f"compile: {self.modality} has no backbone; only visual has one")
        if not has_layers_below_head and any(stage.trains == "all" for stage in self.stages):
            raise ValueError(f"stages: {self.modality} has no trainable layers below its head; its stages train head")
        if self.extra_cache is not None and not has_layers_below_head:
            raise ValueError(f"extra_cache: {self.modality} cannot use one; only audio and visual can")
        if (self.modality in TABULAR_MODALITIES) != (self.table is not None):
            expected = "requires the name of a" if self.modality in TABULAR_MODALITIES else "does not read a"
            raise ValueError(f"table: {self.modality} {expected} feature table")
        if (self.preset == "encoders") != (len(self.tables) > 0):
            expected = "requires the names of" if self.preset == "encoders" else "does not read"
            raise ValueError(f"tables: the preset {self.preset} {expected} encoders and feature tables")
        if self.preset == "encoders" and self.branches:
            raise ValueError("branches: the preset encoders joins tables, no runs")
        if (self.modality == "fusion" and self.preset != "encoders") != (len(self.branches) > 1):
            raise ValueError(
                f"branches: {len(self.branches)} for {self.modality}; a fusion joins 2 or more, other modalities none"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `Config.from_dict` reads them back."""
        return asdict(self)

    def with_stages(self, *, epochs: int | None, rate: float | None) -> Config:
        """A copy with other epochs or another rate in every stage; None: unchanged."""
        changes: dict[str, Any] = {
            name: value for name, value in (("epochs", epochs), ("rate", rate)) if value is not None
        }
        return replace(self, stages=tuple(replace(stage, **changes) for stage in self.stages))

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Config:
        """The config of a dict from `as_dict`. Raises ValueError, TypeError or KeyError if it is not one."""
        values = {OLD_FIELD_NAMES.get(name, name): value for name, value in values.items()}
        known = {
            "stages": tuple(Stage(**stage) for stage in values["stages"]),
            "branches": tuple(values.get("branches", ())),
            "tables": tuple(values.get("tables", ())),
            "design": NetworkDesign(**values.get("design", {})),
        }
        return Config(**{**values, **known})


def preset(modality: str, name: str = "compact", **changes: Any) -> Config:
    """The config of a preset for a modality, with changes to its values.

    Raises
    ------
    ValueError
        The preset does not support the modality, or as `Config`.
    """
    if name not in PRESETS or modality not in PRESETS[name].stages:
        known = [f"{preset} ({', '.join(plan.stages)})" for preset, plan in PRESETS.items()]
        raise ValueError(f"no preset {name!r} for {modality!r}; expected one of {' or '.join(known)}")
    plan = PRESETS[name]
    values = {**plan.common, **plan.special.get(modality, {}), "stages": plan.stages[modality]}
    return Config(modality=modality, preset=name, **{**values, **changes})
