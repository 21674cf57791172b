"""Commands that analyse predictions tables."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

CSV_SUFFIX, JSON_SUFFIX = ".csv", ".json"
# The keys of `accuracy --json`, a stable interface; --export writes all figures.
ACCURACY_JSON_KEYS = ("model", "trait", "group", "n", "sources", "accuracy", "low", "high", "signed_error", "baseline")


def run_compare(options: argparse.Namespace) -> None:
    """Compare all models with one of them."""
    from personality.analysis.model_comparison import compare_models
    from personality.analysis.text_tables import difference_lines

    rows = compare_models(_read_predictions_option(options), options.reference)
    _print_rows(rows, difference_lines(rows, options.reference), options)


def run_accuracy(options: argparse.Namespace) -> None:
    """Print accuracy by trait, or by group if attributes are given."""
    from personality.analysis.groups import accuracy_by
    from personality.analysis.text_tables import accuracy_lines

    _check_export(options.export)
    rows = accuracy_by(_read_predictions_option(options), options.by or [])
    if options.export:
        _write_export(rows, options.export)
    _print_rows(
        rows[list(ACCURACY_JSON_KEYS)], accuracy_lines(rows[rows["trait"].eq("mean") | (not options.by)]), options
    )


def run_gaps(options: argparse.Namespace) -> None:
    """Print differences between groups with tests."""
    import pandas as pd

    from personality.analysis.gaps import available_measures, compare_measures
    from personality.analysis.text_tables import gap_lines

    _check_export(options.export)
    table = _read_predictions_option(options)
    first = [measure for measure in ("gain", "accuracy") if measure in available_measures(table)]
    measures = [options.measure] if options.measure else first
    found = compare_measures(table, options.by, measures, reference=options.reference).values()
    rows = pd.concat([one.gaps for one in found], ignore_index=True)
    if options.export:
        _write_export(rows, options.export)
    _print_rows(rows, chain.from_iterable(gap_lines(one) for one in found), options)


def run_worst_groups(options: argparse.Namespace) -> None:
    """Print the groups with the worst results."""
    from personality.analysis.text_tables import worst_group_lines
    from personality.analysis.worst_groups import find_worst_groups

    rows = find_worst_groups(_read_predictions_option(options), options.by, measure=options.measure)
    _print_rows(rows, worst_group_lines(rows), options)


def run_mitigate(options: argparse.Namespace) -> None:
    """Recalibrate predictions by group, and print the effects."""
    from personality.analysis.gaps import compare_groups
    from personality.analysis.recalibration import recalibrate, recalibration_effects
    from personality.analysis.text_tables import effect_lines, gap_lines
    from personality.predictions.prediction_files import write_predictions

    table = recalibrate(_read_predictions_option(options), options.by)
    write_predictions(table, options.out)
    changes = recalibration_effects(table, options.by)
    gaps = compare_groups(table, options.by, measure="signed_error")
    print("\n".join([*gap_lines(gaps, mean_only=True), "", *effect_lines(changes)]))


def run_report(options: argparse.Namespace) -> None:
    """Write an audit as an HTML file."""
    from personality.report.audit import audit_predictions
    from personality.report.page import render_report
    from personality.utils.atomic_files import write_bytes

    found = audit_predictions(_read_predictions_option(options), options.by, name=options.predictions.name)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(options.out, render_report(found).encode())
    print(f"Wrote an audit of {found.facts['Clips']} to {options.out}")


def _read_predictions_option(options: argparse.Namespace) -> pd.DataFrame:
    """Read the predictions table, and print notes on clamped predictions and pooled splits."""
    from personality.predictions.prediction_files import read_predictions_and_clamped_count
    from personality.tables.scales import describe_clamped_count

    table, clamped = read_predictions_and_clamped_count(options.predictions)
    if clamped:
        print(f"note: {describe_clamped_count(clamped)}", file=sys.stderr)
    counts = table.groupby("split", sort=False)["clip"].nunique()
    if len(counts) > 1 and "split" not in (getattr(options, "by", None) or []):
        words = ", ".join(f"{split} ({count:,} clips)" for split, count in counts.items())
        print(f"note: the figures pool the splits {words}; use --by split to separate them", file=sys.stderr)
    return table


def _write_export(rows: pd.DataFrame, path: Path) -> None:
    from personality.analysis.export import rows_to_csv, rows_to_json
    from personality.utils.atomic_files import write_bytes

    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (rows_to_csv if path.suffix == CSV_SUFFIX else rows_to_json)(rows).encode())


def _check_export(path: Path | None) -> None:
    """Raise ValueError if the suffix of the export is not supported."""
    if path is not None and path.suffix not in (CSV_SUFFIX, JSON_SUFFIX):
        raise ValueError(f"--export is {path}; expected a file name that ends in {CSV_SUFFIX} or {JSON_SUFFIX}")


def _print_rows(rows: pd.DataFrame, lines: Iterable[str], options: argparse.Namespace) -> None:
    """Print rows as JSON with --json, otherwise the lines."""
    from personality.analysis.export import rows_to_records

    if options.json:
        lines = ["[" + ",\n ".join(json.dumps(row) for row in rows_to_records(rows)) + "]"]
    print("\n".join(lines))


def _add_group_options(command: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options of commands on groups."""
    words = "attribute that defines the groups; repeat it to cross attributes; age:25,40 defines ranges"
    command.add_argument("--by", action="append", metavar="ATTRIBUTE", help=words, required=required)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--export", type=Path, metavar="FILE", help="write all figures to a .csv or .json file")


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers of the command line."""
    command = commands.add_parser("accuracy", help="accuracy by group, with numbers of clips and intervals")
    command.add_argument("predictions", type=Path)
    _add_group_options(command, required=False)
    command.set_defaults(run=run_accuracy)

    command = commands.add_parser("gaps", help="differences between groups, with intervals and adjusted p-values")
    command.add_argument("predictions", type=Path)
    _add_group_options(command, required=True)
    command.add_argument("--reference", metavar="GROUP", help="reference group; default: all other groups together")
    words = "gain, accuracy, signed_error, concordance, r2 or actual_mean; default: gain and accuracy"
    command.add_argument("--measure", help=words)
    command.set_defaults(run=run_gaps)

    command = commands.add_parser("worst-groups", help="search groups of up to three attributes for the worst results")
    command.add_argument("predictions", type=Path)
    words = "attribute to cross; may be repeated; default: all attributes with few values"
    command.add_argument("--by", action="append", default=[], metavar="ATTRIBUTE", help=words)
    command.add_argument("--measure", default="accuracy", help="as for gaps; default: accuracy")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run_worst_groups)

    command = commands.add_parser("mitigate", help="recalibrate predictions by group, and report the effect per group")
    command.add_argument("predictions", type=Path)
    command.add_argument(
        "--by", action="append", metavar="ATTRIBUTE", required=True, help="repeat it to cross attributes"
    )
    command.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS")
    command.set_defaults(run=run_mitigate)

    command = commands.add_parser("report", help="write an audit of a predictions table as one HTML file")
    command.add_argument("predictions", type=Path)
    words = "attribute to analyse; may be repeated; the search for the worst groups crosses them"
    command.add_argument("--by", action="append", metavar="ATTRIBUTE", required=True, help=words)
    command.add_argument("--out", type=Path, required=True, metavar="HTML")
    command.set_defaults(run=run_report)

    command = commands.add_parser(
        "compare", help="compare the accuracy of models with that of one of them, on the same clips"
    )
    command.add_argument("predictions", type=Path)
    command.add_argument("--reference", required=True, metavar="MODEL")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run_compare)
