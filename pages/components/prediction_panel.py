"""What was predicted from a clip: five traits per model, the words, ratings of the face, estimates of the person."""

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

PERCENTILES_CAPTION = " · share of the training clips with a lower label, 0 to 100"
AGE_MARGIN_YEARS = 5  # years either side of the estimate; its mean absolute error is 4.5 years


class TraitsPanel:
    """The five traits, with a place for the models of people and one for the practice models, each drawn again only
    when one of its models has answered."""

    def __init__(self) -> None:
        self._heading, self._people, self._practice = st.empty(), st.empty(), st.empty()
        self._answers: list[Impression | Unavailable] = []
        self._drawn = {False: 0, True: 0}  # answers of models of people, and of practice models

    def add(self, answer: Impression | Unavailable) -> None:
        """Take an answer, to be drawn with others."""
        self._answers.append(answer)

    def draw(self) -> None:
        """Draw what has come. A clip without a face and without speech is one sentence."""
        with self._heading.container():
            st.subheader("Predicted first impression")
            if self._answers and all(
                isinstance(one, Unavailable) and one.why == NO_PERSON_MESSAGE for one in self._answers
            ):
                sentence = "Neither a face nor speech was found in this clip: no traits."
                st.warning(sentence, icon=":material/person_off:")
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
    _describe_models([one.model for one in predicted])


def _explain_unavailable(answers: Sequence[Impression | Unavailable]) -> None:
    reasons: dict[str, list[str]] = {}
    for one in answers:
        if isinstance(one, Unavailable):
            reasons.setdefault(one.why, []).append(model_label(one.model))
        elif one.caveat:
            st.info(
                f"{escape_markdown(model_label(one.model).capitalize())}: predicted without one of its inputs "
                f"({escape_markdown(one.caveat)}).",
                icon=":material/balance:",
            )
    for why, models in reasons.items():
        st.warning(
            f"Traits unavailable {escape_markdown(', '.join(models))}: {escape_markdown(why)}.",
            icon=":material/volume_off:",
        )


def _draw_charts(values: pd.DataFrame, *, key: str) -> None:
    """Dots and radar."""
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
            "Thin line: 90 % prediction interval. For nine of ten clips of people a model was not trained on, the "
            "average rating of strangers lies within it. One number alone is a rough guess. A telephone, noise or "
            "strong compression moves what is predicted from the voice about as far as another person would."
        )


def _draw_tables(values: pd.DataFrame) -> None:
    """The numbers, and their rank among the training clips."""
    for title, column, form in (("Values", "value", "%.2f"), ("Percentiles", "percentile", "%.0f")):
        table = values.pivot(index="model", columns="trait", values=column).reindex(values["model"].unique())
        if table.notna().to_numpy().any():
            shown = table[list(TRAIT_NAMES)].rename(columns=TRAIT_LABELS).reset_index()
            config = {name: st.column_config.NumberColumn(format=form) for name in TRAIT_LABELS.values()}
            st.markdown(f"**{title}**{PERCENTILES_CAPTION if column == 'percentile' else ''}")
            st.dataframe(shown, hide_index=True, column_config=config)


def _describe_models(names: Sequence[str]) -> None:
    """Per model: whom it was trained on, and how good it is on people it was not trained on."""
    models = {model.name: model for model in model_store.load_models_for_clip()}
    lines = []
    for name in (name for name in names if name in models):  # one may have been deleted since it was asked
        known = get_model_facts(models[name])
        line = f"- **{escape_markdown(model_label(name))}**: {escape_markdown(known['trained_on'])}"
        if known["accuracy_unseen"] is not None and get_training_people(models[name].card) == REAL_PEOPLE:
            line += _format_unseen_accuracy(models[name].card["unseen"])
        lines.append(line)
    st.markdown("\n".join(lines))


def _format_unseen_accuracy(unseen: dict) -> str:
    return (
        f" On {unseen['n']:,} clips of people it was not trained on its accuracy is {unseen['accuracy']:.3f} "
        f"[{unseen['low']:.3f}, {unseen['high']:.3f}]; always predicting the average person reaches "
        f"{unseen['mean_baseline']:.3f}. It explains {unseen['r2']:.0%} of the differences between people."
    )


def draw_transcript(place: DeltaGenerator, words: Transcript, *, player: str) -> None:
    """The recognised words, tied to the player; or why there are none."""
    with place.container():
        st.markdown("**Words** · recognised by machine, with mistakes; click a phrase to go there")
        if words.problem:
            st.caption(f"{escape_markdown(words.problem.capitalize())}.")
        else:
            draw_clickable_transcript(words, player=player, key="transcript")


def draw_face_ratings(place: DeltaGenerator, rated: FaceImpressions) -> None:
    """Eight ratings of the face, apart from the traits. Strangers are not shown percentiles of their face."""
    with place.container(border=True):
        st.subheader("From the face (photograph ratings)")
        r2 = {name: figures["r2"] for name, figures in read_face_rater_card()["held_out"]["r2"].items()}
        percentiles = {} if is_public() else rated.percentiles
        chart = clip_plots.face_ratings(rated.ratings, percentiles, r2)
        st.altair_chart(chart, width="stretch", alt="Eight ratings of the face, 0 to 100")
        st.caption(
            f"How people would rate {'this face' if rated.faces == 1 else f'these {rated.faces:,} faces'} in a "
            "**photograph**, 0 to 100: learned from ratings of 804 portraits of people who do not exist, and validated "
            "on such photographs, not on people who speak. These are not the five traits. Paler bars: ratings that the "
            "model predicts less well (R² on portraits it was not trained on)."
            + (" Beside each: the share of the portraits that people rated lower." if percentiles else "")
        )


def draw_person_estimates(place: DeltaGenerator, sample: Sample) -> None:
    """Age and gender as estimated, small, and expressions; not for strangers unless the operator allows it."""
    if sample.age is None or not shows_estimates():
        return
    with place.container(), st.expander("Estimates of age, gender and expression"):
        youngest = max(0, sample.age - AGE_MARGIN_YEARS)
        st.caption(
            f"Looks about {youngest:.0f} to {sample.age + AGE_MARGIN_YEARS:.0f} years old and "
            f"{escape_markdown(sample.gender)}: "
            "estimated from the face, often wrong; a perceived category, not an identity."
        )
        histogram = dict(zip(EMOTIONS, sample.emotions.tolist(), strict=True))
        st.markdown("**Expressions** · share of faces by strongest expression; an expression is not a feeling")
        chart = clip_plots.emotion_bars(histogram)
        st.altair_chart(chart, width="stretch", alt="Share of faces per expression")
