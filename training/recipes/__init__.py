"""Recipes that produce the shipped weights, figures and clips."""
