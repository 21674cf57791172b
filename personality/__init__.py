"""Apparent personality from short videos."""

__version__ = "0.1.0"
