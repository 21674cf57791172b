"""Explanations of a prediction: the effects of faces, seconds, words, attributes and modalities."""
