"""The card of a dataset: whether its people are synthetic, and its licence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from personality.utils.atomic_files import write_json
from personality.utils.untrusted_files import is_text, read_json_object

DATASET_CARD_FILE = "dataset_card.json"
LEGACY_SYNTHETIC_FILE = "truth.json"  # versions before 0.2 wrote no card; only synthetic datasets had this file
SYNTHETIC_LICENCE = "CC BY-NC-SA 4.0"  # the licence of the face model, from which synthetic faces are made
UNKNOWN_LICENCE = "as the licence of the training data allows; ask whoever provided it"


@dataclass(frozen=True)
class DatasetCard:
    """Card of a dataset: whether the people in the clips are computer-made, and the licence of clips and labels."""

    synthetic: bool
    licence: str

    def write(self, folder: Path) -> None:
        """Write the card to a dataset's folder."""
        write_json(folder / DATASET_CARD_FILE, asdict(self))


SYNTHETIC_DATASET_CARD = DatasetCard(synthetic=True, licence=SYNTHETIC_LICENCE)


def read_dataset_card(folder: Path) -> DatasetCard:
    """Read the card in a dataset's folder; by default, real people and an unknown licence.

    Raises
    ------
    DamagedFileError
        If the card cannot be read, or a value has the wrong type.
    """
    if (folder / DATASET_CARD_FILE).is_file():
        fields = {"synthetic": lambda value: isinstance(value, bool), "licence": is_text}
        card = read_json_object(folder / DATASET_CARD_FILE, fields)
        return DatasetCard(card["synthetic"], card["licence"])
    return default_dataset_card(synthetic=(folder / LEGACY_SYNTHETIC_FILE).is_file())


def default_dataset_card(*, synthetic: bool) -> DatasetCard:
    """Return the card of data whose licence was not recorded."""
    return SYNTHETIC_DATASET_CARD if synthetic else DatasetCard(synthetic=False, licence=UNKNOWN_LICENCE)
