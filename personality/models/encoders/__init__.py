"""Frozen encoders: pretrained networks whose features of faces, sound and words are the inputs of a fusion."""
