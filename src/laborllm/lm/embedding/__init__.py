"""Vectors of prompts and titles from a frozen base model."""

from typing import Literal

Pooling = Literal["last", "mean"]
"""Which hidden states make the vector of a prompt: its last token's, or the mean over all."""
