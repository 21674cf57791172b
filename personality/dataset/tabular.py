"""Your own videos: a folder with `clips.csv` and the files listed in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from personality.constants import PREDICTED_SUFFIXES
from personality.dataset.index import (
    BASE_COLUMNS,
    PREPROCESSING_COLUMNS,
    Dataset,
    DatasetError,
    add_problem,
    check_labels,
    parse_source,
)
from personality.tables.cells import as_attribute, as_numbers, as_text
from personality.tables.clip_names import match_clips
from personality.tables.columns import (
    EMOTIONAL_STABILITY,
    GENDER_COLUMN_NAMES,
    GENDER_SYNONYMS,
    SPLIT_COLUMN_NAMES,
    SPLIT_SYNONYMS,
    UNNAMED_COLUMN_PREFIX,
    ColumnMapping,
    describe_fifth_trait,
    find_column,
    identify_columns,
    match_synonyms,
)
from personality.tables.errors import TableError
from personality.tables.long_form import widen_long_table
from personality.tables.raters import average_ratings
from personality.tables.reader import read_table
from personality.tables.scales import UNIT_SCALE, Scale, check_scale, rescale
from personality.traits import AGE_GROUPS, MAX_ATTRIBUTE_VALUES, TRAIT_NAMES

CLIPS_TABLE_FILE = "clips.csv"
MAX_AGE_YEARS = 130  # years
WRITTEN_AGE = r"(?i)^\s*(-?\d+(?:[.,]\d+)?)\s*(?:(?:years?|yrs?|y)(?: old)?\.?)?\s*$"
MAX_OUT_OF_SCALE_SHARE = (
    0.1  # maximum share of labels outside [0, 1], which are ignored; a larger share indicates another scale
)
# Suffixes of files that may match a clip if there is no file at its path.
MEDIA_SUFFIXES = {*PREDICTED_SUFFIXES, ".jpg", ".jpeg", ".png"}
OPTIONAL_COLUMN_NAMES = {
    "source": ("source",),
    "split": SPLIT_COLUMN_NAMES,
    "gender": GENDER_COLUMN_NAMES,
    "age": ("age",),
    "age_group": ("agegroup",),
}
# Columns that preprocessing adds to a clip, and evaluation to a prediction.
RESERVED_COLUMNS = (
    *("location", *PREPROCESSING_COLUMNS, "emotion", "emotion_confidence"),
    *("gender_from", "age_from", "age_group_from", "source_in_training"),
    *("model", "trait", "predicted", "actual", "constant", "lookup", "value"),
)


def read_clips_table(folder: Path, *, scale: Scale | None = None, is_reversed: bool = False) -> Dataset:
    """Read a dataset from `clips.csv`.

    The column `clip` is a path below the folder (video or picture). The columns `source` and `split` are optional: by
    default, the source of a clip is its name without the running number, and sources are assigned to splits 60 / 20 /
    20 by a hash of their name. Several rows of a clip are ratings of several people and are averaged. All other columns
    are attributes.

    Parameters
    ----------
    folder
        The folder of the dataset.
    scale
        Lowest and highest value of the labels; by default 0 and 1.
    is_reversed
        Whether the fifth trait is neuroticism instead of emotional stability.

    Raises
    ------
    DatasetError
        If the table cannot be read, a column is missing, a split is unknown, or most labels are outside the scale.
    """
    try:
        given = read_table(folder / CLIPS_TABLE_FILE)
    except TableError as error:
        raise DatasetError(str(error)) from error
    labels = dataset_from_labels(given, CLIPS_TABLE_FILE, scale=scale, is_reversed=is_reversed)
    table, problems = labels.table, labels.problems
    table["location"], renamed = _locate_clips(folder, table["clip"])
    add_problem(problems, "clips found by another name", [f"{old} = {new}" for old, new in renamed.items()])
    table["clip"] = table["clip"].replace(renamed)
    table = _drop_duplicate_clips(table, problems)
    add_problem(problems, "labels without a clip file", table.loc[table["location"] == "", "clip"])
    return Dataset(folder.name, folder, table, problems, labels.notes)


def dataset_from_labels(
    given: pd.DataFrame, name: str, *, scale: Scale | None = None, is_reversed: bool = False
) -> Dataset:
    """Create a dataset without clip files from a table as returned by `read_table`; see `read_clips_table`. `name` is
    the name of the table in messages. Raises DatasetError like `read_clips_table`."""
    try:
        given = widen_long_table(given)
        columns = identify_columns(list(given.columns))
        table = _standardize_names(given, columns)
        numbers = table[list(TRAIT_NAMES)]
        outside = (numbers.lt(UNIT_SCALE[0]) | numbers.gt(UNIT_SCALE[1])).sum(axis=None)
        if scale or outside > MAX_OUT_OF_SCALE_SHARE * numbers.count().sum():
            check_scale(numbers, scale, option="--scale")
    except TableError as error:
        hint = " (import-predictions: --label-scale)" if "--scale" in str(error) else ""
        raise DatasetError(f"{name} cannot be used: {error}{hint}.") from error
    problems: dict[str, list[str]] = {}
    table[list(TRAIT_NAMES)] = rescale(numbers, scale)
    if is_reversed:
        table[EMOTIONAL_STABILITY] = 1 - table[EMOTIONAL_STABILITY]
    notes = [columns.describe_mapping(), *describe_fifth_trait(columns, is_reversed=is_reversed)]
    if columns.rater or _has_different_ratings(table):
        table = _drop_rater_columns(table.drop(columns=columns.rater or []), problems, name)
        table, agreement = average_ratings(table, list(TRAIT_NAMES))
        notes += [agreement.describe_agreement()] if agreement else []
    table = check_labels(_rename_reserved_columns(table, problems), problems)
    add_problem(problems, "clips without labels", table.loc[table[list(TRAIT_NAMES)].isna().any(axis=1), "clip"])
    table = _standardize_attributes(table.assign(location=""), problems, name)
    others = [column for column in table.columns if column not in BASE_COLUMNS]
    return Dataset(Path(name).stem, Path(), table[[*BASE_COLUMNS, *others]], problems, notes)


def _standardize_names(given: pd.DataFrame, columns: ColumnMapping) -> pd.DataFrame:
    """Return the table with standard column names, traits as numbers, and without rows that have no clip."""
    names = {columns.clip: "clip"} | {column: trait for trait, column in columns.traits.items()}
    for standard, known in OPTIONAL_COLUMN_NAMES.items():
        column = find_column(list(given.columns), known)
        names |= {column: standard} if column and standard not in given and column not in names else {}
    unnamed = [name for name in given.columns if name.startswith(UNNAMED_COLUMN_PREFIX) and name not in names]
    table = given.drop(columns=unnamed).rename(columns=names)
    table = table.assign(clip=as_text(table["clip"]), **{trait: as_numbers(table[trait]) for trait in TRAIT_NAMES})
    return table.dropna(subset="clip").reset_index(drop=True)


def _has_different_ratings(table: pd.DataFrame) -> bool:
    """Return whether several rows of a clip have different labels, as those of several raters."""
    return bool(table.drop_duplicates(["clip", *TRAIT_NAMES])["clip"].duplicated().any())


def _drop_rater_columns(table: pd.DataFrame, problems: dict[str, list[str]], name: str) -> pd.DataFrame:
    """Return the table without columns that differ between the raters of a clip."""
    counts = table.drop(columns=list(TRAIT_NAMES)).groupby("clip").nunique()
    differ = list(counts.columns[counts.gt(1).any()])
    if {"split", "source"} & set(differ):
        clip = counts.index[counts[differ].gt(1).any(axis=1)][0]
        raise DatasetError(f"{name} has several splits or sources of one clip, the first is {clip}; expected one.")
    add_problem(problems, "columns that differ between the raters of a clip, left out", differ)
    return table.drop(columns=differ)


def _standardize_attributes(table: pd.DataFrame, problems: dict[str, list[str]], name: str) -> pd.DataFrame:
    """Standardize sources, splits, genders and ages; convert other attributes to numbers or text."""
    table["source"] = _stripped_text(table, "source").fillna(table["clip"].map(parse_source))
    table["split"] = _parse_or_assign_splits(table, name)
    if "gender" in table:
        table["gender"] = _parse_categories(table, "gender", _gender_words(table), problems)
    if "age_group" in table:
        table["age_group"] = _parse_categories(table, "age_group", {group: (group,) for group in AGE_GROUPS}, problems)
    if "age" in table:
        table["age"] = _parse_ages(table, problems)
    for other in table.columns:
        if other not in (*BASE_COLUMNS, "gender", "age_group", "age"):
            table[other] = as_attribute(table[other], most_groups=MAX_ATTRIBUTE_VALUES)
    return table


def _parse_or_assign_splits(table: pd.DataFrame, name: str) -> pd.Series:
    """Recognize splits by their common names, and assign clips without a split by source. Unknown names are rejected,
    because assigning these clips could put them into both the training and the test data."""
    words = _stripped_text(table, "split")
    known = match_synonyms(words, SPLIT_SYNONYMS)
    strange = words.notna() & known.isna()
    if strange.any():
        raise DatasetError(
            f"{name} has the split {words[strange].iloc[0]!r} ({table.loc[strange, 'clip'].iloc[0]}); expected "
            f"{', '.join(SPLIT_SYNONYMS)}, or no column split, to assign splits by source."
        )
    return known.fillna(table["source"].map(_assign_split))


def _rename_reserved_columns(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.DataFrame:
    """Rename columns whose names are used by preprocessing and evaluation."""
    clash = [column for column in table.columns if column in RESERVED_COLUMNS]
    add_problem(problems, "columns with reserved names, renamed with the prefix given_", clash)
    return table.rename(columns={column: f"given_{column}" for column in clash})


def _stripped_text(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as stripped text, with missing values where it is empty or absent."""
    if column not in table:
        return pd.Series(None, table.index, dtype=object)
    words = table[column].astype("string").str.strip()
    return words.where(words.ne("") & words.notna(), None).astype(object)


