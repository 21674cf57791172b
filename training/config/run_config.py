"""What a run does: one frozen object, checked when it is made, stored with the checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from personality.modalities import ACTIVATION_NAMES, MODALITIES, TABULAR_MODALITIES
from personality.network_options import NetworkDesign

OPTIMISERS = ("adam", "adamw", "sgd", "momentum")
LOSSES = ("mse", "l1", "blend")
TRAINABLE_PARTS = ("head", "all")
SCHEDULES = ("constant", "cycle")
CHECKPOINT_EPOCHS = ("best", "last")
PRECISIONS = ("auto", "float32", "bfloat16")
CONFIG_CHOICES: dict[str, tuple[str, ...]] = {
    "activation": ACTIVATION_NAMES,
    "optimiser": OPTIMISERS,
    "loss": LOSSES,
    "schedule": SCHEDULES,
    "keeps": CHECKPOINT_EPOCHS,
    "precision": PRECISIONS,
}
HUB_WEIGHTS, RANDOM_WEIGHTS = "hub", "none"  # in place of a file of weights: timm's own, downloaded, or no weights


@dataclass(frozen=True)
class Stage:
    """Some epochs of one kind. trains `head` (what precedes it is computed once, and kept) or `all`.

    rate: of learning; frames: crops per clip, spread evenly for a head, drawn anew each epoch for all.
    """

    epochs: int
    trains: str
    rate: float
    frames: int = 16


def parse_stage(text: str) -> Stage:
    """A stage written as EPOCHS:PART:RATE or EPOCHS:PART:RATE:FRAMES, such as `6:all:5e-5:2`.

    Raises ValueError if it is something else; Config checks the values.
    """
    fields = text.split(":")
    try:
        epochs, trains, rate, *frames = fields
        return Stage(int(epochs), trains, float(rate), *(int(count) for count in frames))
    except (ValueError, TypeError) as error:
        raise ValueError(f"stage {text!r} is not EPOCHS:head|all:RATE[:FRAMES], such as 6:all:5e-5:2") from error


@dataclass(frozen=True)
class Config:
    """All choices of a run. Raises ValueError where they contradict each other.

    loss: `blend` is l1 with a share of what concordance lacks; balance: an attribute of the clips, such as gender,
    whose groups weigh alike in the loss; patience: epochs without a better validation loss before a stage ends;
    backbone: safetensors to start the backbone from (None: what the preset brings; for `modern` also `hub` or
    `none`); table: of features in the cache, that `features` reads; branches:
    the folders of the runs that a `fusion` joins; extra_cache: the folder of a second cache, whose training clips
    `audio` or `visual` is trained on too; schedule: `cycle` warms the rate up and lets it fall along a cosine
    to nothing by the stage's end (Smith and Topin 2019); keeps: the `best` epoch on the validation split, or the
    `last`, for which that split has not been looked at; averaging: decay per step of averaged weights, which are then
    what is judged and kept (0: none); augment: whether faces (in stages that train all layers) and, in `modern`, sound
    are varied, else faces are mirrored only; accumulate: pieces that a batch is taken in, one after the other, where
    memory is short; precision: of the arithmetic within a step (`auto`: bfloat16 on a GPU that has it, else float32);
    compile: the backbone, by torch.compile; design: of the networks of `modern`.
    """

    modality: str
    preset: str = "compact"
    stages: tuple[Stage, ...] = ()
    activation: str = "relu"
    optimiser: str = "adam"
    weight_decay: float = 0.0
    loss: str = "l1"
    balance: str | None = None
    batch: int = 32
    patience: int = 10
    seed: int = 0
    backbone: str | None = None
    table: str | None = None
    branches: tuple[str, ...] = ()
    extra_cache: str | None = None
    schedule: str = "constant"
    keeps: str = "best"
    averaging: float = 0.0
    augment: bool = False
    accumulate: int = 1
    precision: str = "float32"
    compile: bool = False
    design: NetworkDesign = field(default_factory=NetworkDesign)

    def __post_init__(self) -> None:
        for name, choices in {**CONFIG_CHOICES, "modality": tuple(MODALITIES), "preset": tuple(PRESETS)}.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; wanted one of {', '.join(choices)}")
        if not self.stages or any(stage.epochs < 1 or stage.trains not in TRAINABLE_PARTS for stage in self.stages):
            raise ValueError("stages want at least one stage of at least one epoch that trains head or all")
        if any(stage.rate <= 0 or stage.frames < 1 for stage in self.stages) or self.patience < 1:
            raise ValueError("rate, frames and patience want to be above 0")
        if self.batch < 2:
            raise ValueError("batch wants two clips or more: batch normalisation has nothing to learn from one")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging is {self.averaging}; wanted 0, or a decay below 1 such as 0.99")
        if not 1 <= self.accumulate <= self.batch // 2:
            raise ValueError(
                f"accumulate is {self.accumulate}; a batch of {self.batch} has 1 to {self.batch // 2} pieces"
            )
        if self.design != NetworkDesign() and self.preset != "modern":
            raise ValueError(f"the preset {self.preset} has a design of its own; --preset modern lets you choose")
        if self.compile and self.modality != "visual":
            raise ValueError(f"{self.modality} has no backbone to compile; visual has")
        if self.modality not in ("audio", "visual") and any(stage.trains == "all" for stage in self.stages):
            raise ValueError(f"{self.modality} has nothing to train beneath its head; its stages train the head only")
        if self.extra_cache is not None and self.modality not in ("audio", "visual"):
            raise ValueError(f"{self.modality} takes no extra cache; audio and visual do")
        if (self.modality in TABULAR_MODALITIES) != (self.table is not None):
            wants = "wants the name of a" if self.modality in TABULAR_MODALITIES else "reads no"
            raise ValueError(f"{self.modality} {wants} table of features")
        if (self.modality == "fusion") != (len(self.branches) > 1):
            raise ValueError(
                f"{self.modality} with {len(self.branches)} branches; a fusion wants two or more, others 0"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `Config.from_dict` reads them back."""
        return asdict(self)

    def with_stages(self, *, epochs: int | None, rate: float | None) -> Config:
        """The same with other epochs or another rate in every stage; None keeps what is."""
        changes: dict[str, Any] = {
            name: value for name, value in (("epochs", epochs), ("rate", rate)) if value is not None
        }
        return replace(self, stages=tuple(replace(stage, **changes) for stage in self.stages))

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Config:
        """The config that `as_dict` gave. Raises ValueError, TypeError or KeyError where it is none."""
        known = {
            "stages": tuple(Stage(**stage) for stage in values["stages"]),
            "branches": tuple(values.get("branches", ())),
            "design": NetworkDesign(**values.get("design", {})),
        }
        return Config(**{**values, **known})


