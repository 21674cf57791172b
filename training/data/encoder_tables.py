"""The tables of a cache that the preset `encoders` reads."""

from __future__ import annotations

from personality.models.encoders.encoding import describe_columns
from personality.preprocessing.cache import Cache
from training.config.run_config import Config
from training.data.dataloader import TrainingError


def read_encoder_tables(config: Config, cache: Cache) -> list[tuple[str, tuple[str, ...]]]:
    """Names and columns of the tables that a config names: encoders with or without the digest of their weights, or
    other tables. Raises TrainingError for an encoder that the cache has no table of, or several; CacheError for
    another table that it does not have."""
    names = [_find_table(name, cache) for name in config.tables]
    return [(name, tuple(map(str, cache.table(name).columns))) for name in names]


def describe_encoder_tables(config: Config, cache: Cache) -> dict[str, list[str] | dict[str, int]]:
    """The tables by name for a model's card; the name of an encoder's has the digest of its weights."""
    return {name: describe_columns(columns) for name, columns in read_encoder_tables(config, cache)}


def _find_table(name: str, cache: Cache) -> str:
    found = [table for table in cache.tables if table == name or table.startswith(f"{name}@")]
    if name in found or ":" not in name:
        return name
    if not found:
        command = f"personality embed {cache.folder} --encoder {name}"
        raise TrainingError(f"{cache.folder} has no features of {name}; run `{command}` first.")
    if len(found) > 1:
        raise TrainingError(f"{cache.folder} has several tables of {name}: {', '.join(found)}; name one of them.")
    return found[0]
