"""Translation of the English texts that `personality` makes: warnings, reasons, findings, descriptions of models.

Texts without data are translated as they are. Of texts with data, TEMPLATES has the fixed part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from string import Formatter

from pages.components.language import SOURCE_LANGUAGE, mark_text, page_language, translate
from pages.components.plain_text import escape_markdown
from personality.analysis.gaps import GAP_MEASURES
from personality.assets.shipped_models import model_label

INCLUDED_MODEL_NAME = re.compile(r"\b(voice_words|practice_\w+)\b")

# The first one that matches a text is used. The data in it are translated in the same way, if they are such texts.
TEMPLATES = (
    # Warnings and reasons for a missing prediction.
    mark_text("a face was found at {count} of {moments} moments"),
    mark_text("the sound lasts {seconds} s, the rest of {all} s is silence"),
    mark_text("damaged samples of the sound, no numbers or far too large, taken as silence: {count}"),
    mark_text("the video lasts {seconds} s only"),
    mark_text("the clock of the file restarts after {seconds} s, as in joined recordings; the rest was not read"),
    mark_text("{used} of the {count} channels of the sound carry something; their mean was used"),
    mark_text("the first {seconds} s of the sound are silent; speech begins at {start} s"),
    mark_text("the first {seconds} s of the sound are silent"),
    mark_text("only {heard} s of speech was found in the first {seconds} s; speech begins at {start} s"),
    mark_text("only {heard} s of speech was found in the first {seconds} s"),
    mark_text("no speech was found in the first {seconds} s; speech begins at {start} s"),
    mark_text("no speech was found in the first {seconds} s"),
    # Files that cannot be read.
    mark_text("This file cannot be read as a video; expected {kinds}, complete and not encrypted."),
    mark_text("This photo is stored as tiles, like most of phones, which cannot be read; save it as JPEG."),
    mark_text("This video lasts {seconds} s; at most {limit} s are read, cut it first."),
    mark_text("This picture is {size}; expected at most {limit} pixels; reduce its resolution."),
    # Findings.
    mark_text("**No difference was found.** One of {size} would probably have been found (80 % power)."),
    mark_text("No significant difference. Minimum detectable difference (80 % power): {low} to {high}."),
    mark_text("No significant difference. Minimum detectable difference (80 % power): {size}."),
    mark_text("**{finding}** (n = {n} and {reference}): {count} of {models} models, most {model}, by {size}."),
    mark_text("**{finding}** (n = {n} and {reference}): {count} of {models} models, {model}, by {size}."),
    mark_text("**{finding}** (n = {n} and {reference}) by {size}."),
    mark_text("**{finding}**, by {size}."),
    *chain(*GAP_MEASURES.values()),
    mark_text("it is {comparison}"),
    mark_text("it {comparison}"),
    mark_text(
        "Always predicting the mean has an accuracy of {accuracy}. The shipped models add {shipped}. The best "
        "published system adds {best}."
    ),
    # Explanations.
    mark_text("gender: {gender}"),
    mark_text("age: {years}"),
    mark_text("expression: {expression} only"),
    mark_text("+ {input}: {more} − {less}"),
    mark_text("above {percentile} %"),
    mark_text("{title}, n = {count}"),
    mark_text("{group} · n = {count}"),
    mark_text("practice: {modality}"),
    mark_text("practice_{modality}"),
)


def translate_library_text(text: str) -> str:
    """A text of `personality` in the language of the page; unchanged if it is not known.

    A text with a capital letter is also known if it is known without, such as at the start of a sentence.
    """
    if page_language() == SOURCE_LANGUAGE or not text:
        return text
    found = _translate_known(text)
    if found is None and text[0].isupper():
        found = _translate_known(f"{text[0].lower()}{text[1:]}")
        found = found and f"{found[0].upper()}{found[1:]}"
    return text if found is None else found


def name_model(label: str) -> str:
    """The name of a model, from `model_label`, in the language of the page and escaped by `escape_markdown`."""
    return escape_markdown(translate_library_text(label))


def label_models(text: str) -> str:
    """A text of `personality` with the labels of the included models in place of their names."""
    return INCLUDED_MODEL_NAME.sub(lambda name: model_label(name.group()), text)


def _translate_known(text: str) -> str | None:
    """The translation of a text, None if it is neither in the catalogue nor made from templates."""
    whole = translate(text)
    return whole if whole != text else next(chain(_fill_templates(text), _translate_joined(text)), None)


def _fill_templates(text: str) -> Iterator[str]:
    """The translations of the templates that match a text, with its data."""
    for template, pattern in _compile_templates():
        match = pattern.fullmatch(text)
        if match:
            data = [translate_library_text(one) for one in match.groups()]
            yield translate(template).format(*data, **dict(zip(_list_fields(template), data, strict=True)))


def _translate_joined(text: str) -> Iterator[str]:
    """The translation of reasons that are joined by `and`, if all of them are known."""
    first, joint, rest = text.partition(" and ")
    known = [_translate_known(part) for part in (first, rest)] if joint else []
    if known and all(known):
        yield translate(" and ").join(filter(None, known))


@cache
def _compile_templates() -> list[tuple[str, re.Pattern[str]]]:
    """Each template with the pattern of the texts that are made from it."""
    return [
        (
            template,
            re.compile("(.+?)".join(re.escape(text) for text, *_ in Formatter().parse(template)) + _end(template)),
        )
        for template in TEMPLATES
    ]


def _end(template: str) -> str:
    """The pattern of a field at the end of a template."""
    return "(.+)" if template.endswith("}") else ""


def _list_fields(template: str) -> list[str]:
    return [name for _, name, *_ in Formatter().parse(template) if name is not None]
