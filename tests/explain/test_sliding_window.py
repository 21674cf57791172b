from dataclasses import replace

import numpy as np
import pytest

from personality.assets import demo
from personality.explain.counterfactual import compute_counterfactuals, vary_handcrafted
from personality.explain.sliding_window import predict_timeline, split_into_windows
from personality.inference.predict import Impression, load_models, predict_impressions
from personality.models.factory import build_network
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample, read_sample
from personality.traits import TRAIT_NAMES


@pytest.fixture(scope="module")
def sample() -> Sample:
    return read_sample(demo.DEMO_CLIP_FILE)


@pytest.fixture(scope="module")
def models() -> list:
    return load_models(demo.PRACTICE_MODEL_FOLDERS)


def test_windows_cut_sound_and_faces_by_their_times(sample: Sample) -> None:
    rate = 16_000
    sound = np.arange(10 * rate, dtype=np.float32) / (10 * rate)
    long = replace(
        sample,
        audio=sound[: 5 * rate],
        rest=sound[5 * rate :],
        audio_seconds=5.0,
        duration=10.0,
        times=np.linspace(0.3, 9.7, len(sample.times), dtype=np.float32),
    )
    parts = split_into_windows(long)
    assert [start for start, _ in parts] == [0.0, 2.5, 5.0]
    for start, part in parts:
        np.testing.assert_array_equal(part.audio, sound[int(start * rate) :][: 5 * rate])
        inside = (long.times >= start) & (long.times < start + 5)
        assert len(part.faces) == len(part.emotion_confidences) == inside.sum() > 0
        np.testing.assert_array_equal(part.faces, long.faces[inside])
        assert (part.audio_seconds, len(part.rest)) == (5.0, 0)
    assert [round(start, 2) for start, _ in split_into_windows(replace(long, duration=12.0))] == [0.0, 2.33, 4.67, 7.0]
    short = split_into_windows(replace(sample, audio_seconds=1.0, duration=1.0, rest=sample.rest[:0]))
    assert len(short) == 1


def test_sound_that_ends_early_leaves_windows_without(sample: Sample) -> None:
    quiet = replace(sample, audio_seconds=4.0, rest=sample.rest[:0], duration=10.0)
    assert [part.audio_seconds for _, part in split_into_windows(quiet)] == [4.0, 1.5, 0.0]


def test_a_timeline_of_one_window_equals_the_predictions(sample: Sample, models: list) -> None:
    (_, part), *others = split_into_windows(replace(sample, duration=5.0))
    assert not others
    table = predict_timeline(replace(sample, duration=5.0), models)
    for said in predict_impressions(part, models):
        assert isinstance(said, Impression)
        cells = table[table["model"].eq(said.model)].set_index("trait")["value"]
        assert cells.to_dict() == pytest.approx({trait: said.traits[trait] for trait in TRAIT_NAMES})


def test_nothing_to_see_or_hear_gives_an_empty_timeline(models: list) -> None:
    assert predict_timeline(EMPTY_SAMPLE, models).empty


def test_one_input_is_changed_at_a_time(sample: Sample) -> None:
    changes = dict(vary_handcrafted(sample))
    assert sample.gender is not None
    other = {"male": "female", "female": "male"}[sample.gender]
    assert f"gender: {other}" in changes
    assert f"gender: {sample.gender}" not in changes
    assert len(changes) == 1 + 2 + 7
    assert changes["expression: happy only"].emotions.tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert all(changed.faces is sample.faces for changed in changes.values())


@pytest.mark.trial
def test_counterfactuals_equal_predictions_of_the_changed_sample(sample: Sample, models: list) -> None:
    """Also those of a fusion that reads the inputs only through a branch."""
    audio, visual, _, handcrafted = models
    assert compute_counterfactuals(sample, [audio]).empty
    unheard = replace(sample, audio=sample.audio * 0, audio_seconds=0.0, rest=sample.rest[:0])
    strict = build_network(
        "handcrafted", preset="compact", activation="relu", branches={"audio": audio.network, "visual": visual.network}
    )
    assert compute_counterfactuals(
        unheard, [replace(handcrafted, network=strict.eval())]
    ).empty  # no prediction without sound
    assert not compute_counterfactuals(unheard, [handcrafted]).empty  # a gate can
    branches = {"audio": audio.network, "handcrafted": handcrafted.network}
    network = build_network("fusion", preset="modern", activation="relu", branches=branches).eval()
    fusion = replace(handcrafted, name="fusion", network=network)
    found = compute_counterfactuals(sample, [handcrafted])
    joined = compute_counterfactuals(sample, [fusion])
    for change, other in vary_handcrafted(sample):
        for table, model in ((found, handcrafted), (joined, fusion)):
            (said,) = predict_impressions(other, [model])
            assert isinstance(said, Impression)
            cells = table[table["change"].eq(change)].set_index("trait")
            assert cells["value"].to_dict() == pytest.approx(said.traits, abs=1e-5)
    assert joined["difference"].abs().max() > 1e-4
    (plain,) = predict_impressions(sample, [handcrafted])
    assert isinstance(plain, Impression)
    first = found[found["change"].eq("age: 0") | found["change"].str.startswith("gender")].iloc[0]
    assert first["difference"] == pytest.approx(first["value"] - plain.traits[first["trait"]], abs=1e-5)
    assert found["difference"].abs().max() > 1e-4
