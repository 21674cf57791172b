"""The form of a run: the fields of Config and NetworkDesign that a page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from personality.network_options import NetworkDesign
from training.config.run_config import Config, Stage


@dataclass(frozen=True)
class FormField:
    """One field: its name, description, current value and valid values (empty: all of its type)."""

    name: str
    help_text: str
    value: Any
    choices: tuple[str, ...] = ()


def list_form_fields(options: Config | NetworkDesign) -> Iterator[FormField]:
    """The fields of the form with their current values."""
    for one in fields(options):
        if one.metadata["in_form"]:
            yield FormField(one.name, one.metadata["help"], getattr(options, one.name), one.metadata["choices"])


def apply_form_values(
    config: Config, values: dict[str, Any], stages: list[dict[str, Any]], design: dict[str, Any]
) -> Config:
    """The config with the values of a form.

    Parameters
    ----------
    config : Config
        The config that the form started from.
    values : dict
        Values of the fields of Config by name.
    stages : list of dict
        epochs, trains, rate and frames of each stage.
    design : dict
        Values of the fields of NetworkDesign by name.

    Raises
    ------
    ValueError
        A stage is incomplete, or options contradict each other.
    """
    try:
        made = tuple(Stage(int(s["epochs"]), s["trains"], float(s["rate"]), int(s["frames"])) for s in stages)
    except (TypeError, ValueError) as error:
        raise ValueError("A stage requires epochs, trains, rate and frames; at least one is empty.") from error
    return replace(config, stages=made, design=replace(config.design, **design), **values)
