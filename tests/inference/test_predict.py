from dataclasses import replace

import numpy as np
import pytest

from personality.assets import demo
from personality.inference.predict import NO_PERSON_MESSAGE, Impression, Unavailable, load_models, predict_impressions
from personality.inference.prediction_document import prediction_to_json
from personality.preprocessing.sample import Sample, read_sample

AUDIO, VISUAL, AUDIOVISUAL, HANDCRAFTED = (folder.name for folder in demo.PRACTICE_MODEL_FOLDERS)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """The practice sample, with an interval of speech, because its voice is not in any language."""
    return replace(read_sample(demo.DEMO_CLIP_FILE), speech=((0.5, 4.5),))


def without_face(sample: Sample) -> Sample:
    return replace(sample, faces=sample.faces[:0], age=None, gender=None, emotions=np.zeros(7, np.float32))


def test_without_a_face_audio_predicts_and_fusions_have_a_caveat(sample: Sample) -> None:
    faceless, models = without_face(sample), load_models(demo.PRACTICE_MODEL_FOLDERS)
    predictions = {piece.model: piece for piece in predict_impressions(faceless, models)}
    audio = predictions[AUDIO]
    assert isinstance(audio, Impression)
    assert audio.caveat == ""
    assert predictions[VISUAL] == Unavailable(VISUAL, "no face was found")
    for name in (AUDIOVISUAL, HANDCRAFTED):
        fusion = predictions[name]
        assert isinstance(fusion, Impression)
        assert fusion.caveat == "no face was found"
    document = prediction_to_json("clip", [faceless, *predictions.values()], models)
    assert set(document["traits"]) == {AUDIO, AUDIOVISUAL, HANDCRAFTED}
    assert sum("no face was found" in warning for warning in document["warnings"]) >= 3


def test_without_face_and_speech_no_model_predicts(sample: Sample) -> None:
    for speechless in (replace(sample, speech=()), replace(sample, speech=(), audio_seconds=0.0)):
        predictions = list(predict_impressions(without_face(speechless), load_models(demo.PRACTICE_MODEL_FOLDERS)))
        assert predictions == [Unavailable(folder.name, NO_PERSON_MESSAGE) for folder in demo.PRACTICE_MODEL_FOLDERS]


def test_visual_prediction_does_not_depend_on_sound(sample: Sample) -> None:
    models = load_models(demo.PRACTICE_MODEL_FOLDERS)
    whole = {piece.model: piece for piece in predict_impressions(sample, models)}
    silent = {piece.model: piece for piece in predict_impressions(replace(sample, audio_seconds=0.0), models)}
    assert silent[VISUAL] == whole[VISUAL]
    assert silent[AUDIO] == Unavailable(AUDIO, "there is no sound")


def test_shared_networks_are_loaded_once() -> None:
    audio, visual, audiovisual, handcrafted = load_models(demo.PRACTICE_MODEL_FOLDERS)
    for fusion in (audiovisual, handcrafted):
        assert fusion.network.get_submodule("branches.audio") is audio.network
        assert fusion.network.get_submodule("branches.visual") is visual.network


def test_fusion_loads_branches_from_neighboring_folders() -> None:
    (model,) = load_models(demo.PRACTICE_MODEL_FOLDERS[2:3])
    assert {name for name, _ in model.network.get_submodule("branches").named_children()} == {"audio", "visual"}
