"""Middleware and options of the server. Independent of pages and models."""