@dataclass(frozen=True)
class Preset:
    """The values a preset gives to the fields of Config, by modality, and to all of them."""

    common: dict[str, Any]
    stages: dict[str, tuple[Stage, ...]]
    special: dict[str, dict[str, Any]] = field(default_factory=dict)


_FUSED_MODALITIES = ("audiovisual", "handcrafted")
# Little to learn and much to learn by heart: a falling rate and no choice of epoch, so validation stays untouched.
_TABLE_MODEL_DEFAULTS = {"optimiser": "adamw", "schedule": "cycle", "keeps": "last", "batch": 256, "patience": 1000}
PRESETS = {
    # The table of the thesis: MSE, Adam 1e-5, audio batch 64 for 150 epochs, visual batch 32 for 50 + 20, fusion 70.
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
            "text": {**_TABLE_MODEL_DEFAULTS, "weight_decay": 0.1, "table": "text", "activation": "tanh"},
            "fusion": {**_TABLE_MODEL_DEFAULTS, "weight_decay": 0.1},
        },
    ),
    # What each of its ideas is worth: docs/ablations.md.
    "modern": Preset(
        common={
            "loss": "blend",
            "optimiser": "adamw",
            "batch": 32,
            "weight_decay": 1e-2,
            "schedule": "cycle",
            "keeps": "last",
            "patience": 1000,
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
            # Words tell so little that concordance would be bought with accuracy.
            "text": {"loss": "l1", "batch": 256, "weight_decay": 0.1, "table": "text", "activation": "tanh"},
            "fusion": {"batch": 256, "weight_decay": 0.1},
        },
    ),
}


def preset(modality: str, name: str = "compact", **changes: Any) -> Config:
    """The config of a preset for a modality, with changes. Raises ValueError as Config does."""
    if name not in PRESETS or modality not in PRESETS[name].stages:
        able = [f"{preset} ({', '.join(plan.stages)})" for preset, plan in PRESETS.items()]
        raise ValueError(f"no preset {name!r} for {modality!r}; there are {' and '.join(able)}")
    plan = PRESETS[name]
    values = {**plan.common, **plan.special.get(modality, {}), "stages": plan.stages[modality]}
    return Config(modality=modality, preset=name, **{**values, **changes})
