"""Writes docs/architecture.md from the code: which folder imports which, and what each file is for (`make docs`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
TOPS = ("personality", "training", "pages", "server")
EVERYWHERE = ("utils", "constants", "traits", "modalities", "network_options", "assets", "cli", "__main__")
INTRODUCTION = """# Architecture
Generated from the code by `make docs`; a test fails if it is out of date.

Data goes one way: a dataset is preprocessed into a cache, models are trained on it, their predictions become a table,
and the analysis, plots, reports and pages are views of that table. An arrow points from a folder to one that it
imports; `tests/test_architecture.py` checks the imports of every file. Not shown: arrows implied by a longer path, and
what almost every file imports: `utils`, the vocabulary (`constants`, `traits`, `modalities`, `network_options`) and
`assets`.

To follow a training run, read six files in this order: `training/__main__.py` (options), `engine/train_run.py` (lock,
signals, final status), `engine/context.py` (data and network), `engine/stages.py` (epochs, evaluation, resuming, card),
`data/dataloader.py` (batches) and `engine/trainer.py` (optimiser steps). What they use explains itself by its name:
`runs/run.py` is the folder of a run, `engine/state_file.py` its state after each epoch. The emotion network and the
face ratings are trained by the same `Trainer`.
"""


def modules() -> dict[str, Path]:
    """The files of the project by their dotted names."""
    files = [ROOT / "app.py", *(path for top in TOPS for path in sorted((ROOT / top).rglob("*.py")))]
    names = {path: path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in files}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(module: str) -> str:
    """The box of a module in the diagram."""
    words = module.split(".")
    return words[0] if words[0] in ("app", "pages", "server", "training") else ".".join(words[:2])


def diagram() -> str:
    """The imports between folders as a Mermaid flowchart, without arrows that a longer way implies."""
    known = modules()
    hidden = {f"personality.{name}" for name in EVERYWHERE} | {"personality"}
    graph = networkx.DiGraph()
    for name, path in known.items():
        targets = {folder_of(target) for target in set(imported(path)) & set(known)} - {folder_of(name)}
        graph.add_edges_from((folder_of(name), target) for target in targets if not {folder_of(name), target} & hidden)
    drawn = sorted(networkx.transitive_reduction(graph).edges)
    lines = [f"  {a.split('.')[-1]} --> {b.split('.')[-1]}" for a, b in drawn]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def purpose(path: Path) -> str:
    """The first sentence of a file's docstring."""
    words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return " ".join(words.split())


def listing() -> Iterator[str]:
    """A section per folder with a line per file."""
    folder = ""
    for path in modules().values():
        here = path.parent.relative_to(ROOT).as_posix()
        if path.name == "__init__.py" and not purpose(path):
            continue
        if here != folder:
            yield f"\n## {'Top level' if here == '.' else f'{here}/'}"
            folder = here
        yield f"- `{path.name}`: {purpose(path)}"


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, diagram(), *listing(), ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
