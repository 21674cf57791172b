"""The dataset card, and folders of earlier versions without one."""

from pathlib import Path

import pytest

from personality.dataset.dataset_card import (
    DATASET_CARD_FILE,
    SYNTHETIC_DATASET_CARD,
    UNKNOWN_LICENCE,
    DatasetCard,
    read_dataset_card,
)
from personality.utils.untrusted_files import DamagedFileError


def test_a_card_is_read_back(tmp_path: Path) -> None:
    card = DatasetCard(synthetic=False, licence="CC BY 4.0")
    card.write(tmp_path)
    (tmp_path / "truth.json").write_text("{}")
    assert read_dataset_card(tmp_path) == card


def test_folder_without_card_has_real_people_unless_synthesized_by_earlier_version(tmp_path: Path) -> None:
    assert read_dataset_card(tmp_path) == DatasetCard(synthetic=False, licence=UNKNOWN_LICENCE)
    (tmp_path / "truth.json").write_text("{}")
    assert read_dataset_card(tmp_path) == SYNTHETIC_DATASET_CARD


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"synthetic": "no", "licence": "MIT"}'])
def test_a_damaged_card_raises(tmp_path: Path, text: str) -> None:
    (tmp_path / DATASET_CARD_FILE).write_text(text)
    with pytest.raises(DamagedFileError, match=DATASET_CARD_FILE):
        read_dataset_card(tmp_path)
