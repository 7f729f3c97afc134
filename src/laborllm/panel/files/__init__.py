"""Panels on disk: one file, read as a whole or some careers at a time."""
