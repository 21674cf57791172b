from dataclasses import replace

import numpy as np

from personality import demo
from personality.predict import Impression, Silence, as_json, impressions, load_models
from personality.preprocessing.sample import read_sample


def test_without_a_face_sound_speaks_and_fusions_say_what_they_lack() -> None:
    sample = read_sample(demo.CLIP)
    blind = replace(sample, faces=sample.faces[:0], age=None, gender=None, emotions=np.zeros(7, np.float32))
    heard = {piece.model: piece for piece in impressions(blind, load_models(demo.MODELS))}
    assert isinstance(heard["audio"], Impression)
    assert heard["audio"].although == ""
    assert heard["visual"] == Silence("visual", "no face was found")
    for name in ("audiovisual", "handcrafted"):
        piece = heard[name]
        assert isinstance(piece, Impression)
        assert piece.although == "no face was found"
    warnings = as_json("clip", [blind, *heard.values()])["warnings"]
    assert "visual gives no answer: no face was found" in warnings
    assert "audiovisual speaks although no face was found" in warnings


def test_without_a_face_or_sound_nobody_speaks() -> None:
    sample = read_sample(demo.CLIP)
    nothing = replace(sample, faces=sample.faces[:0], audio_seconds=0.0)
    for piece in impressions(nothing, load_models(demo.MODELS)):
        assert isinstance(piece, Silence)


def test_without_sound_the_visual_model_speaks_as_it_does_with_it() -> None:
    sample, models = read_sample(demo.CLIP), load_models(demo.MODELS)
    whole = {piece.model: piece for piece in impressions(sample, models)}
    heard = {piece.model: piece for piece in impressions(replace(sample, audio_seconds=0.0), models)}
    assert heard["visual"] == whole["visual"]
    assert heard["audio"] == Silence("audio", "there is no sound")


def test_networks_shared_by_models_are_in_memory_once() -> None:
    audio, visual, audiovisual, handcrafted = load_models(demo.MODELS)
    for fusion in (audiovisual, handcrafted):
        assert fusion.network.get_submodule("branches.audio") is audio.network
        assert fusion.network.get_submodule("branches.visual") is visual.network


def test_a_folder_alone_loads_its_branches_from_beside_it() -> None:
    (model,) = load_models(demo.MODELS[2:3])
    assert {name for name, _ in model.network.get_submodule("branches").named_children()} == {"audio", "visual"}
