"""What the command line says of a predictions table: accuracy, gaps, comparisons; as lines, JSON or a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CSV, JSON = ".csv", ".json"
# The keys of `accuracy --json`, which scripts rely on; --export has all figures.
FIXED = ("model", "trait", "group", "n", "sources", "accuracy", "low", "high", "signed_error", "baseline")


def compare(options: argparse.Namespace) -> None:
    """Every other model against one."""
    from personality.analysis.differences import differences
    from personality.analysis.lines import difference_lines

    rows = differences(_read(options), options.reference)
    _show(rows, difference_lines(rows, options.reference), options)


def accuracy(options: argparse.Namespace) -> None:
    """Accuracy by trait, and by group where attributes are named."""
    from personality.analysis.groups import accuracy_by
    from personality.analysis.lines import accuracy_lines

    _check_export(options.export)
    rows = accuracy_by(_read(options), options.by or [])
    if options.export:
        _export(rows, options.export)
    _show(rows[list(FIXED)], accuracy_lines(rows[rows["trait"].eq("mean") | (not options.by)]), options)


def gaps(options: argparse.Namespace) -> None:
    """Differences between groups, and whether chance may have made them."""
    import pandas as pd

    from personality.analysis.gaps import compare_measures, measures_of
    from personality.analysis.lines import gap_lines

    _check_export(options.export)
    table = _read(options)
    first = [measure for measure in ("gain", "accuracy") if measure in measures_of(table)]
    measures = [options.measure] if options.measure else first
    found = compare_measures(table, options.by, measures, reference=options.reference).values()
    rows = pd.concat([one.gaps for one in found], ignore_index=True)
    if options.export:
        _export(rows, options.export)
    _show(rows, chain.from_iterable(gap_lines(one) for one in found), options)


def worst(options: argparse.Namespace) -> None:
    """The groups that a model serves worst."""
    from personality.analysis.lines import worst_lines
    from personality.analysis.worst_groups import worst_groups

    rows = worst_groups(_read(options), options.by, measure=options.measure)
    _show(rows, worst_lines(rows), options)


def mitigate(options: argparse.Namespace) -> None:
    """Predictions corrected by group, and what that changes for whom."""
    from personality.analysis.gaps import compare_groups
    from personality.analysis.lines import effect_lines, gap_lines
    from personality.analysis.recalibration import effects, recalibrate
    from personality.evaluate import write_predictions

    table = recalibrate(_read(options), options.by)
    write_predictions(table, options.out)
    changes = effects(table, options.by)
    gaps = compare_groups(table, options.by, measure="signed_error")
    print("\n".join([*gap_lines(gaps, mean_only=True), "", *effect_lines(changes)]))


def report(options: argparse.Namespace) -> None:
    """An audit as one HTML file."""
    from personality.report.audit import audit
    from personality.report.page import render
    from personality.storage import write_bytes

    found = audit(_read(options), options.by, name=options.predictions.name)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(options.out, render(found).encode())
    print(f"An audit of {found.facts['Clips']} in {options.out}")


def _read(options: argparse.Namespace) -> pd.DataFrame:
    """A predictions table; that it pools several splits is said beside the figures."""
    from personality.analysis.scores import OVERSHOT
    from personality.evaluate import read_predictions
    from personality.tables.scales import overshot_in_words

    table = read_predictions(options.predictions)
    if count := table.attrs[OVERSHOT]:
        print(f"note: {overshot_in_words(count)}", file=sys.stderr)
    counts = table.groupby("split", sort=False)["clip"].nunique()
    if len(counts) > 1 and "split" not in (getattr(options, "by", None) or []):
        words = ", ".join(f"{split} ({count:,} clips)" for split, count in counts.items())
        print(f"note: the figures pool the splits {words}; --by split tells them apart", file=sys.stderr)
    return table


def _export(rows: pd.DataFrame, path: Path) -> None:
    from personality.analysis.export import as_csv, as_json
    from personality.storage import write_bytes

    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (as_csv if path.suffix == CSV else as_json)(rows).encode())


def _check_export(path: Path | None) -> None:
    """Before anything is computed. Raises ValueError for a name that says no known kind of file."""
    if path is not None and path.suffix not in (CSV, JSON):
        raise ValueError(f"--export is {path}; wanted a name that ends in {CSV} or {JSON}")


def _show(rows: pd.DataFrame, lines: Iterable[str], options: argparse.Namespace) -> None:
    """Rows as JSON where that is asked for, else the lines."""
    from personality.analysis.export import plain

    if options.json:
        lines = ["[" + ",\n ".join(json.dumps(row) for row in plain(rows)) + "]"]
    print("\n".join(lines))
