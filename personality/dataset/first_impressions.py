"""The First Impressions dataset as distributed: folders or nested archives of clips, pickles of labels, CSV files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from personality.dataset.archives import ARCHIVE_SEPARATOR, list_zip_locations
from personality.dataset.index import (
    BASE_COLUMNS,
    SPLITS,
    Dataset,
    DatasetError,
    add_problem,
    check_labels,
    parse_source,
)
from personality.dataset.safe_pickle import read_annotation
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.traits import AGE_GROUPS, ETHNICITIES, GENDERS, TRAIT_NAMES
from personality.utils.legacy_names import rename_legacy_trait


def is_first_impressions(folder: Path) -> bool:
    """Return whether there is an annotation pickle below `folder`."""
    return next(folder.rglob("annotation_*.pkl"), None) is not None


def read_first_impressions(folder: Path) -> Dataset:
    """Read the dataset from files anywhere below `folder`.

    Clips without labels and labels without clips are listed in `problems`; attributes of unknown clips and invalid
    codes are ignored. Raises DatasetError if there are no labels, a label file cannot be read, or a column of a CSV
    file is missing.
    """
    problems: dict[str, list[str]] = {}
    labels = _read_annotated_labels(folder)
    media = _list_clip_files(folder, problems)
    table = labels.merge(media, on="clip", how="outer", suffixes=("", "_of_folder"))
    table["split"] = table["split"].fillna(table.pop("split_of_folder"))
    unlabelled = table[list(TRAIT_NAMES)].isna().any(axis=1)
    add_problem(problems, "clips without labels", table.loc[unlabelled, "clip"])
    add_problem(problems, "labels without a clip file", table.loc[table["location"].isna(), "clip"])
    table["location"] = table["location"].fillna("")
    table = check_labels(table, problems)
    table["source"] = table["clip"].map(parse_source)
    for attributes in (_read_gender_ethnicity(folder), _read_age_groups(folder)):
        table = table.merge(attributes, on="clip", how="left")
    others = [column for column in table.columns if column not in BASE_COLUMNS]
    return Dataset(folder.name, folder, table[[*BASE_COLUMNS, *others]], problems)


def _read_annotated_labels(folder: Path) -> pd.DataFrame:
    parts = []
    for split in SPLITS:
        for path in sorted(folder.rglob(f"annotation_{split}.pkl"))[:1]:
            values = {rename_legacy_trait(key): labels for key, labels in read_annotation(path).items()}
            missing = [trait for trait in TRAIT_NAMES if trait not in values]
            if missing:
                raise DatasetError(f"{path.name} has no {', '.join(missing)}; expected {', '.join(TRAIT_NAMES)}.")
            columns = {trait: pd.Series(values[trait], dtype=float) for trait in TRAIT_NAMES}
            parts.append(pd.DataFrame(columns).rename_axis("clip").reset_index().assign(split=split))
    if not parts:
        raise DatasetError(
            f"{folder} has no annotation_training.pkl, annotation_validation.pkl or annotation_test.pkl."
        )
    return pd.concat(parts, ignore_index=True)


def _list_clip_files(folder: Path, problems: dict[str, list[str]]) -> pd.DataFrame:
    """List clip, location and split (from names such as `training80_01`) of clip files and members of archives."""
    found = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.mp4"))]
    for archive in sorted(folder.rglob("*.zip")):
        parent = archive.relative_to(folder).parent.as_posix()
        prefix = "" if parent == "." else f"{parent}/"
        try:
            found += [prefix + location for location in list_zip_locations(archive, (".mp4",))]
        except DatasetError as error:
            add_problem(problems, "archives that cannot be read", [str(error)])
    rows = [
        (location.replace(ARCHIVE_SEPARATOR, "/").rsplit("/", 1)[-1], location, _split_from_location(location))
        for location in found
    ]
    table = pd.DataFrame(rows, columns=["clip", "location", "split"], dtype=object)
    twice = table["clip"].duplicated()
    add_problem(problems, "clip files that occur twice, first kept", table.loc[twice, "clip"])
    return table[~twice]


def _split_from_location(location: str) -> str | None:
    return next((split for split in SPLITS if f"{split}80" in location), None)


def _read_gender_ethnicity(folder: Path) -> pd.DataFrame:
    table = _read_csv_parts(folder, "eth_gender_annotations_*.csv", ("VideoName", "Gender", "Ethnicity"))
    genders = pd.to_numeric(table["Gender"], errors="coerce").map(dict(enumerate(GENDERS, 1)))
    ethnicities = pd.to_numeric(table["Ethnicity"], errors="coerce").map(dict(enumerate(ETHNICITIES, 1)))
    result = pd.DataFrame({"clip": table["VideoName"], "gender": genders, "ethnicity": ethnicities})
    known = [column for column in result if column == "clip" or result[column].notna().any()]
    return result.drop_duplicates("clip")[known]


def _read_age_groups(folder: Path) -> pd.DataFrame:
    table = _read_csv_parts(folder, "age_anno_*.csv", ("VideoName", "AgeGroup"))
    groups = pd.to_numeric(table["AgeGroup"], errors="coerce").map(dict(enumerate(AGE_GROUPS, 1)))
    result = pd.DataFrame({"clip": table["VideoName"], "age_group": groups}).drop_duplicates("clip")
    return result if len(result) else result[["clip"]]


def _read_csv_parts(folder: Path, pattern: str, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        parts = [read_table(path) for path in sorted(folder.rglob(pattern))]
    except TableError as error:
        raise DatasetError(str(error)) from error
    for part in parts:
        missing = [column for column in columns if column not in part]
        if missing:
            raise DatasetError(f"A file {pattern} has no column {missing[0]}; expected {', '.join(columns)}.")
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))
