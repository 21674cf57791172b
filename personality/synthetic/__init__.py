"""Synthetic people: faces, voices and labels of first impressions."""
