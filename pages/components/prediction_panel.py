"""The results for a clip: five traits per model, transcript, face ratings, and estimated attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import analysis_widgets, model_store
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

PERCENTILES_CAPTION = " · percentage of training clips with a lower rating"
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
            st.header("Predicted first impression", anchor=TRAITS_ANCHOR)
            if self._answers and all(
                isinstance(one, Unavailable) and one.why == NO_PERSON_MESSAGE for one in self._answers
            ):
                message = "Neither a face nor speech was found in this clip, so no traits can be predicted."
                st.warning(message, icon=":material/person_off:")
                return
        people, practice = (
            [one for one in self._answers if is_practice_model(one.model) is kind] for kind in (False, True)
        )
        if len(people) > self._drawn[False]:
            with self._people.container():
                _draw_predictions(people, key=f"people_{len(people)}")
        if len(practice) > self._drawn[True]:
            title = "Practice models (computer-made people)"
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
            st.info(
                f"{escape_markdown(model_label(one.model).capitalize())}: one of the inputs was missing "
                f"({escape_markdown(one.caveat)}), so the prediction is less reliable.",
                icon=":material/balance:",
            )
    for why, models in reasons.items():
        st.warning(
            f"Prediction unavailable ({escape_markdown(', '.join(models))}): {escape_markdown(why)}.",
            icon=":material/volume_off:",
        )


def _draw_charts(values: pd.DataFrame, *, key: str) -> None:
    """A dot chart and a radar chart of the traits."""
    dots, radar = st.columns([3, 2])
    how: dict[str, Any] = {
        "width": "stretch",
        "alt": "Five traits per model, from 0 to 1",
        "config": analysis_widgets.PLOTLY_CONFIG,
    }
    dots.plotly_chart(clip_plots.trait_dots(values), key=f"dots_{key}", **how)
    radar.plotly_chart(clip_plots.trait_radar(values), key=f"radar_{key}", **how)
    if values["low"].notna().any():
        st.caption(
            "Dot: predicted rating. Thin line: 90 % prediction interval; for nine out of ten clips of people who were "
            "not in the training data, the average rating by strangers lies in this range. A telephone line, noise or "
            "strong compression can change the prediction from the voice as much as a different speaker."
        )


def _draw_tables(values: pd.DataFrame) -> None:
    """Tables of the values and of their percentiles among the training clips; rows are traits, which fits a phone."""
    for title, column, form in (("Values", "value", "%.2f"), ("Percentiles", "percentile", "%.0f")):
        table = values.pivot(index="trait", columns="model", values=column)[values["model"].unique()]
        if table.notna().to_numpy().any():
            shown = table.loc[list(TRAIT_NAMES)].rename(index=TRAIT_LABELS).rename_axis("trait").reset_index()
            config = {name: st.column_config.NumberColumn(format=form) for name in table.columns}
            st.markdown(f"**{title}**{PERCENTILES_CAPTION if column == 'percentile' else ''}")
            st.dataframe(shown, hide_index=True, column_config=config)


def describe_models(names: Sequence[str], loaded: Sequence) -> None:
    """Per model: its training data, and its accuracy on people who were not in them."""
    models = {model.name: model for model in loaded}
    lines = []
    for name in (name for name in names if name in models):  # a model may have been deleted since its prediction
        facts = get_model_facts(models[name])
        line = f"- **{escape_markdown(model_label(name))}**: {escape_markdown(facts['trained_on'])}"
        if facts["accuracy_unseen"] is not None and get_training_people(models[name].card) == REAL_PEOPLE:
            line += _format_unseen_accuracy(models[name].card["unseen"])
        lines.append(line)
    st.markdown("\n".join(lines))


def _format_unseen_accuracy(unseen: dict) -> str:
    return (
        f" Accuracy on {unseen['n']:,} clips of people who were not in the training data: {unseen['accuracy']:.3f} "
        f"[{unseen['low']:.3f}, {unseen['high']:.3f}]; [mean baseline](about#terms): {unseen['mean_baseline']:.3f}. "
        f"The model explains {unseen['r2']:.0%} of the differences between people's ratings (R²)."
    )


def draw_transcript(place: DeltaGenerator, words: Transcript, *, start: float, player: str) -> None:
    """The recognised words, synchronised with the player; or the reason why there are none."""
    with place.container():
        st.markdown("**Words** · automatic transcript, may contain errors; click a phrase to jump to it")
        if words.problem:
            st.caption(f"{escape_markdown(words.problem.capitalize())}.")
        else:
            draw_clickable_transcript(words, start=start, player=player, key="transcript")


def draw_face_ratings(place: DeltaGenerator, rated: FaceImpressions) -> None:
    """Eight ratings of the face, separate from the traits. A public server does not show percentiles."""
    with place.container(border=True):
        st.header("From the face (photograph ratings)")
        r2 = {name: figures["r2"] for name, figures in read_face_rater_card()["held_out"]["r2"].items()}
        percentiles = {} if is_public() else rated.percentiles
        chart = clip_plots.face_ratings(rated.ratings, percentiles, r2)
        st.altair_chart(chart, width="stretch", alt="Eight ratings of the face, 0 to 100")
        st.caption(
            "How people would probably rate **photographs** of "
            f"{'this face' if rated.faces == 1 else f'these {rated.faces:,} faces'}, from 0 to 100. "
            "These ratings are separate from the five traits above. The model was trained and tested on human ratings "
            "of 803 computer-made portraits, not on people who are speaking. Paler bars: less accurate predictions "
            "(lower R² on portraits not used in training)."
            + (" Number next to a bar: percentage of the portraits that people rated lower." if percentiles else "")
        )


def format_age_and_gender(sample: Sample) -> str:
    """The estimated age, with a margin, and gender; empty without a face."""
    if sample.age is None:
        return ""
    youngest, oldest = max(0, sample.age - AGE_MARGIN_YEARS), sample.age + AGE_MARGIN_YEARS
    return f"about {youngest:.0f} to {oldest:.0f} years old, {sample.gender}"


def draw_person_estimates(place: DeltaGenerator, sample: Sample) -> None:
    """Estimated age, gender and expressions; on a public server only if the operator enables them."""
    if sample.age is None or not shows_estimates():
        return
    with place.container(), st.expander("Estimates of age, gender and expression"):
        st.caption(
            f"Estimated from the face: {escape_markdown(format_age_and_gender(sample))}. These estimates are often "
            "wrong. Gender is a perceived category, not an identity."
        )
        histogram = dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True))
        st.markdown(
            "**Expressions** · share of faces by strongest expression; an expression does not show what a person feels"
        )
        chart = clip_plots.emotion_bars(histogram)
        st.altair_chart(chart, width="stretch", alt="Share of faces per expression")
