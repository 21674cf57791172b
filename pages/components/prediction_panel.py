"""The results for a clip: five traits per model, transcript, face ratings, and estimated attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, model_store
from pages.components.figure_texts import translate_chart, translate_figure
from pages.components.language import mark_text, translate, translate_plural
from pages.components.library_texts import name_model, translate_library_text
from pages.components.plain_text import escape_markdown
from pages.components.transcript import draw_clickable_transcript
from personality.assets.shipped_models import is_practice_model, model_label
from personality.inference.face_impressions import FaceImpressions, read_face_rater_card
from personality.inference.model_facts import REAL_PEOPLE, get_model_facts, get_training_people
from personality.inference.predict import NO_PERSON_MESSAGE, Impression, Unavailable, trait_rows
from personality.plots import clip_plots
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech_to_text import Transcript
from personality.traits import EMOTIONS, TRAIT_LABELS, TRAIT_NAMES
from personality.utils.public_mode import is_public, shows_estimates

PERCENTILES_CAPTION = mark_text("percentage of training clips with a lower rating")
TRAITS_ANCHOR = "predicted-first-impression"  # in the address of the page, to jump to the five traits
AGE_MARGIN_YEARS = 5  # on either side of the estimate, whose mean absolute error is 4.5 years


class TraitsPanel:
    """The five traits: one section for models of real people, one for practice models.

    A section is redrawn only when it has new predictions.
    """

    def __init__(self) -> None:
        self._heading, self._people, self._practice = st.empty(), st.empty(), st.empty()
        self._answers: list[Impression | Unavailable] = []
        self._drawn = {False: 0, True: 0}  # number of predictions drawn: models of real people, practice models

    def add(self, answer: Impression | Unavailable) -> None:
        """Add a prediction; it is shown at the next `draw`."""
        self._answers.append(answer)

    def draw(self) -> None:
        """Draw the predictions added so far; only a message if the clip has neither a face nor speech."""
        with self._heading.container():
            st.header(translate("Predicted first impression"), anchor=TRAITS_ANCHOR)
            if self._answers and all(
                isinstance(one, Unavailable) and one.why == NO_PERSON_MESSAGE for one in self._answers
            ):
                message = translate("Neither a face nor speech was found in this clip, so no traits can be predicted.")
                st.warning(message, icon=":material/person_off:")
                return
        people, practice = (
            [one for one in self._answers if is_practice_model(one.model) is kind] for kind in (False, True)
        )
        if len(people) > self._drawn[False]:
            with self._people.container():
                _draw_predictions(people, key=f"people_{len(people)}")
        if len(practice) > self._drawn[True]:
            title = translate("Practice models (computer-made people)")
            with self._practice.container(), st.expander(title, expanded=not people):
                _draw_predictions(practice, key=f"practice_{len(practice)}")
        self._drawn = {False: len(people), True: len(practice)}


def _draw_predictions(answers: Sequence[Impression | Unavailable], *, key: str) -> None:
    _explain_unavailable(answers)
    predicted = [one for one in answers if isinstance(one, Impression)]
    if not predicted:
        return
    values = trait_rows(predicted)
    values["model"] = values["model"].map(model_label)
    _draw_charts(values, key=key)
    _draw_tables(values)
    describe_models([one.model for one in predicted], model_store.load_models_for_clip())


def _explain_unavailable(answers: Sequence[Impression | Unavailable]) -> None:
    reasons: dict[str, list[str]] = {}
    for one in answers:
        if isinstance(one, Unavailable):
            reasons.setdefault(one.why, []).append(model_label(one.model))
        elif one.caveat:
            text = translate("{model}: one of the inputs was missing ({input}), so the prediction is less reliable.")
            model = name_model(model_label(one.model)).capitalize()
            missing = escape_markdown(translate_library_text(one.caveat))
            st.info(text.format(model=model, input=missing), icon=":material/balance:")
    for why, models in reasons.items():
        text = translate("Prediction unavailable ({models}): {reason}.")
        names = ", ".join(name_model(name) for name in models)
        reason = escape_markdown(translate_library_text(why))
        st.warning(text.format(models=names, reason=reason), icon=":material/volume_off:")


def _draw_charts(values: pd.DataFrame, *, key: str) -> None:
    """A dot chart and a radar chart of the traits."""
    dots, radar = st.columns([3, 2])
    how: dict[str, Any] = {
        "width": "stretch",
        "alt": translate("Five traits per model, from 0 to 1"),
        "config": analysis_widgets.PLOTLY_CONFIG,
    }
    dots.plotly_chart(translate_figure(clip_plots.trait_dots(values)), key=f"dots_{key}", **how)
    radar.plotly_chart(translate_figure(clip_plots.trait_radar(values)), key=f"radar_{key}", **how)
    if values["low"].notna().any():
        st.caption(
            translate(
                "Dot: predicted rating. Thin line: 90 % prediction interval; for nine out of ten clips of people who "
                "were not in the training data, the average rating by strangers lies in this range. A telephone line, "
                "noise or strong compression can change the prediction from the voice as much as a different speaker."
            )
        )


def _draw_tables(values: pd.DataFrame) -> None:
    """Tables of the values and of their percentiles among the training clips; rows are traits, which fits a phone."""
    percentiles = f"**{translate('Percentiles')}** · {translate(PERCENTILES_CAPTION)}"
    titles = {"value": f"**{translate('Values')}**", "percentile": percentiles}
    for column, form in (("value", "%.2f"), ("percentile", "%.0f")):
        table = values.pivot(index="trait", columns="model", values=column)[values["model"].unique()]
        if table.notna().to_numpy().any():
            labels = {name: translate(TRAIT_LABELS[name]) for name in TRAIT_NAMES}
            shown = table.loc[list(labels)].rename(index=labels).rename_axis(translate("trait")).reset_index()
            shown = shown.rename(columns=translate_library_text)
            config = {name: st.column_config.NumberColumn(format=form) for name in shown.columns[1:]}
            st.markdown(titles[column])
            st.dataframe(shown, hide_index=True, column_config=config)


def describe_models(names: Sequence[str], loaded: Sequence) -> None:
    """Per model: its training data, and its accuracy on people who were not in them."""
    models = {model.name: model for model in loaded}
    lines = []
    for name in (name for name in names if name in models):  # a model may have been deleted since its prediction
        facts = get_model_facts(models[name])
        trained_on = escape_markdown(translate_library_text(facts["trained_on"]))
        line = f"- **{name_model(model_label(name))}**: {trained_on}"
        if facts["accuracy_unseen"] is not None and get_training_people(models[name].card) == REAL_PEOPLE:
            line += " " + _format_unseen_accuracy(models[name].card["unseen"])
        lines.append(line)
    st.markdown("\n".join(lines))


def _format_unseen_accuracy(unseen: dict) -> str:
    text = translate(
        "Accuracy on {count} clips of people who were not in the training data: {accuracy} [{low}, {high}]; "
        "[mean baseline](about#terms): {baseline}. The model explains {share} of the differences between people's "
        "ratings (R²)."
    )
    return text.format(
        count=f"{unseen['n']:,}",
        accuracy=f"{unseen['accuracy']:.3f}",
        low=f"{unseen['low']:.3f}",
        high=f"{unseen['high']:.3f}",
        baseline=f"{unseen['mean_baseline']:.3f}",
        share=f"{unseen['r2']:.0%}",
    )


def draw_transcript(place: DeltaGenerator, words: Transcript, *, start: float, player: str) -> None:
    """The recognised words, synchronised with the player; or the reason why there are none."""
    with place.container():
        st.markdown(translate("**Words** · automatic transcript, may contain errors; click a phrase to jump to it"))
        if words.problem:
            st.caption(f"{escape_markdown(translate_library_text(words.problem).capitalize())}.")
        else:
            draw_clickable_transcript(words, start=start, player=player, key="transcript")


def draw_face_ratings(place: DeltaGenerator, rated: FaceImpressions) -> None:
    """Eight ratings of the face, separate from the traits. A public server does not show percentiles."""
    with place.container(border=True):
        st.header(translate("From the face (photograph ratings)"))
        r2 = {name: figures["r2"] for name, figures in read_face_rater_card()["held_out"]["r2"].items()}
        percentiles = {} if is_public() else rated.percentiles
        chart = translate_chart(clip_plots.face_ratings(rated.ratings, percentiles, r2))
        st.altair_chart(chart, width="stretch", alt=translate("Eight ratings of the face, 0 to 100"))
        _explain_face_ratings(rated.faces, percentiles=bool(percentiles))


def _explain_face_ratings(faces: int, *, percentiles: bool) -> None:
    text = translate_plural(
        "How people would probably rate **photographs** of this face, from 0 to 100. These ratings are separate from "
        "the five traits above. The model was trained and tested on human ratings of 803 computer-made portraits, not "
        "on people who are speaking. Fainter bars: less accurate predictions (lower R² on portraits not used in "
        "training).",
        "How people would probably rate **photographs** of these {count} faces, from 0 to 100. These ratings are "
        "separate from the five traits above. The model was trained and tested on human ratings of 803 computer-made "
        "portraits, not on people who are speaking. Fainter bars: less accurate predictions (lower R² on portraits not "
        "used in training).",
        faces,
    ).format(count=f"{faces:,}")
    if percentiles:
        text += " " + translate("Number next to a bar: percentage of the portraits that people rated lower.")
    st.caption(text)


def format_age_and_gender(sample: Sample) -> str:
    """The estimated age, with a margin, and gender; empty without a face."""
    if sample.age is None:
        return ""
    youngest, oldest = max(0, sample.age - AGE_MARGIN_YEARS), sample.age + AGE_MARGIN_YEARS
    text = translate("about {youngest} to {oldest} years old, {gender}")
    return text.format(youngest=f"{youngest:.0f}", oldest=f"{oldest:.0f}", gender=translate(str(sample.gender)))


def draw_person_estimates(place: DeltaGenerator, sample: Sample) -> None:
    """Estimated age, gender and expressions; on a public server only if the operator enables them."""
    if sample.age is None or not shows_estimates():
        return
    with place.container(), st.expander(translate("Estimates of age, gender and expression")):
        text = translate(
            "Estimated from the face: {estimates}. These estimates are often wrong. Gender is a perceived category, "
            "not an identity."
        )
        st.caption(text.format(estimates=escape_markdown(format_age_and_gender(sample))))
        histogram = dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True))
        st.markdown(
            translate(
                "**Expressions** · share of faces by strongest expression; an expression does not show what a person "
                "feels"
            )
        )
        chart = translate_chart(clip_plots.emotion_bars(histogram))
        st.altair_chart(chart, width="stretch", alt=translate("Share of faces per expression"))
