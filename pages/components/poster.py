"""The poster of the overview: the sample with its boxes, words and traits, and findings on real people with charts."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, tour
from pages.components.figure_texts import translate_figure
from pages.components.language import mark_text, translate, translate_plain
from pages.components.library_texts import name_model, translate_library_text
from pages.components.plain_text import escape_markdown
from pages.components.video_boxes import draw_boxes
from personality.analysis.findings import describe_largest_gap
from personality.analysis.groups import TRAIT_MEAN
from personality.analysis.real_figures import RealFigures
from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_NAMES, model_label
from personality.plots import accuracy_plots, clip_plots, palettes

POSTER_PLAYER_KEY = "poster_player"
POSTER_MODEL = REAL_MODEL_NAMES[-1]  # voice and words together
CHART_HEIGHT_PIXELS = 200
POSTER_CHART_CONFIG = {"displayModeBar": False}


@dataclass(frozen=True)
class Finding:
    """A question, the measure and the attribute that answer it, and the page with everything about it."""

    question: str
    measure: str
    attribute: str
    meaning: str
    page: str


FINDINGS = (
    Finding(
        mark_text("Is the machine less accurate for men or for women?"),
        "accuracy",
        "gender",
        mark_text("Accuracy is 1 minus the mean error on a scale from 0 to 1."),
        "pages/gender.py",
    ),
    Finding(
        mark_text("Does it rate some people too high and others too low?"),
        "signed_error",
        "ethnicity",
        mark_text("To the right of the line it rates a group higher than people did, to the left lower."),
        "pages/gender.py",
    ),
    Finding(
        mark_text("Are the human ratings themselves equal?"),
        "actual_mean",
        "age_group",
        mark_text("The mean rating that people gave. A machine that copies people copies this too."),
        "pages/age.py",
    ),
)


def draw_poster() -> None:
    """The sample as it plays, what a model predicts from it, and the button to try it."""
    with st.container(horizontal=True):
        if st.button(
            translate("Try it with your face or voice"), type="primary", icon=":material/videocam:", key="try"
        ):
            st.switch_page("pages/predict.py")
        if st.button(translate("Can you do better? Guess first"), icon=":material/psychology_alt:", key="guess"):
            st.switch_page("pages/guess.py")
        st.button(translate("Take the tour"), icon=":material/tour:", key="tour_start", on_click=tour.start_tour)
    tour.draw_tour()
    prediction = demo.read_sample_prediction()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _draw_sample(prediction)
    with right:
        heading = translate("**Predicted first impression**, model *{model}*")
        st.markdown(heading.format(model=name_model(model_label(POSTER_MODEL))))
        figure = translate_figure(clip_plots.trait_dots(_tabulate_sample_traits(prediction)).update_layout(height=330))
        st.plotly_chart(
            figure,
            width="stretch",
            key="poster_traits",
            alt=translate("Five traits predicted from the sample, with intervals"),
            config=POSTER_CHART_CONFIG,
        )
        legend = translate(
            "Dot: how strangers would probably rate this voice and these words. Line: where the average rating of nine "
            "out of ten people would lie. The line is long: most of an impression cannot be predicted."
        )
        trained_on = translate_library_text(prediction["models"][POSTER_MODEL]["trained_on"])
        st.caption(f"{legend} {escape_markdown(trained_on)}")


def _draw_sample(prediction: dict) -> None:
    with st.container(key=POSTER_PLAYER_KEY):
        st.video(demo.DEMO_SPEECH_CLIP_FILE.read_bytes(), autoplay=True, muted=True, loop=True)
    boxes = [{"time": face["time"], "box": face["box"], "words": translate("face")} for face in prediction["faces"]]
    draw_boxes(boxes, size=demo.SAMPLE_SIZE, duration=prediction["duration"], player=POSTER_PLAYER_KEY, key="poster")
    st.markdown(f"“{escape_markdown(prediction['transcript'])}”")
    st.caption(translate("A computer-made person who does not exist, and the words that the machine understood."))


def _tabulate_sample_traits(prediction: dict) -> pd.DataFrame:
    """Columns model, trait, value, low and high, for `clip_plots.trait_dots`."""
    traits, intervals = prediction["traits"][POSTER_MODEL], prediction["intervals"][POSTER_MODEL]
    rows = [(model_label(POSTER_MODEL), name, value, *intervals[name]) for name, value in traits.items()]
    return pd.DataFrame(rows, columns=["model", "trait", "value", "low", "high"])


def draw_findings_on_real_people(figures: RealFigures) -> None:
    """A sentence and a small chart per question, each with a link to its page."""
    model = model_label(POSTER_MODEL)
    shown = figures.select_models([model])
    for column, finding in zip(st.columns(len(FINDINGS)), FINDINGS, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{translate_plain(finding.question)}**")
            gaps = shown.compare_groups((finding.attribute,), finding.measure).gaps
            st.markdown(translate_library_text(describe_largest_gap(gaps)))
            _draw_finding_chart(shown, finding)
            st.caption(translate_plain(finding.meaning))
            st.page_link(
                finding.page,
                label=translate("More on this"),
                icon=":material/arrow_forward:",
                query_params={**st.query_params.to_dict(), **_choices_of_finding(finding, model)},
            )
    text = translate(
        "Model *{model}* on {count} clips of real people who were rated by strangers; mean of five traits, 95 % "
        "intervals clustered by source video."
    )
    count = f"{shown.card['clips'][shown.source_subset]:,}"
    st.caption(text.format(model=name_model(model), count=count))


def _choices_of_finding(finding: Finding, model: str) -> dict[str, str]:
    """The address's choices with which the page of a finding shows the same groups, measure and model."""
    groups = {"groups": finding.attribute} if finding.page == "pages/gender.py" else {}
    return {"measure": analysis_widgets.MEASURE_LABELS[finding.measure], "models": model, **groups}


def _draw_finding_chart(figures: RealFigures, finding: Finding) -> None:
    rows = figures.accuracy_by((finding.attribute,))
    means = rows[rows["trait"].eq(TRAIT_MEAN)]
    colours = palettes.group_colours(list(means["group"].unique()))
    figure = accuracy_plots.accuracy_dots(
        means, line="group", colour="group", colours=colours, measure=finding.measure, baselines=()
    )
    figure.update_layout(height=CHART_HEIGHT_PIXELS, showlegend=False, margin={"t": 10}).update_xaxes(title=None)
    measure = translate(analysis_widgets.MEASURE_LABELS[finding.measure])
    attribute = translate_library_text(finding.attribute)
    st.plotly_chart(
        translate_figure(figure),
        width="stretch",
        key=f"finding_{finding.measure}",
        alt=translate("{measure} by {attribute}, with intervals").format(measure=measure, attribute=attribute),
        config=POSTER_CHART_CONFIG,
    )
