"""Updates the catalogues of pages/locale from the code: `python -m docs.translations [LANGUAGE]`.

New texts are added without a translation, those that are no longer used are removed, and the catalogues are compiled. A
LANGUAGE that has no catalogue yet gets one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from pages.components.language import CATALOGUE_NAME, LOCALE_FOLDER
from personality.analysis.gaps import GAP_MEASURES, OTHER_GROUPS
from personality.analysis.real_figures import read_real_figures
from personality.assets import demo, shipped_models
from personality.constants import IMPRESSION_NOTICE
from personality.explain.clip_changes import CLIP_CHANGES
from personality.explain.modality_contribution import MODEL_INPUT_LABELS
from personality.inference.face_impressions import FACE_RATING_NAMES
from personality.inference.model_facts import describe_training_data
from personality.inference.predict import NO_PERSON_MESSAGE
from personality.models.checkpoint import read_checkpoint_card
from personality.plots.accuracy_plots import BASELINE_MARKS, DOT_CHART_MEASURES
from personality.preprocessing.media_errors import OUT_OF_MEMORY_MESSAGE
from personality.preprocessing.sandbox.client import VIDEO_READER_DIED_MESSAGE
from personality.preprocessing.speech_to_text import NO_ENGLISH, NO_SPEECH
from personality.traits import EMOTIONS, ETHNICITIES, GENDERS, GROUP_DESCRIPTIONS, TRAIT_LABELS, TRAITS

ROOT = Path(__file__).parents[1]
# The functions of the pages whose texts are extracted, with the positions of these arguments.
KEYWORDS = {
    **dict.fromkeys(("translate", "translate_plain", "translate_title", "mark_text"), (0,)),
    "define_page": (1,),
    "translate_plural": (0, 1),
}
LIBRARY = "personality"  # where the texts are from that the pages do not include themselves
# Texts of the charts of `personality.plots` that are no constants there: titles, and what appears under the pointer.
CHART_TEXTS = (
    *("predicted first impression, 0 to 1", "rating, 0 to 100", "middle of the window, seconds"),
    *("occluded segment, seconds", "share of faces", "change", "label", "value", "text", "attribute", "rating"),
    *("percentile", "emotion", "share", "clips of", "sources", "mean baseline", "occluded", "before", "after"),
)
REASONS = ("no face was found", "there is no sound", "the words were not recognized")  # for a missing prediction


def extract_texts() -> Catalog:
    """All texts of the translated pages, without translations."""
    texts = Catalog()
    for path in [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]:
        place = path.relative_to(ROOT).as_posix()
        for text in extract_calls(path.read_text(encoding="utf-8")):
            texts.add(text, locations=[(place, 0)])
    for text in list_library_texts():
        texts.add(text, locations=[(LIBRARY, 0)])
    return texts


def extract_calls(code: str) -> Iterator[str | tuple[str, ...]]:
    """The literal texts in the calls of KEYWORDS, also within f-strings, in the order of the code."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        arguments = [call.args[place] for place in KEYWORDS.get(name, ())]
        values = [one.value for one in arguments if isinstance(one, ast.Constant)]
        texts = tuple(value for value in values if isinstance(value, str))
        if texts:
            yield texts if len(texts) > 1 else texts[0]


def list_library_texts() -> Iterator[str]:
    """The texts of `personality` that translated pages show, except those that are templates of `library_texts`."""
    yield from chain(*((trait.label, trait.low, trait.high) for trait in TRAITS), [TRAIT_LABELS["mean"]])
    yield from (*EMOTIONS, *GENDERS, *ETHNICITIES, "gender", "ethnicity", "age_group")
    yield from (*GROUP_DESCRIPTIONS.values(), OTHER_GROUPS, *chain(*GAP_MEASURES.values()))
    yield from (IMPRESSION_NOTICE, demo.PRACTICE_NOTICE, demo.PRACTICE_MODELS_DESCRIPTION)
    yield from (*REASONS, NO_PERSON_MESSAGE, NO_SPEECH, NO_ENGLISH, OUT_OF_MEMORY_MESSAGE, VIDEO_READER_DIED_MESSAGE)
    yield from chain(*((name, change.label) for name, change in CLIP_CHANGES.items()))
    yield from (name.replace("_", "-") for name in FACE_RATING_NAMES)
    yield from (*MODEL_INPUT_LABELS.values(), *CHART_TEXTS)
    yield from (title for title, *_ in DOT_CHART_MEASURES.values())
    yield from (name for name, _ in BASELINE_MARKS.values())
    yield from _describe_models()


def _describe_models() -> Iterator[str]:
    """Names and training data of the included models, and the origin of the included results."""
    yield from (*shipped_models.REAL_MODEL_NAMES, *map(shipped_models.model_label, shipped_models.REAL_MODEL_NAMES))
    yield from (folder.name.removeprefix(demo.PRACTICE_PREFIX) for folder in shipped_models.PRACTICE_MODELS)
    for folder in (*shipped_models.REAL_MODEL_FOLDERS, *shipped_models.PRACTICE_MODELS):
        yield describe_training_data(read_checkpoint_card(folder))
    card = read_real_figures().card
    yield from (card["split"], card["method"], card["licence"])
    yield from chain(*((facts["what"], facts["origin"]) for facts in card["models"].values()))


def catalogue_file(language: str) -> Path:
    """The file to edit; the compiled one is next to it."""
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{CATALOGUE_NAME}.po"


def read_catalogue(language: str) -> Catalog:
    """The catalogue of a language; an empty one if there is none."""
    path = catalogue_file(language)
    if not path.exists():
        return Catalog(language, project="personality")
    with path.open("rb") as file:
        return read_po(file, language)


def update_catalogue(language: str) -> Catalog:
    """The catalogue of a language with exactly the texts of the pages; translations are kept, none is guessed."""
    catalogue = read_catalogue(language)
    catalogue.update(extract_texts(), no_fuzzy_matching=True, update_creation_date=False)
    return catalogue


def write_catalogue(language: str) -> int:
    """Update and compile the catalogue of a language; return the number of texts without a translation."""
    catalogue, path = update_catalogue(language), catalogue_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, ignore_obsolete=True, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
    return len(list_untranslated(catalogue))


def list_untranslated(catalogue: Catalog) -> list[str]:
    """The texts without a translation, or without one of its plurals."""
    missing = [one.id for one in catalogue if one.id and not (one.string and all(one.string))]
    return [text if isinstance(text, str) else text[0] for text in missing]


if __name__ == "__main__":
    known = (path.name for path in LOCALE_FOLDER.iterdir() if path.is_dir())
    for code in sys.argv[1:] or sorted(known):
        print(f"{catalogue_file(code).relative_to(ROOT)}: {write_catalogue(code):d} texts without a translation")
