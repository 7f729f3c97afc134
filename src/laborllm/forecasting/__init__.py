"""Forecasts of whole panels, a few workers at a time."""
