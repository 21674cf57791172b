"""What ships, so that every page shows something true at the first visit: models, predictions, a clip."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "demo"
MODELS = tuple(FOLDER / "models" / name for name in ("audio", "visual", "audiovisual", "handcrafted"))
PREDICTIONS = FOLDER / "predictions.parquet"
CLIPS = FOLDER / "clips.parquet"  # the table of the cache that the models were trained on
CLIP = FOLDER / "sample.mp4"
# What every page says above figures or models of the demo.
NOTICE = (
    "**Demo on synthetic people.** The shipped models were trained on computer-made faces and voices of people who do "
    "not exist, with planted labels. They show how the tool works and are no judgement of anyone."
)
# What is said of a person's own data of that kind.
SYNTHETIC = "**Synthetic people.** Nobody in these clips exists; their labels were planted."
# What the names of the shipped models, and of the four modalities, mean.
MODELS_IN_WORDS = (
    "audio: by the voice alone. visual: by the face. audiovisual: by both. handcrafted: by both, and told expressions, "
    "age and gender."
)
# What every page says that shows a person's traits.
IMPRESSION = (
    "These numbers are **impressions of strangers, not personality**: a guess of what people would say after a few "
    "seconds of video. Not for hiring, education, policing or any decision about a person."
)
