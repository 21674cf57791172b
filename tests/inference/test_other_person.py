"""What differs between two people of one clip."""

from dataclasses import replace

import numpy as np

from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS
from personality.inference.face_impressions import FaceImpressions
from personality.inference.other_person import models_of_faces, predict_other_person
from personality.inference.predict import Impression, Unavailable, load_models
from personality.preprocessing.sample import EMPTY_SAMPLE
from personality.preprocessing.speech_to_text import Transcript

WORDS = Transcript("I like to read books", ())
OTHER = replace(
    EMPTY_SAMPLE,
    faces=np.full((2, 224, 224, 3), 90, np.uint8),
    times=np.array([0.0, 1.0], np.float32),
    boxes=np.zeros((2, 4), np.int32),
    scores=np.ones(2, np.float32),
    emotion_confidences=np.full((2, 7), 1 / 7, np.float32),
    duration=2.0,
)


def test_models_of_voice_and_words_are_left_out() -> None:
    models = load_models([*REAL_MODEL_FOLDERS, *PRACTICE_MODELS])
    reading = [f"practice_{name}" for name in ("visual", "audiovisual", "handcrafted")]
    assert sorted(model.name for model in models_of_faces(models)) == sorted(reading)
    pieces = predict_other_person(OTHER, WORDS, models)
    predicted = [piece.model for piece in pieces if isinstance(piece, Impression | Unavailable)]
    assert sorted(predicted) == sorted(reading)
    assert [piece.faces for piece in pieces if isinstance(piece, FaceImpressions)] == [2]
    assert not any(isinstance(piece, Transcript) for piece in pieces)  # no model of faces reads words


def test_without_a_model_of_faces_the_face_is_rated() -> None:
    (rated,) = predict_other_person(OTHER, None, load_models(REAL_MODEL_FOLDERS))
    assert isinstance(rated, FaceImpressions)
