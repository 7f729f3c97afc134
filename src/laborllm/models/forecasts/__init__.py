"""Forecasts: what they are, kept in files, and over other occupations than a model's own."""
