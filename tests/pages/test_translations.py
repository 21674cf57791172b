"""The catalogues: complete, compiled, and with the data and the Markdown of the English texts; and no text without."""

from __future__ import annotations

import ast
import gettext
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from string import Formatter

import numpy as np
import pytest
from babel.messages.catalog import Message

from docs.translations import (
    KEYWORDS,
    catalogue_file,
    extract_calls,
    list_untranslated,
    read_catalogue,
    update_catalogue,
)
from pages.components.language import LANGUAGES, LOCALE_FOLDER, SOURCE_LANGUAGE
from pages.components.library_texts import translate_library_text
from pages.components.real_figures import load_shipped_figures
from personality.analysis.findings import describe_gaps, describe_largest_gap
from personality.analysis.gaps import GAP_MEASURES
from personality.assets.demo import DEMO_CLIP_FILE
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError, check_picture_size, convert_ffmpeg_errors
from personality.preprocessing.sample import read_sample
from personality.preprocessing.sample_warnings import list_sample_warnings
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech import explain_missing_sound, explain_missing_speech
from tests.pages.test_language import BOOTH, ENGLISH
from tests.pages.test_plain_text import drawn, own_calls

ROOT = Path(__file__).parents[2]
CODES = [code for code in LANGUAGES if code != SOURCE_LANGUAGE]
MARKS = re.compile(r"\*\*|\*|`|\]\([^)]*\)|\{[^}]*\}|https?://\S+")


def messages(code: str) -> list[Message]:
    return [message for message in read_catalogue(code) if message.id]


def pairs(code: str) -> Iterator[tuple[str, str]]:
    """Each English text with its translation."""
    for message in messages(code):
        if isinstance(message.id, str):
            yield message.id, str(message.string)
        elif isinstance(message.string, tuple):
            one, many = message.id
            yield from zip((one, many, many), message.string, strict=False)


def test_every_language_has_a_catalogue() -> None:
    assert {path.name for path in LOCALE_FOLDER.iterdir() if path.is_dir()} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated_and_no_other_one(code: str) -> None:
    catalogue = read_catalogue(code)
    assert list_untranslated(catalogue) == []
    assert [message.id for message in messages(code) if message.fuzzy] == []
    assert not catalogue.obsolete
    wanted = {message.id for message in update_catalogue(code) if message.id}
    assert {message.id for message in messages(code)} == wanted, "run `make translations`, then translate what is new"


@pytest.mark.parametrize("code", CODES)
def test_the_compiled_catalogue_is_that_of_the_text(code: str) -> None:
    with catalogue_file(code).with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in messages(code):
        if isinstance(message.id, str):
            assert compiled.gettext(message.id) == message.string
        else:
            one, many = message.id
            assert [compiled.ngettext(one, many, n) for n in (1, 2)] == list(message.string or ())


@pytest.mark.parametrize("code", CODES)
def test_translations_have_the_data_links_and_emphasis_of_the_english_text(code: str) -> None:
    for english, text in pairs(code):
        assert Counter(MARKS.findall(text)) == Counter(MARKS.findall(english)), english
        fields = [field for _, field, *_ in Formatter().parse(text) if field]
        assert set(fields) == {field for _, field, *_ in Formatter().parse(english) if field}, english
        assert (english[:1].isspace(), english[-1:].isspace()) == (text[:1].isspace(), text[-1:].isspace()), english
        ends = english[-1] if english[-1] in ".?:" else ""
        assert text.rstrip("*").endswith(ends) or english.endswith("**"), english


@pytest.mark.parametrize("code", CODES)
def test_spanish_questions_open_and_nobody_is_addressed(code: str) -> None:
    if code != "es":
        pytest.skip("rules of Spanish")
    for _, text in pairs(code):
        assert text.count("?") == text.count("¿"), text
        assert not re.search(r"\b(tu|tus|tú|te|ti|su voz|usted)\b", text), text


@pytest.fixture
def in_spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("language", "library_texts"):
        monkeypatch.setattr(f"pages.components.{module}.page_language", lambda: "es")


