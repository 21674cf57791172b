"""Recipes that produce the included weights, figures and clips."""
