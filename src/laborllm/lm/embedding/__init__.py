"""Vectors of prompts and titles from a frozen base model."""
