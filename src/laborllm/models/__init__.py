"""Occupation models: one contract, one file per model. Importing this package loads no torch."""
