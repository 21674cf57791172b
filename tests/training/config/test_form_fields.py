from __future__ import annotations

from dataclasses import fields

import pytest

from personality.network_options import NetworkDesign
from training.config.form_fields import (
    DESIGN_DESCRIPTIONS,
    FIELD_DESCRIPTIONS,
    FIELDS_NOT_IN_FORM,
    apply_form_values,
    config_fields,
    design_fields,
)
from training.config.run_config import Config, Stage, preset


def test_every_field_is_described_or_chosen_elsewhere() -> None:
    assert {field.name for field in fields(Config)} == {*FIELD_DESCRIPTIONS, *FIELDS_NOT_IN_FORM}
    assert {field.name for field in fields(NetworkDesign)} == set(DESIGN_DESCRIPTIONS)


@pytest.mark.parametrize("name", ["thesis", "compact", "modern"])
def test_a_form_that_nobody_touches_gives_the_preset_back(name: str) -> None:
    config = preset("visual", name)
    values = {one.name: one.value for one in config_fields(config)}
    design = {one.name: one.value for one in design_fields(config.design)}
    stages = config.as_dict()["stages"]
    assert apply_form_values(config, values, stages, design) == config
    for one in (*config_fields(config), *design_fields(config.design)):
        assert not one.choices or one.value in one.choices


def test_what_is_changed_is_changed_and_contradictions_are_refused() -> None:
    config = preset("audio")
    stages = [{"epochs": 3.0, "trains": "head", "rate": 0.01, "frames": 4.0}]
    changed = apply_form_values(config, {"batch": 8}, stages, {})
    assert (changed.batch, changed.stages) == (8, (Stage(3, "head", 0.01, 4),))
    with pytest.raises(ValueError, match="batch wants two clips or more"):
        apply_form_values(config, {"batch": 1}, stages, {})
    with pytest.raises(ValueError, match="one of them is empty"):
        apply_form_values(config, {}, [{**stages[0], "rate": None}], {})
    with pytest.raises(ValueError, match="has a design of its own"):
        apply_form_values(config, {}, stages, {"frames": "mean"})