def made_by_the_library() -> Iterator[str]:
    """Texts with data, as the library makes them."""
    for seconds, damaged in ((2.0, 3), (0.0, 0)):
        sound = Sound(np.zeros(10, np.float32), seconds, np.zeros(0, np.float32), damaged)
        metadata = Metadata(duration=0.5, width=8, height=8, fps=10, has_audio=bool(seconds), codec="h264")
        yield from list_sample_warnings(metadata, 3, sound)
    for size in ((10_000, 10_000), (8, 8)):
        with pytest.raises(MediaError) as caught, convert_ffmpeg_errors():
            check_picture_size(*size)
            raise ValueError("damaged")
        yield str(caught.value)
    sample = replace(read_sample(DEMO_CLIP_FILE), speech=((3.5, 4.0),))
    yield explain_missing_speech(sample, 3)
    yield explain_missing_speech(replace(sample, speech=((2.9, 4.0),)), 3)
    yield explain_missing_speech(replace(sample, speech=()), 3)
    silent = replace(sample, audio=np.zeros_like(sample.audio))
    yield explain_missing_sound(silent, 3)
    yield explain_missing_sound(replace(silent, speech=()), 3)
    yield " and ".join(["no face was found", "there is no sound"])


@pytest.mark.usefixtures("in_spanish")
def test_texts_with_data_of_the_library_are_translated() -> None:
    for text in made_by_the_library():
        translated = translate_library_text(text)
        assert translated != text
        assert not ENGLISH.search(translated), translated
        assert re.findall(r"[\d.]*\d", translated) == re.findall(r"[\d.]*\d", text), translated


@pytest.mark.usefixtures("in_spanish")
def test_findings_are_translated() -> None:
    figures = load_shipped_figures()
    for by in ("gender", "ethnicity", "age_group"):
        for measure in GAP_MEASURES:
            gaps = figures.compare_groups((by,), measure).gaps
            found = [*describe_gaps(gaps, brief=True), describe_largest_gap(gaps)]
            for text in found:
                translated = translate_library_text(text)
                assert not ENGLISH.search(translated.replace("BU-NKU 2017", "")), translated
                assert re.findall(r"\d\.\d+", translated) == re.findall(r"\d\.\d+", text)


# The walk over the code of the pages: which texts a visitor sees that do not pass through a translation.

# Functions and modules that only pages in English use, or that show what stays English, which docs/languages.md lists.
ENGLISH_ONLY = {
    *("access_control", "action_errors", "damaged_files", "evaluation_form", "group_differences", "report_button"),
    *("run_monitor", "table_picker", "table_upload", "training_form"),
    *("analysis_widgets.choose_measure", "analysis_widgets.warn_small_groups"),
    *("analysis_widgets.warn_estimated_attribute", "analysis_widgets.draw_table_expander"),
    *("analysis_widgets.draw_downloadable_table", "analysis_widgets.show_group_sum_check"),
    *(
        "real_figures.show_omitted_groups",
        "real_figures.offer_practice_data",
        "real_figures.IMPORT_INSTRUCTIONS",
        "model_store.model_choices",
    ),
}
# Texts in calls of these functions are not shown, or, of `cache_*`, only by the first visitor after a start.
SILENT_CALLS = {"get", "log_duration", "cache_data", "cache_resource", "query", "compile", "ValueError", "component"}
SENTENCE = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}")  # two words
WORD = re.compile(r"[A-Za-z]{2,}")
NAMES_OF_FORMATS = {"CSV", "JSON"}
SCRIPT_TEXT = re.compile(r"""["'`>]([A-Z][a-z]+[ .,"'`<][^"'`<]*)""")  # in HTML or JavaScript