def _parse_categories(
    table: pd.DataFrame, column: str, words: dict[str, tuple[str, ...]], problems: dict[str, list[str]]
) -> pd.Series:
    """Map a column to known categories and their synonyms; remove other values and add them to the problems."""
    given = _stripped_text(table, column)
    known = match_synonyms(given, words)
    expected = " or ".join(list(words)[:3]) + (" ..." if len(words) > 3 else "")
    add_problem(
        problems,
        f"clips with a {column} that is not {expected}, ignored",
        table.loc[given.notna() & known.isna(), "clip"],
    )
    return known


def _gender_words(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the words for each gender; without numbers if there are others than 1 and 2, because 1 may be either in a
    table of 0 and 1."""
    given = _stripped_text(table, "gender").dropna()
    numbers = set(given[given.str.fullmatch(r"-?\d+(\.0)?")].str.removesuffix(".0"))
    if numbers <= {"1", "2"}:
        return GENDER_SYNONYMS
    return {name: tuple(word for word in words if not word.isdigit()) for name, words in GENDER_SYNONYMS.items()}


def _parse_ages(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.Series:
    """Parse ages in years (34, 34,5 or 34 years); values other than numbers from 0 to 130 are removed and added to the
    problems."""
    written = table["age"].astype("string").str.extract(WRITTEN_AGE, expand=False).str.replace(",", ".")
    years = pd.to_numeric(written, errors="coerce").astype(float)
    is_valid = years.between(0, MAX_AGE_YEARS)
    add_problem(
        problems,
        f"clips with an age that is not 0 to {MAX_AGE_YEARS}, ignored",
        table.loc[~is_valid & table["age"].notna(), "clip"],
    )
    return years.where(is_valid)


def _locate_clips(folder: Path, clips: pd.Series) -> tuple[list[str], dict[str, str]]:
    """Return the location of each clip below the folder, empty if it is missing, and the clips that were found by
    another name (other folders, other case, no extension)."""
    found = {clip: clip for clip in clips if _is_file_inside(folder, clip)}
    absent = [clip for clip in clips if clip not in found]
    if absent:
        files = [
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in MEDIA_SUFFIXES
        ]
        matched = match_clips(absent, files)
        found |= {clip: file for clip, file in matched.items() if file and _is_file_inside(folder, file)}
    return [found.get(clip, "") for clip in clips], {clip: file for clip, file in found.items() if clip != file}


def _is_file_inside(folder: Path, clip: str) -> bool:
    """Return whether this is a file below the folder; tables must not refer to other files."""
    path = (folder / clip).resolve()
    return path.is_relative_to(folder.resolve()) and path.is_file()


def _drop_duplicate_clips(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.DataFrame:
    duplicate = table["clip"].duplicated()
    add_problem(problems, "clips that are one file, first kept", table.loc[duplicate, "clip"])
    return table[~duplicate].reset_index(drop=True)


def _assign_split(source: str) -> str:
    """Assign a source to a split, 60 / 20 / 20, by a hash of its name, so that adding clips changes no split."""
    place = int(hashlib.sha256(source.encode()).hexdigest()[:8], 16) / 2**32
    return "training" if place < 0.6 else "validation" if place < 0.8 else "test"
