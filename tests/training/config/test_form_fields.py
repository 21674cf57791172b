from __future__ import annotations

from dataclasses import fields

import pytest

from personality.network_options import NetworkDesign
from training.config.form_fields import apply_form_values, list_form_fields
from training.config.run_config import Config, Stage, preset


def test_every_option_has_a_description() -> None:
    assert all(one.metadata["help"] for kind in (Config, NetworkDesign) for one in fields(kind))
    shown = {one.name for one in list_form_fields(preset("visual"))}
    assert {one.name for one in fields(Config)} - shown == {
        *("modality", "preset", "stages", "table", "branches", "tables", "extra_cache", "design")
    }


@pytest.mark.parametrize("name", ["thesis", "compact", "modern"])
def test_an_unchanged_form_gives_the_preset_back(name: str) -> None:
    config = preset("visual", name)
    values = {one.name: one.value for one in list_form_fields(config)}
    design = {one.name: one.value for one in list_form_fields(config.design)}
    stages = config.as_dict()["stages"]
    assert apply_form_values(config, values, stages, design) == config
    for one in (*list_form_fields(config), *list_form_fields(config.design)):
        assert not one.choices or one.value in one.choices


def test_changes_are_applied_and_contradictions_raise() -> None:
    config = preset("audio")
    stages = [{"epochs": 3.0, "trains": "head", "rate": 0.01, "frames": 4.0}]
    changed = apply_form_values(config, {"batch": 8}, stages, {})
    assert (changed.batch, changed.stages) == (8, (Stage(3, "head", 0.01, 4),))
    with pytest.raises(ValueError, match="batch is 1"):
        apply_form_values(config, {"batch": 1}, stages, {})
    with pytest.raises(ValueError, match="rate"):
        apply_form_values(config, {}, [{**stages[0], "rate": None}], {})
    with pytest.raises(ValueError, match="--preset modern"):
        apply_form_values(config, {}, stages, {"frames": "mean"})