def shown_modules() -> list[Path]:
    """The files of the translated pages with all components that they import, directly or not."""
    found, waiting = set(), [ROOT / "app.py", *(ROOT / "pages" / f"{name}.py" for name in BOOTH)]
    while waiting:
        path = waiting.pop()
        if path not in found and path.stem not in ENGLISH_ONLY:
            found.add(path)
            names = re.findall(r"^from pages\.components(?:\.(\w+))? import (.+)", path.read_text(), re.MULTILINE)
            parts = {part for module, rest in names for part in ([module] if module else re.findall(r"\w+", rest))}
            waiting += [ROOT / "pages" / "components" / f"{part}.py" for part in parts]
    return sorted(found)


def unwrapped(tree: ast.Module, module: str = "") -> Iterator[tuple[int, str]]:
    """Line and text of what visitors see untranslated: sentences anywhere, and single words in a call that draws."""
    marked = set(extract_calls(ast.unparse(tree)))
    for scope in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Module)):
        if f"{module}.{getattr(scope, 'name', '')}" in ENGLISH_ONLY:
            continue
        scope.body = [node for node in scope.body if f"{module}.{assigned_name(node)}" not in ENGLISH_ONLY]
        for call in own_calls(scope):
            for argument in (*drawn(call), *(one.value for one in call.keywords if one.arg in ("alt", "caption"))):
                yield from ((one.lineno, str(one.value)) for one in literals(argument) if is_word(str(one.value)))
        keys = (one for one in literals(scope) if one.value not in marked)  # of constants that are marked elsewhere
        yield from ((one.lineno, str(one.value)) for one in keys if SENTENCE.search(str(one.value)))


def is_word(text: str) -> bool:
    """Whether a text has a word, apart from icons, links and names of formats."""
    plain = re.sub(r":material/\w+:|\(#?\w*\)", "", text)
    return bool(WORD.search(plain)) and text not in NAMES_OF_FORMATS


def literals(node: ast.AST) -> Iterator[ast.Constant]:
    """The texts in an expression or in the own statements of a scope, except translated and silent ones."""
    if name_of(node) in {*KEYWORDS, *SILENT_CALLS}:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    for child in ast.iter_child_nodes(node):
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        is_scope = isinstance(child, ast.FunctionDef | ast.ClassDef)
        is_script = assigned_name(child).endswith(("_SCRIPT", "_STYLE", "_HTML"))
        is_key = isinstance(node, ast.Subscript) and child is node.slice
        if not (is_docstring or is_scope or is_script or is_key):
            yield from literals(child)


def assigned_name(node: ast.AST) -> str:
    """The name that a statement assigns, else empty."""
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""


def name_of(node: ast.AST) -> str:
    """The name of the function that an expression calls, else empty."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("path", shown_modules(), ids=lambda path: path.stem)
def test_every_text_of_translated_pages_passes_through_a_translation(path: Path) -> None:
    assert list(unwrapped(ast.parse(path.read_text()), path.stem)) == []


@pytest.mark.parametrize("path", shown_modules(), ids=lambda path: path.stem)
def test_scripts_of_components_have_no_texts(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        name = assigned_name(node)
        if name.endswith(("_SCRIPT", "_HTML")):
            parts = [
                one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            code = re.sub(r"//.*", "", "".join(parts))
            assert SCRIPT_TEXT.findall(code) == [], name


@pytest.mark.parametrize(
    "code",
    [
        'st.markdown("A sentence of words.")',
        'st.button("Go")',
        'label = f"up to {n:d} of them"',
        'st.image(face, alt="Face")',
        'st.button(translate("Go"), help="Why")',
        'LABELS = {"a": "two words"}',
        'def draw():\n    st.header("Traits")',
    ],
)
def test_a_text_without_a_translation_is_found(code: str) -> None:
    assert list(unwrapped(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        '"""A docstring of words."""\nst.markdown(translate("A sentence of words."))',
        'st.button(translate("Go"), icon=":material/delete:", key="two")',
        'LABELS = {"a": mark_text("two words")}',
        'st.markdown(f":material/movie: {n:d} · [{link}](#anchor)")',
    ],
)
def test_translated_texts_pass(code: str) -> None:
    assert list(unwrapped(ast.parse(code))) == []
