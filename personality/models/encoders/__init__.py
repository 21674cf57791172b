"""Frozen encoders: networks that others trained, from whose features of faces, sound and words a fusion learns."""
